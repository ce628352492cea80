"""Who a meter says it is, looked at once per association, before a value of it is published.

The problem: meters are exchanged, lines are shared and addresses are slipped, and then base names, classes and powers
of ten that were learnt of one meter make false numbers of another's. A meter names itself in two places: the logical
device name 0.0.42.0.0.255 (Blue Book 6.2.13; under short names always at 0xFD00) and the device number 0.0.96.1.0.255.
The first is read in every association, the second where the first says nothing or something is in doubt.

The dirt: numbers padded with zeros, blanks and NULs; names that hold binary; meters that have neither; a device number
printed with letters that the label lacks. So only a number of the same shape that differs is another meter's.
"""

from __future__ import annotations

from ...conversation import NOTICE, Tell
from ...errors import DecodeError, Silence, WrongMeter
from .data import plain
from .enumerations import DATA
from .naming import Item, attribute_name
from .objects import DEVICE_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from .memory import DlmsMemory
    from .objects import Directory
    from .reader import Reader
    from .reading import Values
    from .settings import Settings

LOGICAL_DEVICE_NAME = b"\x00\x00\x2a\x00\x00\xff"
SN_LOGICAL_DEVICE_NAME = 0xFD00
WORDS = {LOGICAL_DEVICE_NAME: "logical device name", DEVICE_NUMBER: "device number"}
HEX = {name: name.hex() for name in WORDS}
MAX_TEXT = 64
DIGITS_OF_ONE = 5
REFUSED, SILENT = "refused", "silent"
SAME, UNKNOWN, ANOTHER = range(3)
FORGOTTEN = "what was learnt of the former one is forgotten"


def normal(text: str) -> str:
    """Without blanks and NULs, in capitals, and without the zeros that lead a number."""
    pieces: list[str] = []
    for character in text.upper():
        if character in " \0\t":
            continue
        digit = character.isdecimal()
        if pieces and pieces[-1][-1:].isdecimal() == digit and pieces[-1]:
            pieces[-1] += character
        else:
            pieces.append(character)
    return "".join([piece.lstrip("0") or "0" if piece[0].isdecimal() else piece for piece in pieces])


def shape(text: str) -> str:
    """Runs of digits as 9, of letters as A: what two numbers of one kind have in common."""
    kinds = ["9" if one.isdecimal() else "A" if one.isalpha() else one for one in text]
    return "".join([kind for index, kind in enumerate(kinds) if index == 0 or kinds[index - 1] != kind])


def is_another(expected: str, told: dict[bytes, str]) -> bool:
    """Whether what the meter tells is positively not `expected`: the same kind of number, and none that is equal."""
    wanted = normal(expected)
    found = [normal(text) for text in told.values()]
    if not wanted or wanted in found:
        return False
    return any(shape(text) == shape(wanted) for text in found)


class Acquaintance:
    """What one meter tells of itself over one association, held against what is expected and what is remembered."""

    def __init__(self, reader: Reader, directory: Directory, memory: DlmsMemory, expected: str) -> None:
        self.reader = reader
        self.directory = directory
        self.memory = memory
        self.expected = expected

    def meet(self, thoroughly: bool) -> Conversation:
        """Look at the name, and `thoroughly` at the number too. Returns: SAME, UNKNOWN or ANOTHER.

        Raises: WrongMeter in words, before anything is remembered of the one that answers; LineError; Disconnected.
        """
        remembered = self.memory.identity
        told = yield from self._ask(LOGICAL_DEVICE_NAME)
        if thoroughly or not any(
            _tells_one(text) and remembered.get(name.hex()) == text for name, text in told.items()
        ):
            told.update((yield from self._ask(DEVICE_NUMBER)))
        if self.expected and DEVICE_NUMBER not in told and is_another(self.expected, told):
            told.update((yield from self._ask(DEVICE_NUMBER)))
        self._hold_against_expected(told)
        both = [(remembered[name.hex()], text) for name, text in told.items() if name.hex() in remembered]
        another = any(before != now for before, now in both)
        fresh = {HEX[name]: text for name, text in told.items()}
        fresh = fresh if another else {**remembered, **fresh}
        if fresh != remembered:
            self.memory.identity = fresh
            self.memory.save(lore=True)
        if another:
            words = ", ".join([f'{WORDS[name]} "{text[:32]}"' for name, text in told.items()])
            former = ", ".join([f'"{before[:32]}"' for before, now in both if before != now])
            yield Tell(NOTICE, f"another meter answers, with {words} in place of {former}; {FORGOTTEN}")
            return ANOTHER
        return SAME if both else UNKNOWN

    def _hold_against_expected(self, told: dict[bytes, str]) -> None:
        if is_another(self.expected, told):
            words = ", ".join([f'{WORDS[name]} "{text[:32]}"' for name, text in told.items()])
            raise WrongMeter(f'the meter that answers has {words}, not "{self.expected}" (expect_serial)')

    def _ask(self, name: bytes) -> Conversation:
        """{name: text}, empty where the meter tells none, which it is not asked for again."""
        item = yield from self._item(name)
        if item is None or name.hex() in self.memory.untold:
            return {}
        try:
            code, value = yield from self.reader.attempt(item)
        except Silence:
            self._untold(name, SILENT)  # about what it does not know; the next association does without
            raise
        text = _text(value) if not code else None
        if text is None:
            self._untold(name, REFUSED)
            return {}
        return {name: text}

    def _untold(self, name: bytes, how: str) -> None:
        self.memory.not_told(name.hex(), how)
        self.memory.save(lore=True)

    def _item(self, name: bytes) -> Conversation:
        if self.directory.logical():
            return Item(DATA, name, 2)
        if name == LOGICAL_DEVICE_NAME:
            return Item(DATA, name, 2, short_name=attribute_name(SN_LOGICAL_DEVICE_NAME, 2))
        if self.expected:
            yield from self.directory.learn([name], [])
        found = self.directory.find(name)
        return None if found is None else Item(found[0], name, 2, short_name=attribute_name(found[1], 2))


def _tells_one(text: str) -> bool:
    """Whether a name can be one meter's alone; some makers give the same one to all."""
    return text.startswith("0x") or sum(map(str.isdecimal, text)) >= DIGITS_OF_ONE


def introduced(values: Values, memory: DlmsMemory, settings: Settings, thoroughly: bool) -> Conversation:
    """Who answers at the device's address. Returns: SAME, UNKNOWN, or None where what was learnt is of another meter.

    A device that was moved to another port has moved with its meter only where the meter says so.
    """
    if thoroughly:
        for name in [name for name, how in memory.untold.items() if how == REFUSED]:
            del memory.untold[name]
    moved = bool(memory.endpoint) and memory.endpoint != settings.endpoint
    found = UNKNOWN
    if settings.check_identity:
        acquaintance = Acquaintance(values.reader, values.directory, memory, settings.expected)
        found = yield from acquaintance.meet(thoroughly or moved)
    if memory.endpoint != settings.endpoint:
        memory.endpoint = settings.endpoint
        memory.save(lore=True)
    if moved and found == UNKNOWN:
        yield Tell(NOTICE, f"it was moved to another port, and does not say that it is the same meter; {FORGOTTEN}")
        return None
    return None if found == ANOTHER else found


def _text(value: Any) -> str | None:
    """What is told as text; binary as hex with a mark that no number has, so that it equals only itself."""
    try:
        text = plain(value)
    except DecodeError:
        return None
    if text is None or isinstance(value, (list, tuple, float)):
        return None
    told = str(text).strip(" \0")[:MAX_TEXT]
    if isinstance(value, bytes) and told == value.hex():
        told = f"0x{told}"
    return told or None
