"""Finding every meter on a bus: a sweep over the primary addresses, and a tree of secondary addresses with wildcards.

The problem: 10^8 identifications cannot be tried; but a wildcard stands for any digit, and when several meters answer
at once their answers collide, so a branch with a collision is split by its next digit and one in silence is left.
Assumptions: identifications are decimal, the rest hexadecimal. A branch that collided holds two meters at least: where
its digits show fewer, it is gone through again with A to E, and then by the digit after. F is the wildcard itself, so a
meter whose digit is F answers only where that digit is left open (`CROWD`).
Standard: EN 13757-3 clause 11.5. Digits 0 to 7 are the identification, 8 to 15 manufacturer, version and medium.
Dirt it must survive: collisions that look like one good E5, noise that looks like a collision, meters that vanish
between selection and answer, duplicates, a line that never stops babbling.

The state of a search is a plain value (dicts, lists, texts, numbers): kept by the caller, it lets a search that was
stopped go on where it was.
"""

from __future__ import annotations

from ..._mbus_telegram import Telegram
from ...conversation import LineSettings
from ...errors import Garbled, ProtocolError, Refused, Silence
from ...names.makers import from_mbus
from . import link as wire
from .conversation import MeterState, ask_with_retries, deselect, request, select
from .identity import Identity
from .link import Link
from .telegram import header_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation

    State = dict[str, Any]
    Progress = Callable[[State], None]

DIGITS = "0123456789"
HEX_DIGITS = "0123456789ABCDE"
IDENTIFICATION = 8  # digits of it; they are decimal
# In this order digits are tried: behind the identification first those that no sound meter has at F, the high digits of
# the manufacturer's code (three letters) and of the medium.
ORDER = (0, 1, 2, 3, 4, 5, 6, 7, 10, 14, 11, 8, 9, 13, 12, 15)
# So many meters of one branch may hide one more, whose digit is F, on a bus of sound meters and on any other.
CROWD, ODD_CROWD = 3, 2
# Those digits in sound meters.
SOUND = {10: "01234567", 14: "0123"}
ATTEMPTS_TO_READ = 3  # a meter that is there is asked this often who it is
MAX_CLASHES = 64  # addresses that several meters seem to share, before the line is taken to babble

NONE, ONE, SEVERAL = 0, 1, 2


def new_state(
    baudrates: tuple[int, ...] = (2400,),
    primary: bool = True,
    secondary: bool = True,
    mask: str = wire.WILDCARDS,
) -> State:
    """A search that has not begun. `mask`: a secondary address (16 digits) that all meters sought must fit.

    A caller may read `found`, a list of dicts (see `describe`); `clashes`, addresses that several meters share and
    nothing tells apart; `selections` made; `baudrate` and `at` (address or mask) for a progress line; `done`.
    """
    return {
        "baudrates": list(baudrates),
        "parts": [part for part, wanted in (("primary", primary), ("secondary", secondary)) if wanted],
        "mask": mask,
        "part": 0,
        "next_primary": 0,
        "branches": None,
        "found": [],
        "clashes": [],
        "selections": 0,
        "baudrate": 0,
        "at": "",
        "done": False,
    }


def scan(
    state: State,
    *,
    timeout_ms: int = 0,
    attempts: int = 1,
    settings: LineSettings | None = None,
    progress: Progress | None = None,
) -> Conversation:
    """Go through what `state` still has to do, changing it on the way. Returns: state["found"].

    `settings` is the character format (8E1 unless given), None over TCP is `LineSettings` all the same: a TCP line
    ignores it. `attempts`: how often an address is tried that stays silent; more than 1 only helps a line that loses
    answers, and takes as many times as long. `progress(state)` is called at every address.
    Raises: PortGone, Aborted; Garbled where collisions have no end.
    """
    settings = settings or LineSettings(wire.STANDARD_BAUDRATE, 8, "even", 1)
    while state["baudrates"]:
        baudrate = state["baudrate"] = state["baudrates"][0]
        yield settings.at(baudrate)
        search = Search(state, Link(baudrate, timeout_ms, attempts), progress)
        while state["part"] < len(state["parts"]):
            yield from search.primary() if state["parts"][state["part"]] == "primary" else search.secondary()
            state["part"] += 1
        state.update(part=0, next_primary=0, branches=None)
        state["baudrates"].pop(0)
    state["done"] = True
    return state["found"]


class Search:
    """One speed of a search under way."""

    __slots__ = ("link", "progress", "state")

    def __init__(self, state: State, link: Link, progress: Progress | None) -> None:
        self.state = state
        self.link = link
        self.progress = progress

    def primary(self) -> Conversation:
        """SND_NKE to each address; who confirms is asked for a telegram, to learn who it is."""
        while self.state["next_primary"] <= wire.HIGHEST_PRIMARY:
            address = self.state["next_primary"]
            if (yield from self._ping(address)):
                yield from self._identify_primary(address)
            self.state["next_primary"] = address + 1
            self._tell(str(address))

    def _ping(self, address: int) -> Conversation:
        """Whether anything answers at a primary address."""
        try:
            yield from ask_with_retries(self.link, wire.short_frame(wire.SND_NKE, address))
        except Silence:
            return False
        except (Garbled, ProtocolError):
            pass
        return True

    def _identify_primary(self, address: int) -> Conversation:
        seen, telegram = yield from self._who(address)
        if seen == ONE:
            self._found(describe(telegram, str(address), self.state["baudrate"]))
        elif seen == SEVERAL:
            self._clash(str(address))

    def secondary(self) -> Conversation:
        """The tree, depth first. Raises: Garbled where collisions have no end."""
        if self.state["branches"] is None:
            seen, telegram = yield from self._look(self.state["mask"])
            self.state["branches"] = []
            self._note(self.state["mask"], 0, seen, telegram)
        while self.state["branches"]:
            branch = self.state["branches"][-1]
            digits = HEX_DIGITS if branch["repeated"] or branch["step"] >= IDENTIFICATION else DIGITS
            if branch["digit"] < len(digits):
                yield from self._next_digit(branch, digits)
            elif branch["seen"] < SEVERAL and not branch["repeated"]:
                branch.update(digit=0, seen=0, repeated=True)
            else:
                yield from self._close(branch)
        yield from deselect(self.link)

    def _next_digit(self, branch: dict[str, Any], digits: str) -> Conversation:
        mask, step, digit = branch["mask"], branch["step"], branch["digit"]
        place = ORDER[step]
        child = mask[:place] + digits[digit] + mask[place + 1 :]
        known = self._known(child) if branch["open"] else []
        if len(known) > 1:
            # They collide, as is known; what hides behind them shows at a further digit.
            seen = self._split(child, step + 1, open=len(known))
        # Several meters, and none of them with any other digit: they have the last one, which need not be asked.
        elif digits == DIGITS and digit == len(digits) - 1 and not branch["seen"] and not branch["guessed"]:
            seen = self._split(child, step + 1, guessed=True)
        else:
            seen, telegram = yield from self._look(child, known)
            self._note(child, step + 1, seen, telegram)
        branch["digit"] += 1
        branch["seen"] += seen

    def _close(self, branch: dict[str, Any]) -> Conversation:
        """All digits of a branch are done; what it may still hide has this digit F."""
        mask, step, seen = branch["mask"], branch["step"], branch["seen"]
        branches = self.state["branches"]
        if seen < SEVERAL and branch["guessed"]:
            # The guess was wrong: the branch above has its meters elsewhere, and finds out by repeating.
            branches.pop()
            branches[-1]["seen"] -= SEVERAL
            return
        if seen < SEVERAL and not branch["open"]:
            again, _ = yield from self._look(mask)
            branches.pop()
            if again == SEVERAL:
                self._split(mask, step + 1)
            return
        branches.pop()
        if step >= IDENTIFICATION:
            count = len(self._known(mask))
            if count > branch["open"] if branch["open"] else self._may_hide(mask, ORDER[step]):
                self._split(mask, step + 1, open=count)

    def _may_hide(self, mask: str, place: int) -> bool:
        """Whether a meter with F at `place` may be behind those that were found."""
        addresses = [meter["secondary_address"] for meter in self.state["found"] if meter["secondary_address"]]
        sound = all(address[spot] in digits for address in addresses for spot, digits in SOUND.items())
        if sound and place in SOUND:
            return False
        return len(self._known(mask)) >= (CROWD if sound else ODD_CROWD)

    def _note(self, mask: str, step: int, seen: int, telegram: Telegram | None) -> None:
        """What a mask brought: a meter alone is noted, several make a branch."""
        if seen == ONE:
            self._found(describe(telegram, mask, self.state["baudrate"], secondary=True))
        elif seen == SEVERAL:
            self._split(mask, step)

    def _look(self, mask: str, known: list[dict[str, Any]] | None = None) -> Conversation:
        """Select a mask and see who answers. `known`: the meter that should, if one should.

        Returns: (NONE, ONE or SEVERAL, Telegram or None).
        """
        self.state["selections"] += 1
        self._tell(mask)
        try:
            yield from select(self.link, mask)
        except Silence:
            return NONE, None
        except (Garbled, ProtocolError):
            return SEVERAL, None
        seen, telegram = yield from self._who(wire.NETWORK, known)
        if telegram is None and "F" in mask:
            # Somebody is there and does not say who: the digits will tell, and whether it is one.
            seen = SEVERAL
        return seen, telegram

    def _split(self, mask: str, step: int, guessed: bool = False, open: int = 0) -> int:
        """A branch over the first open digit from `step` on.

        `guessed`: no answer has shown that there are several; `open`: so many meters of it have been found, and only
        what hides behind them is sought.
        """
        while step < len(ORDER) and mask[ORDER[step]] != "F":
            step += 1
        if step < len(ORDER):
            branch = {"mask": mask, "step": step, "digit": 0, "seen": 0, "repeated": open > 0}
            branch.update(guessed=guessed, open=open)
            self.state["branches"].append(branch)
        elif not open:
            self._clash(mask)
        return SEVERAL

    def _known(self, mask: str) -> list[dict[str, Any]]:
        """Meters found at this speed that a mask covers."""
        pairs = ((meter, meter["secondary_address"]) for meter in self.state["found"] if not meter["primary"])
        return [
            meter
            for meter, address in pairs
            if address
            and meter["baudrate"] == self.state["baudrate"]
            and all(wanted in ("F", digit) for wanted, digit in zip(mask, address, strict=True))
        ]

    def _who(self, address: int, known: list[dict[str, Any]] | None = None) -> Conversation:
        """Ask who is there, twice unless it is whom we know: the overlay of two answers may pass for a third meter's.

        Returns: (NONE, ONE or SEVERAL, Telegram or None).
        """
        meter = MeterState()
        seen, telegram = yield from self._ask_who(address, meter)
        if telegram is None or (known and known[0]["secondary_address"] == Identity(telegram).secondary_address):
            return seen, telegram
        _, again = yield from self._ask_who(address, meter)
        return (ONE, telegram) if again and again.identity == telegram.identity else (SEVERAL, None)

    def _ask_who(self, address: int, meter: MeterState) -> Conversation:
        for _ in range(ATTEMPTS_TO_READ):
            try:
                frame = yield from request(self.link, address, meter)
            except Silence:
                continue
            except (Garbled, ProtocolError):
                return SEVERAL, None
            except Refused:
                return ONE, None
            return ONE, header_of(frame)
        return ONE, None

    def _found(self, meter: dict[str, Any]) -> None:
        if meter not in self.state["found"]:
            self.state["found"].append(meter)

    def _clash(self, address: str) -> None:
        if address not in self.state["clashes"]:
            self.state["clashes"].append(address)
        if len(self.state["clashes"]) > MAX_CLASHES:
            raise Garbled("every address collides: the line babbles, or nothing of it comes through whole")

    def _tell(self, address: str) -> None:
        self.state["at"] = address
        if self.progress is not None:
            self.progress(self.state)


def describe(telegram: Telegram | None, address: str, baudrate: int, secondary: bool = False) -> dict[str, Any]:
    """A meter found. `address` is what a device's `address` needs: primary, or 16 digits as far as they are known."""
    who = Identity(telegram or Telegram([]))
    told = who.secondary_address
    if secondary:
        # The fixed data structure tells the identification alone.
        number = who.identification
        address = told or (number + wire.WILDCARDS[len(number) :] if number else address)
    return {
        "address": address,
        "primary": not secondary,
        "secondary_address": told,
        "baudrate": baudrate,
        "identification": who.identification,
        "manufacturer": who.manufacturer,
        "version": who.version,
        "medium": who.medium,
    }


def count_of(found: list[dict[str, Any]]) -> int:
    """How many meters were found, each counted once, by whichever of its addresses."""
    return len({meter["secondary_address"] or meter["address"] for meter in found})


def device_rows(found: list[dict[str, Any]], timeout_ms: int, line: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the Devices table for meters found; `line` holds `device` or `ip` and `port`.

    A meter found by both of its addresses becomes one device, under its primary address.
    """
    rows: list[dict[str, Any]] = []
    known: set[str] = set()
    for meter in sorted(found, key=lambda meter: len(meter["address"])):
        identity = meter["secondary_address"] or meter["address"]
        if identity in known:
            continue
        known.add(identity)
        plate = from_mbus(
            meter["manufacturer"], meter["version"], meter["medium"], meter["identification"] or meter["address"]
        )
        row = {
            "name": plate.words(),
            "device_alias": f"mbus-{identity}",
            "protocol": "mbus tcp" if "ip" in line else "mbus serial",
            "address": meter["address"],
            "timeout_ms": timeout_ms,
            **line,
        }
        if "ip" not in line:
            row.update(baudrate=meter["baudrate"], databits=8, stopbits=1, parity="even")
        rows.append(row)
    return rows
