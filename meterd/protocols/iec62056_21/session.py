"""One dialogue with a meter: sign-on in modes A, B and C, and whole blocks asked for again until they are right.

IEC 62056-21 clauses 5 (character transmission, times), 6.3 (messages) and 6.4 (modes).

What the meter identifies decides the mode: a device configured as C or B follows digit, letter or blank, since a meter
that sends a blank will not wait for an acknowledgement and one that sends a digit will. Only `type` A is taken at its
word: nothing is acknowledged or switched, and a meter with a digit starts by itself after its own time-out.

Dirt: meters that stay at the opening speed although acknowledged (silence, or garbage, at the new one); converters
that garble a speed; blocks with a wrong or no block check; repeated blocks; a meter that still talks to nobody.
"""

from __future__ import annotations

from ..._readout_dialogue import IdentificationDecoder
from ...conversation import LineSettings, Pause, Receive, Send, with_retries
from ...errors import DecodeError, Garbled, Incomplete, LineError, Silence
from .messages import ACK, MODE_B_BAUDRATES, MODE_C_BAUDRATES, NAK, Identification, acknowledgement, request_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..._readout_dialogue import ProgrammingDecoder
    from ..._readout_list import ReadoutDecoder
    from ..._readout_message import Message
    from ...conversation import Conversation
    from ...model import Device, Memory

INTER_CHARACTER_MS = 1500  # t_a, clause 6.4.3: the longest gap within a message
SELF_START_MS = 2500  # by then a meter that is not acknowledged starts at the opening speed (AS1440: 1.5 s)
QUIET_S = 0.5  # a meter that has not sent for so long has finished its list
MAX_QUIET_ROUNDS = 120  # × QUIET_S: how long a talking meter is waited for
MAX_NAKS = 2  # repetitions asked for, per block
T_R_S = 1.5  # t_r, clause 6.4.3: the longest time before a meter's next message
SETTLE_MS = 200  # t_r, clause 6.4.3: the shortest time before a meter's next message
MAX_STRAYS = 4  # messages that answer something else, per question
MAX_PARTS = 1000  # partial blocks of one answer
MAX_ANSWER = 1 << 20  # bytes of all partial blocks of one answer


class Anything:
    """A decoder for which every byte is a frame: tells a quiet line from a talking one."""

    __slots__ = ()
    pending = 0
    missing = 1
    discarded = 0
    reason = ""

    def feed(self, data: bytes) -> bytes | None:
        return data or None

    def reset(self) -> None:
        """Nothing is ever held."""


class SessionSettings:
    """How a device is talked to; all its times in ms, `opening` None over TCP."""

    __slots__ = (
        "baud_change_delay_ms", "gap_ms", "mode", "opening", "protocol_control", "serial", "seven_bit", "t2_ms",
        "timeout_ms", "wakeup_nuls", "wakeup_pause_ms",
    )  # fmt: skip

    def __init__(self, serial: str, opening: LineSettings | None, timeout_ms: int) -> None:
        self.serial = serial
        self.opening = opening
        self.timeout_ms = timeout_ms
        self.gap_ms = max(timeout_ms, INTER_CHARACTER_MS)
        self.seven_bit = opening is not None and opening.data_bits == 7
        self.mode = "C"
        self.t2_ms = 300
        self.protocol_control = 0
        self.wakeup_nuls = 0
        self.wakeup_pause_ms = 0
        self.baud_change_delay_ms = 0

    @classmethod
    def of(cls, device: Device) -> SessionSettings:
        """The settings in the parameters of an IEC 62056-21 device."""
        opening = None
        if not device.over_tcp():
            opening = LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])
        settings = cls(device["serialnumber"], opening, device["timeout_ms"])
        settings.mode = device["type"]
        settings.t2_ms = device["t2"]
        settings.protocol_control = device["protocol_control_char"]
        settings.wakeup_nuls = device["wakeup_nuls"]
        settings.wakeup_pause_ms = device["wakeup_pause_ms"]
        settings.baud_change_delay_ms = device["baud_change_delay_ms"]
        return settings


class Session:
    """One device's dialogues, one after the other; what it learns of the meter's speed is kept in `memory.volatile`.

    `mode` and `rest` belong to the sign-on at hand: the mode in force, and the bytes behind the identification.
    `late`: answers to something that was asked before may still come.
    """

    __slots__ = ("_restless", "late", "memory", "mode", "rest", "settings", "speed")

    def __init__(self, settings: SessionSettings, memory: Memory) -> None:
        self.settings = settings
        self.memory = memory
        self.mode = settings.mode
        self.rest = b""
        self.speed = self._opening_speed()
        self.late = False
        self._restless = False  # somebody may still be talking from the dialogue before

    def dialogue(self, mode_control: int, attempts: int, talk: Callable[[], Conversation]) -> Conversation:
        """Sign on and run `talk()`, tried over on line errors, `attempts` times at most.

        A meter that did not even identify itself last time gets one attempt, so that its line serves the living.
        Returns: what `talk` returned. Raises: the last Silence, Incomplete or Garbled.
        """
        volatile = self.memory.volatile

        def attempt() -> Conversation:
            if self._restless:
                yield from quiet()
            self._restless = False
            self.late = volatile.get("cut_off", False)
            try:
                yield from self.sign_on(mode_control)
                self._restless = volatile["cut_off"] = True
                volatile["silent"] = False
                value = yield from talk()
                self._restless = volatile["cut_off"] = False
                return value
            except LineError as error:
                self._restless = self._restless or not isinstance(error, Silence)
                self._damaged(error)
                raise

        try:
            return (yield from with_retries(1 if volatile.get("silent") else attempts, attempt))
        except LineError as error:
            volatile["silent"] = isinstance(error, Silence) and not self._restless
            volatile.pop("proven_speed", None)
            raise

    def sign_on(self, mode_control: int) -> Conversation:
        """Request, identification, and as the mode wants it acknowledgement and speed switch.

        Returns: Identification. Raises: Silence, Incomplete, Garbled.
        """
        settings = self.settings
        if settings.opening is not None:
            self.speed = settings.opening.baudrate
            yield settings.opening
        if settings.wakeup_nuls:
            yield Send(bytes(settings.wakeup_nuls))
            if settings.wakeup_pause_ms:
                yield Pause(settings.wakeup_pause_ms / 1000)
        decoder = IdentificationDecoder()
        yield Send(request_message(settings.serial))
        identification = Identification((yield Receive(decoder, settings.timeout_ms, settings.gap_ms)))
        self.rest = decoder.take_rest()
        self.mode = "A" if settings.mode == "A" else identification.mode()
        if self.mode == "C":
            yield from self._acknowledge(identification.baud_character - ord("0"), mode_control)
        elif self.mode == "B":
            yield from self._switch((MODE_B_BAUDRATES[identification.baud_character], self._opening_speed()))
        return identification

    def _acknowledge(self, proposed: int, mode_control: int) -> Conversation:
        settings = self.settings
        self.rest = b""
        baud_character = self._choice(self._baud_characters(proposed))
        yield Pause(settings.t2_ms / 1000)
        yield Send(acknowledgement(settings.protocol_control, baud_character, mode_control))
        if settings.baud_change_delay_ms and settings.opening is not None:
            yield Pause(settings.baud_change_delay_ms / 1000)
        yield from self._to(MODE_C_BAUDRATES[baud_character])

    def _switch(self, speeds: tuple[int, ...]) -> Conversation:
        # A meter of mode B switches unasked; where its speed gave garbage, perhaps it did not.
        yield from self._to(self._choice(speeds))

    def _to(self, speed: int) -> Conversation:
        opening = self.settings.opening
        if opening is not None and speed != self.speed:
            self.speed = speed
            yield opening.at(speed)

    def _opening_speed(self) -> int:
        return self.settings.opening.baudrate if self.settings.opening else 0

    def switched(self) -> bool:
        return self.speed != self._opening_speed()

    def _baud_characters(self, proposed: int) -> tuple[int, ...]:
        """What to acknowledge: what the meter proposes, then a step less, then the speed that it opened with."""
        opening = self._opening_speed()
        lowest = MODE_C_BAUDRATES.index(opening) if opening in MODE_C_BAUDRATES[:proposed] else 0
        return (proposed, max(proposed - 1, lowest), lowest)

    def _choice(self, speeds: tuple[int, ...]) -> int:
        """The fastest of `speeds` that is not known to give garbage; when all did, the round begins anew."""
        return speeds[self.memory.volatile.get("steps_down", 0) % len(speeds)] if self.settings.opening else speeds[0]

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
            yield from self._to(self._opening_speed())
            return (yield from self._receive(decoder, settings.timeout_ms + SELF_START_MS))

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
        for _ in range(MAX_NAKS):
            if message.bcc is not False:
                return message
            decoder.reset()
            yield Send(NAK)
            try:
                message = yield from self.receive(decoder)
            except Silence:
                raise Garbled("the block check was wrong and the meter did not repeat the block") from None
        if message.bcc is False:
            raise Garbled(f"the block check was wrong {MAX_NAKS + 1} times")
        return message

    def whole(self, decoder: ReadoutDecoder | ProgrammingDecoder, message: Message) -> Conversation:
        """The text of the answer that begins with `message`: damaged blocks repeated, partial ones joined.

        Returns: bytes. Raises: Silence, Incomplete, Garbled.
        """
        message = yield from self.good(decoder, message)
        parts = [message.text]
        while message.partial:
            if len(parts) >= MAX_PARTS or sum(map(len, parts)) > MAX_ANSWER:
                raise Garbled(f"the answer has no end after {len(parts)} partial blocks")
            message = yield from self._next_part(decoder, parts)
            parts.append(message.text)
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
        self.memory.volatile["proven_speed"] = self.speed

    def _damaged(self, error: LineError) -> None:
        # Bytes that made no frame, at a speed that never worked: the next dialogue goes a step slower.
        volatile = self.memory.volatile
        if isinstance(error, Garbled) and self.switched() and volatile.get("proven_speed") != self.speed:
            volatile["steps_down"] = volatile.get("steps_down", 0) + 1


def quiet() -> Conversation:
    """Wait until nobody talks any more, within a bound of a minute: a new request would go unheard."""
    for _ in range(MAX_QUIET_ROUNDS):
        yield Pause(QUIET_S)
        try:
            yield Receive(Anything(), 1, 1)
        except Silence:
            return
