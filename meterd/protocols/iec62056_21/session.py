"""One dialogue with a meter: sign-on in modes A, B, C and D, and whole blocks asked for again until they are right.

IEC 62056-21 clauses 5 (character transmission, times), 6.3 (messages) and 6.4 (modes).

What the meter identifies decides the mode: a device configured as C or B follows digit, letter or blank, since a meter
that sends a blank will not wait for an acknowledgement and one that sends a digit will. Only `type` A is taken at its
word: nothing is acknowledged or switched, and a meter with a digit starts by itself after its own time-out. A meter
whose list follows its identification at once is not waiting for anybody: it pushes (mode D), whatever it says. That
holds for the dialogue at hand, and is told of the meter only where the list came whole.

Dirt: meters that stay at the opening speed although acknowledged (silence, or garbage, at the new one); converters
that garble a speed, or carry 7 bits with parity as 8; blocks with a wrong or no block check, or with a sum for one;
repeated blocks; identifications that come twice; a meter that still talks to nobody; another meter's late answer.
"""

from __future__ import annotations

from ..._readout_dialogue import IdentificationDecoder
from ...conversation import NOTICE, LineSettings, Pause, Receive, Send, Tell
from ...errors import DecodeError, Garbled, Incomplete, LineError, Silence, WrongMeter
from . import identity, speeds
from .learnt import PUSHES
from .listening import behind_identification, is_list, quiet
from .messages import ACK, MODE_B_BAUDRATES, NAK, Identification, acknowledgement, request_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..._readout_block import DataSet
    from ..._readout_dialogue import ProgrammingDecoder
    from ..._readout_list import ReadoutDecoder
    from ..._readout_message import Message
    from ...conversation import Conversation
    from .learnt import Learnt
    from .settings import SessionSettings

SELF_START_MS = 2500  # by then a meter that is not acknowledged starts at the opening speed (AS1440: 1.5 s)
MAX_NAKS = 2  # repetitions asked for, per block
T_R_S = 1.5  # t_r, clause 6.4.3: the longest time before a meter's next message
SETTLE_MS = 200  # t_r, clause 6.4.3: the shortest time before a meter's next message
STAYS = 2  # times that a meter was heard at its opening speed only, before nothing else is tried
MAX_STRAYS = 4  # messages that answer something else, per question
MAX_PARTS = 1000  # partial blocks of one answer
MAX_ANSWER = 1 << 20  # bytes of all partial blocks of one answer


class Session:
    """One device's dialogues, one after the other; what it learns of the meter is kept in the device's memory.

    `mode`, `rest` and `identification` belong to the sign-on at hand: the mode in force, the bytes behind the
    identification, and its line; `told` are the numbers that the meter has called itself by. `late`: answers to
    something that was asked before may still come.
    """

    __slots__ = (
        "_brief", "_restless", "identification", "late", "learnt", "mode", "parity", "rest", "settings", "speed",
        "told",
    )  # fmt: skip

    def __init__(self, settings: SessionSettings, learnt: Learnt, brief: bool = False) -> None:
        self.settings = settings
        self.learnt = learnt
        self.mode = settings.mode
        self.identification = b""
        self.rest = b""
        self.parity = ""
        self.speed = self._opening_speed()
        self.late = False
        self.told: list[str] = []
        self._brief = brief
        self._restless = False  # somebody may still be talking from the dialogue before

    def dialogue(self, mode_control: int, attempts: int, talk: Callable[[], Conversation]) -> Conversation:
        """Sign on and run `talk()`, tried over on line errors, `attempts` times at most; another meter's answer once.

        A line with others to serve wants a single attempt of a meter that has not answered lately.
        Returns: what `talk` returned. Raises: the last Silence, Incomplete or Garbled; WrongMeter.
        """
        left = 1 if self._brief else attempts
        strangers = 0
        while True:
            left -= 1
            try:
                value = yield from self._attempt(mode_control, talk)
            except WrongMeter:
                strangers += 1
                if strangers > 1 or left <= 0:
                    raise
                self._restless = True
            except (Silence, Garbled) as error:
                if left <= 0:
                    pushes = self.learnt.pushes
                    self.learnt.failed()
                    if pushes:
                        raise type(error)(f"{error}; {PUSHES}") from None
                    raise
            else:
                self.learnt.worked()
                return value

    def _attempt(self, mode_control: int, talk: Callable[[], Conversation]) -> Conversation:
        learnt = self.learnt
        if self._restless:
            yield from quiet()
        self._restless = False
        self.late = learnt.cut_off
        signed_on = False
        try:
            yield from self.sign_on(mode_control)
            signed_on = self._restless = learnt.cut_off = True
            value = yield from talk()
            self._restless = learnt.cut_off = False
            return value
        except (Silence, Garbled) as error:
            self._restless = self._restless or not isinstance(error, Silence)
            if not signed_on:
                learnt.parity_tries += 1
                raise
            self._damaged(error)
            if isinstance(error, Silence) and self.identification:
                raise Incomplete(f"{self._called_itself()} and then fell silent: {error}") from None
            raise

    def _called_itself(self) -> str:
        return f"the meter identified itself as {_shown(self.identification)}"

    def sign_on(self, mode_control: int) -> Conversation:
        """Up to the answer's beginning, its speed included, as the mode wants. Raises: Silence, Incomplete, Garbled."""
        settings = self.settings
        yield from self._ask()
        if settings.answers_row:  # and nothing before it
            self.mode = "A"
            yield from self._to(settings.read_baudrate or self.speed)
            return
        decoder = IdentificationDecoder()
        identification = Identification((yield Receive(decoder, settings.timeout_ms, settings.gap_ms)))
        self.rest = decoder.take_rest()
        self.identification = identification.line
        former = self.learnt.met(identification.line)
        if former:
            yield Tell(NOTICE, f"{self._called_itself()}, and did as {_shown(former)}; what was learnt is forgotten")
        self.mode = "A" if settings.mode == "A" else identification.mode()
        if self.mode == "C":
            yield from self._acknowledge(identification.baud_character - ord("0"), mode_control)
        elif self.mode == "B":
            yield from self._to(
                self._choice(speeds.in_mode_b(settings, MODE_B_BAUDRATES[identification.baud_character])).speed
            )

    def _ask(self) -> Conversation:
        settings = self.settings
        yield from self._opening_settings()
        yield from _wake_up(settings)
        yield Send(request_message(settings.serial, settings.request))

    def _opening_settings(self) -> Conversation:
        settings = self.settings
        if settings.opening is not None:
            self.speed = settings.opening.baudrate
            yield settings.opening
            return
        parity = settings.parities[self.learnt.parity_tries % len(settings.parities)]
        if parity or self.parity:
            self.parity = parity
            yield LineSettings(9600, 7 if parity else 8, parity or "none", within_eight=True)

    @property
    def seven_bit(self) -> bool:
        """Whether bit 7 of a character tells that its parity was wrong."""
        return self.settings.seven_bit or bool(self.parity)

    def _acknowledge(self, proposed: int, mode_control: int) -> Conversation:
        settings = self.settings
        self.rest = yield from behind_identification(self.rest, settings.t2_ms)
        if is_list(self.rest):
            self.mode = "D"
            return
        self.rest = b""
        choices = speeds.in_mode_c(settings, proposed)
        choice = choices[-1] if self.learnt.stayed >= STAYS else self._choice(choices)
        yield Send(acknowledgement(settings.protocol_control, choice.character, mode_control))
        if settings.baud_change_delay_ms and settings.opening is not None:
            yield Pause(settings.baud_change_delay_ms / 1000)
        yield from self._to(choice.speed)

    def _to(self, speed: int) -> Conversation:
        opening = self.settings.opening
        if opening is not None and speed != self.speed:
            self.speed = speed
            yield opening.at(speed)

    def _opening_speed(self) -> int:
        return self.settings.opening.baudrate if self.settings.opening else 0

    def switched(self) -> bool:
        return self.speed != self._opening_speed()

    def _choice(self, choices: list[speeds.Choice]) -> speeds.Choice:
        """The first that is not known to give nothing; when none does, the round begins anew."""
        return choices[self.learnt.steps_down % len(choices)]

    def first_block(self, decoder: ReadoutDecoder) -> Conversation:
        """The first block of a read-out, wherever the meter sends it: at the new speed, or by itself at the old one."""
        settings = self.settings
        # Mode A by configuration, digit by nature: the meter waits in vain for an acknowledgement before it starts.
        timeout_ms = settings.timeout_ms + (SELF_START_MS if settings.mode == "A" else 0)
        try:
            return (yield from self._receive(decoder, timeout_ms))
        except Silence:
            if not self.switched():
                raise
            tried = self.speed
            yield from self._to(self._opening_speed())
            try:
                message = yield from self._receive(decoder, settings.timeout_ms + SELF_START_MS)
            except Silence:
                self.learnt.stayed = 0
                self.speed = tried  # that is where it was silent: the next dialogue tries another
                raise
            self.learnt.stayed += 1
            return message

    def receive(self, decoder: ReadoutDecoder | ProgrammingDecoder) -> Conversation:
        """One message to its end, whatever its verdict. Raises: Silence, Incomplete, Garbled."""
        message = yield from self._receive(decoder, self.settings.timeout_ms)
        while not message.complete:  # an early stop is for the first block only
            message = yield from self._receive(decoder, self.settings.timeout_ms)
        return message

    def _receive(self, decoder: ReadoutDecoder | ProgrammingDecoder, timeout_ms: int) -> Conversation:
        try:
            return (yield Receive(decoder, timeout_ms, self.settings.gap_ms))
        except DecodeError as error:  # longer than any block: the line babbles
            raise Garbled(str(error)) from None

    def good(self, decoder: ReadoutDecoder | ProgrammingDecoder, message: Message) -> Conversation:
        """`message`, or its repetition if its block check is wrong. Raises: Garbled where no repetition is better."""
        sums = 0
        for left in range(MAX_NAKS, -1, -1):
            verdict = self._verdict(message, sums)
            if verdict is not False:
                return message
            sums += message.sum_fits
            if not left:
                break
            decoder.reset()
            yield Send(NAK)
            try:
                message = yield from self.receive(decoder)
            except Silence:
                raise Garbled("the block check was wrong and the meter did not repeat the block") from None
        raise Garbled(f"the block check was wrong {MAX_NAKS + 1} times")

    def _verdict(self, message: Message, sums: int) -> bool | None:
        """Whether a block check is right; None where there is none.

        Some makers add the characters up instead (EN 61107 on Kamstrup heat meters). By itself one message in 128 has a
        sum that fits, so a meter is believed to do so when `sums` blocks before had it, too; from then on nothing
        else counts of it.
        """
        kind = self.settings.block_check
        if message.bcc is None:
            return None
        if kind == "sum" or self.learnt.sums:
            return message.sum_fits
        if message.bcc or kind == "xor":
            return message.bcc
        self.learnt.sums = message.sum_fits and sums > 0
        return self.learnt.sums

    def whole(self, decoder: ReadoutDecoder | ProgrammingDecoder, message: Message) -> Conversation:
        """The text of the answer that begins with `message`: damaged blocks repeated, partial ones joined.

        Returns: bytes. Raises: Silence, Incomplete, Garbled.
        """
        message = yield from self.good(decoder, message)
        parts = [message.text]
        size = len(message.text)
        while message.partial:
            if len(parts) >= MAX_PARTS or size > MAX_ANSWER:
                raise Garbled(f"the answer has no end after {len(parts)} partial blocks, {size} bytes")
            message = yield from self._next_part(decoder, parts)
            parts.append(message.text)
            size += len(message.text)
        if len(parts) > 1:
            yield from self.alone(decoder)
        return b"".join(parts)

    def _next_part(self, decoder: ReadoutDecoder | ProgrammingDecoder, parts: list[bytes]) -> Conversation:
        """Acknowledge a partial block; blocks have no number, so one that was there before is not taken at once."""
        repeated = None
        decoder.reset()
        yield Send(ACK)
        for _ in range(MAX_STRAYS):
            try:
                message = yield from self.receive(decoder)
            except Silence:
                if repeated is None or self.late:
                    raise
                return repeated  # nothing else comes: two blocks are alike, and the meter waits to be acknowledged
            message = yield from self.good(decoder, message)
            if message.command:
                continue
            if not (message.partial and message.text in parts):
                return message
            repeated = message
        raise Garbled("the meter does not go on to the next block")

    def alone(self, decoder: ReadoutDecoder | ProgrammingDecoder) -> Conversation:
        """Wait whether more follows an answer that does not say what it answers, or where its blocks belong.

        Where an earlier dialogue was cut off, what it asked for may still be on its way, for as long as an answer may
        take. Raises: Garbled, Incomplete where more comes.
        """
        try:
            yield Receive(decoder, self.settings.timeout_ms if self.late else SETTLE_MS, self.settings.gap_ms)
        except Silence:
            return
        except Incomplete:
            raise
        except (Garbled, DecodeError):
            return  # noise
        raise Garbled("two answers came, and nothing in them says which is the right one")

    def verified(self) -> None:
        """A block check was right: this speed works."""
        self.learnt.proven_speed = self.speed

    def identify(self, data_sets: list[DataSet]) -> None:
        """Hold what the meter says of itself against the number that it was called by. Raises: WrongMeter."""
        self.told = identity.numbers_told(data_sets, self.identification)
        if self.is_called_by_number():
            identity.check(self.settings.serial, self.told)

    def is_called_by_number(self) -> bool:
        settings = self.settings
        return settings.identity_check and settings.request is None and bool(settings.serial.strip("0 "))

    def who(self) -> str:
        """What the meter of this session says of itself, for what is remembered of it."""
        return " ".join([self.identification.decode("latin-1"), *self.told[:1]])

    def _damaged(self, error: LineError) -> None:
        # Silence, or bytes that made no frame, at a speed that never worked: the next dialogue tries another.
        if self.settings.opening is not None and self.mode in ("B", "C") and self.learnt.proven_speed != self.speed:
            self.learnt.steps_down += 1


def _shown(identification: bytes) -> str:
    return identification.decode("latin-1")


def _wake_up(settings: SessionSettings) -> Conversation:
    if settings.wakeup_nuls:
        yield Send(bytes(settings.wakeup_nuls))
        if settings.wakeup_pause_ms:
            yield Pause(settings.wakeup_pause_ms / 1000)
