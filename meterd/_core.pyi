"""The face of the one compiled module; its parts, each with its own file beside `_core.pyx`, in the same order."""

from collections.abc import Callable
from typing import Any

from .conversation import Conversation, Decoder, LineSettings
from .number import Number

# ---- check characters and software parity: `_crc.pxi`

def fcs16(data: bytes, start: int = 0xFFFF) -> int:
    """CRC-16/X-25 of `data` (ISO/IEC 13239 FCS: reflected 0x1021, start 0xFFFF, result inverted).

    Goes onto the wire low byte first. To continue over a further piece pass `fcs16(first) ^ 0xFFFF` as `start`.
    """

def bcc(data: bytes) -> int:
    """IEC 62056-21 block check character of `data` (ISO 1155): the exclusive or of its bytes, 0..255.

    `data` begins after STX or SOH and ends with ETX or EOT.
    """

def checksum(data: bytes) -> int:
    """M-Bus check sum of `data` (EN 13757-2): the sum of its bytes modulo 256."""

def add_parity(data: bytes, odd: bool) -> bytes:
    """7E1 (or 7O1 if `odd`) as an 8N1 port must send it: bit 7 of each byte carries the parity of the lower seven.

    Bit 7 of the input is ignored.
    """

def strip_parity(data: bytes, odd: bool) -> bytes:
    """7E1 (or 7O1 if `odd`) as an 8N1 port received it: the 7 bits of each character.

    A character with wrong parity comes out as 0x80 | its 7 bits, so that a decoder can tell it from a good one.
    """

class FrameDecoder:
    """Base of the decoders of frames that come one by one; `meterd.conversation.Decoder` says what they do."""

    @property
    def pending(self) -> int: ...
    @property
    def missing(self) -> int: ...
    @property
    def discarded(self) -> int: ...
    @property
    def reason(self) -> str: ...
    def feed(self, data: bytes) -> Any: ...
    def reset(self) -> None: ...

# ---- COSEM data: `_axdr.pxi`

MAX_DEPTH: int
MAX_ELEMENTS: int

def decode(data: bytes, offset: int = 0) -> tuple[Any, int]: ...
def decode_whole(data: bytes, offset: int = 0) -> Any: ...
def decode_typed(data: bytes, offset: int = 0) -> tuple[tuple[int, Any], int]: ...
def decode_results(data: bytes, offset: int, count: int) -> tuple[list[tuple[int, Any]], int]: ...
def get_response_normal(apdu: bytes, invoke: int = -1) -> tuple[int, Any] | None: ...
def decode_length(data: bytes, offset: int) -> tuple[int, int]: ...

# ---- HDLC: `_hdlc.pxi`, `_hdlc_shortcut.pxi`

HDLC_MAX_FRAME: int  # bytes between the flags that the 11-bit length field can name: 2047

class HdlcFrame:
    """One frame whose HCS and FCS were right. Made by the decoder only; immutable."""

    @property
    def destination(self) -> bytes:
        """Destination address as on the wire: 1, 2 or 4 bytes, lowest bit set in the last one only."""

    @property
    def source(self) -> bytes:
        """Source address as on the wire: 1, 2 or 4 bytes."""

    @property
    def destination_value(self) -> int:
        """The 7-bit groups of the destination address as one integer, first byte uppermost."""

    @property
    def source_value(self) -> int:
        """The 7-bit groups of the source address as one integer, first byte uppermost."""

    @property
    def control(self) -> int:
        """Control byte, 0..255."""

    @property
    def segmented(self) -> bool:
        """Segmentation bit of the format field: further frames carry the rest of this message."""

    @property
    def information(self) -> bytes:
        """Information field without its check sequences; b'' if the frame has none."""

class HdlcDecoder(FrameDecoder):
    """`meterd.conversation.Decoder` whose frames are `HdlcFrame`.

    Framed by the length field: there is no byte stuffing, 0x7E may occur inside a frame. One flag may close a frame
    and open the next; runs of flags are idle line and not counted as discarded. Never raises on any bytes.
    """

    def __init__(self) -> None: ...
    @property
    def pending(self) -> int:
        """Bytes held of a frame that has begun; 0 on an idle line."""

    @property
    def missing(self) -> int:
        """Bytes still to come for the frame at hand: exact once the length field is there, else the least; ≥ 1."""

    @property
    def discarded(self) -> int:
        """Bytes thrown away since the decoder was made or reset."""

    @property
    def reason(self) -> str:
        """Why the most recent bytes were thrown away; '' if none were."""

    def feed(self, data: bytes) -> HdlcFrame | None:
        """Take more bytes (b'' asks for a further frame already held); the next good frame, or None."""

    def reset(self) -> None:
        """Forget everything held and the counters."""

def encode_frame(
    destination: bytes, source: bytes, control: int, information: bytes = b"", segmented: bool = False
) -> bytes:
    """A whole frame with both flags. Addresses are given as on the wire.

    Raises: DecodeError if an address is not 1, 2 or 4 bytes ended by a set lowest bit, if `control` is not 0..255, or
    if the frame would be longer than 2047 bytes.
    """

# ---- the TCP wrapper: `_wrapper.pxi`

class WrapperFrame:
    """One APDU with the wPorts of its sender and its receiver."""

    @property
    def source(self) -> int: ...
    @property
    def destination(self) -> int: ...
    @property
    def apdu(self) -> bytes: ...

class WrapperDecoder(FrameDecoder):
    """`meterd.conversation.Decoder` whose frames are `WrapperFrame`. Never raises: a header bounds what is held."""

    def feed(self, data: bytes) -> WrapperFrame | None: ...

def encode_wrapper(source: int, destination: int, apdu: bytes) -> bytes:
    """An APDU with its header. Raises: DecodeError where it is too long for the length field."""

# ---- IEC 62056-21: `_readout*.pxi`

MAX_BLOCK: int  # bytes of one block; a longer one raises DecodeError
MAX_LINE: int  # bytes of one identification line, from '/' to its line end

DataSet = tuple[str | None, str | None, int, str, str | None]
"""(address, effective_address, index, value, unit), all text latin-1.

address: text before '(' without blanks around it; None if the group follows another or begins a line.
effective_address: the last address seen, None before the first.
index: 0, 1, 2… counted over all groups of the block under that effective address, printed again or not.
value: characters between '(' and the first '*' or ')', exactly as sent. unit: those after that '*', or None.
"""

class Message:
    """One block or control character, whatever its verdict. Immutable."""

    @property
    def command(self) -> bytes:
        """b'' for a data block; the command after SOH (b'P0', b'R1', b'B0'); b'\\x06' for ACK, b'\\x15' for NAK."""

    @property
    def text(self) -> bytes:
        """What stands between STX and ETX or EOT (without STX: the data lines up to and with the line of the '!')."""

    @property
    def bcc(self) -> bool | None:
        """True: block check right. False: it is wrong, or a character had bad parity. None: there is none."""

    @property
    def partial(self) -> bool:
        """Ended by EOT: acknowledge, and a further block follows."""

    @property
    def complete(self) -> bool:
        """False: given before its end, because all that is wanted was seen or because `finish` was called."""

    @property
    def data_sets(self) -> list[DataSet]:
        """The data sets of `text`, in order."""

class _Decoder:
    """What the three decoders share: `meterd.conversation.Decoder`, see there."""

    @property
    def pending(self) -> int: ...
    @property
    def missing(self) -> int: ...
    @property
    def discarded(self) -> int: ...
    @property
    def reason(self) -> str: ...
    def reset(self) -> None: ...
    def take_rest(self) -> bytes:
        """The bytes held beyond the last frame, for the decoder of the next message; this one forgets them."""

class IdentificationDecoder(_Decoder):
    """Finds `/XXXZ…` ended by CR LF or bare LF; frame = the line from '/' on, without its end.

    Noise, NULs, echoes (`/?…!`), lines without '/' and lines with parity damage are discarded.
    """

    def __init__(self, held: bytes = b"") -> None: ...
    def feed(self, data: bytes) -> bytes | None: ...

class ReadoutDecoder(_Decoder):
    """Finds one data block: STX … ETX/EOT BCC, or, without STX, data lines up to the line with '!'.

    `seven_bit`: characters are 7-bit; one with bit 7 set (parity damage) makes the verdict False.
    `wanted` {effective address: index of the last group needed}: as soon as whole lines have shown all of them, `feed`
    returns the message so far with `complete` False and `bcc` None (not verified). Feed on to get the whole one.
    `bare` False: only a block with STX counts (where a block check must come, a lost STX may not pass for a list
    without one).
    """

    def __init__(
        self, seven_bit: bool = False, wanted: dict[str, int] | None = None, held: bytes = b"", bare: bool = True
    ) -> None: ...
    def feed(self, data: bytes) -> Message | None:
        """Raises: DecodeError past MAX_BLOCK bytes of one block."""

    def finish(self) -> Message | None:
        """The gap ran out (Incomplete): what is held as a message, or None.

        After STX … ETX without a block check, and after '!' without a line end: complete, bcc None. After anything
        else that has begun: complete False, bcc None, a group not closed yet left out. With parity damage: bcc False.
        """

class ProgrammingDecoder(_Decoder):
    """Finds one message of programming mode: SOH command [STX data] ETX/EOT BCC, STX data ETX/EOT BCC, ACK or NAK.

    An error message is an ordinary data block: text b'(ER05)'. ACK followed by an option select (`06 30 35 31 0D 0A`,
    an echo or the host's sign-on) is told from a bare ACK by what follows in the same feed, and discarded.
    """

    def __init__(self, seven_bit: bool = False, held: bytes = b"") -> None: ...
    def feed(self, data: bytes) -> Message | None:
        """Raises: DecodeError past MAX_BLOCK bytes of one block."""

def parse_readout(block: bytes) -> list[DataSet]:
    """The data sets of a block of text. Never raises: a line that breaks the grammar costs only itself.

    Identification lines ('/' at line start) are left out, '!' outside parentheses ends the block, lines end with CR LF
    or bare LF, blanks around an address are dropped, units start after the first '*'.
    """

# ---- M-Bus: `_mbus*.pxi`

# ---- link layer

MBUS_MAX_FRAME: int
"""Bytes of the longest frame on the wire, 261."""

class MbusFrame:
    """One whole, undamaged frame.

    `control` and `address` are the C and A fields, both -1 for the single character E5; `ci` is the CI field, -1 in a
    short frame; `data` is the user data behind CI.
    """

    def __init__(self, control: int, address: int, ci: int = -1, data: bytes = b"") -> None: ...
    @property
    def control(self) -> int: ...
    @property
    def address(self) -> int: ...
    @property
    def ci(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def acknowledges(self) -> bool:
        """It is the single character E5."""

    @property
    def from_master(self) -> bool:
        """C says that a master sent it: heard by a master, it is an echo."""

class MbusDecoder(FrameDecoder):
    """A `meterd.conversation.Decoder` of M-Bus frames; keeps at most 4096 bytes."""

    def __init__(self) -> None: ...
    def feed(self, data: bytes) -> MbusFrame | None: ...

# ---- values

SIGNED: int
"""Kind of a value: two's complement, BCD or real (EN 13757-3 type A, B, H)."""
UNSIGNED: int
"""Kind of a value: identification, flags, counts (types C and D)."""
TIME: int
"""Kind of a value: date, time or both (types F, G, I, J, M, told apart by their size)."""

class Meaning:
    """What a value information block says of the data behind it.

    A value is data × `factor` × 10^`exponent` `unit`, plus 10^(`exponent` + `offset`) where `offset` (-3 to 0, VIFE
    78..7B) is not None. `qualifiers` are the words of the VIFE. `error` is (quality, reason, words) where an error VIFE
    says that there is no value.
    """

    def __init__(
        self,
        quantity: str,
        unit: str | None = None,
        exponent: int = 0,
        *,
        factor: int = 1,
        offset: int | None = None,
        kind: int = ...,
        qualifiers: tuple[str, ...] = (),
        error: tuple[str, str, str] | None = None,
    ) -> None: ...
    @property
    def quantity(self) -> str: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def exponent(self) -> int: ...
    @property
    def factor(self) -> int: ...
    @property
    def offset(self) -> int | None: ...
    @property
    def kind(self) -> int: ...
    @property
    def qualifiers(self) -> tuple[str, ...]: ...
    @property
    def error(self) -> tuple[str, str, str] | None: ...

class Record:
    """One data record of a telegram.

    `function` is 'instantaneous', 'maximum', 'minimum', 'error' (value during an error state), or, for the rest of a
    telegram without structure, 'manufacturer' (DIF 0F), 'more_follow' (1F) or 'reserved'. `raw` is the whole record as
    it came, made of `dib`, `vib` (with the text of a plain-text VIF), LVAR if any, and `data`.
    """

    @property
    def function(self) -> str: ...
    @property
    def storage(self) -> int: ...
    @property
    def tariff(self) -> int: ...
    @property
    def subunit(self) -> int: ...
    @property
    def meaning(self) -> Meaning: ...
    @property
    def quantity(self) -> str: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def dib(self) -> bytes: ...
    @property
    def vib(self) -> bytes: ...
    @property
    def data(self) -> bytes: ...
    @property
    def value(self) -> int | Number | float | str | None:
        """In `unit`, exact; text, ISO 8601 time or hexadecimal text; None where `quality` is not good."""

    @property
    def quality(self) -> str:
        """One of `meterd.model.QUALITIES`."""

    @property
    def reason(self) -> str | None:
        """One of `meterd.model.REASONS`, None when good."""

    @property
    def remark(self) -> str:
        """Why there is no value, in words."""

    @property
    def summer_time(self) -> bool | None:
        """The summer-time bit of a type F or I time; None for all else."""

# ---- records

MAX_CHAIN: int
"""DIFE, and VIFE, that one record may have: 10."""

def decode_records(data: bytes, start: int, meanings: dict[bytes, Meaning], msb_first: bool = False) -> list[Record]:
    """The data records in `data` from byte `start`; filler bytes (2F) are no records.

    `meanings` maps a value information block to its meaning, b"" to that of data without one; it fills itself.
    `msb_first`: multi-byte values come most significant byte first (mode 2: CI 76).
    Raises: DecodeError where a record is cut short, a chain too long or an LVAR reserved.
    """

def fixed_record(data: bytes, start: int, meaning: Meaning, storage: int, bcd: bool, msb_first: bool) -> Record:
    """One counter of the fixed data structure: 4 bytes at `start`, BCD or binary.

    Raises: DecodeError where the bytes are not there.
    """

# ---- signals and readings: `_reading.pxi`

GOOD: str

class Signal:
    """One value to read from a device: `alias` is unique within `device_alias`; `log` > 0 keeps it in the event log.

    `parameters` {name: validated value}, also read as `signal[name]`; `place` where it was configured, for messages.
    """

    device_alias: str
    alias: str
    parameters: dict[str, Any]
    log: int
    place: str

    def __init__(
        self, device_alias: str, alias: str, parameters: dict[str, Any], log: int = 0, place: str = ""
    ) -> None: ...
    def __getitem__(self, name: str) -> Any: ...

class Reading:
    """One value of one signal at one time.

    `value` int, Number, float (only if the meter sent one), str or None; `unit` as the standard writes it, or None;
    `time_ms` gateway time, ms since 1970 UTC, 0 = the hub stamps it; `meter_time` ISO 8601 text or None;
    `quality` one of `meterd.model.QUALITIES`; `reason` one of `meterd.model.REASONS`, or None when good; `words` what
    the meter said to a refusal, for the log and for people.
    """

    signal: Signal
    value: Any
    unit: str | None
    time_ms: int
    meter_time: str | None
    quality: str
    reason: str | None
    words: str

    def __init__(
        self,
        signal: Signal,
        value: Any,
        unit: str | None = None,
        time_ms: int = 0,
        meter_time: str | None = None,
        quality: str = GOOD,
        reason: str | None = None,
    ) -> None: ...

# ---- timers and the loop: `_timers.pxi`, `_loop.pxi`

def wall_clock_ms() -> int:
    """The gateway's time, ms since 1970 UTC."""

class Timer:
    """Calls back once at `deadline` (seconds, monotonic; None while disarmed). Made once, armed as often as needed.

    Only None may be assigned to `deadline`, which disarms it; `Loop.arm` arms it.
    """

    callback: Callable[[], None]
    deadline: float | None

    def __init__(self, callback: Callable[[], None]) -> None: ...

class Loop:
    """Descriptors and timers of one thread. `time` is that of the present turn, seconds, monotonic.

    `turn_ends` are called at the end of every turn.
    """

    running: bool
    turn_ends: list[Callable[[], None]]

    @property
    def time(self) -> float: ...
    @property
    def timers(self) -> int: ...
    def register(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """callback(revents) at any of `events` (poll(2) masks), an error or a hang-up.

        Raises: ValueError; OSError for what cannot be waited for, as a regular file.
        """

    def modify(self, fd: int, events: int) -> None:
        """Raises: KeyError."""

    def unregister(self, fd: int) -> None:
        """Also of what is not registered."""

    def arm(self, timer: Timer, deadline: float) -> None: ...
    def next_deadline(self) -> float | None:
        """When the next timer may be due; None for never."""

    def turn(self) -> None:
        """Wait for the next event, then serve all that are there and all timers that are due."""

    def run(self) -> None:
        """Turn until `stop()`."""

    def stop(self) -> None: ...
    def close(self) -> None: ...
    def call_soon_from_thread(self, callback: Callable[[], None]) -> None:
        """The one door for another thread or a signal handler: run `callback` in the loop's next turn."""

    def wakeup_fd(self) -> int:
        """Where `signal.set_wakeup_fd` may write, so that a signal ends the wait."""

# ---- ports: `_port.pxi`

class Port:
    """Base of all ports. `name` is for messages; `character_s` is how long one character takes, 0 where unknown.

    `fd` is below 0 while the port is closed. Whoever uses it sets `on_data`, `on_sent` and `on_gone`.
    """

    name: str
    loop: Loop
    fd: int
    character_s: float
    settings: LineSettings | None
    on_data: Callable[[bytes], None]
    on_sent: Callable[[], None]
    on_gone: Callable[[Any], None]
    plain: bool
    """False where a subclass changes what is read or written (`_read`, `_write`)."""
    _unsent: bytes

    def __init__(self, loop: Loop, name: str) -> None: ...
    def is_open(self) -> bool: ...
    def attach(self, fd: int) -> None:
        """Take an open, non-blocking descriptor into the loop."""

    def close(self) -> None:
        """Let go of the descriptor; may be called at any time, also twice."""

    def apply(self, settings: LineSettings) -> None:
        """Put line settings in force. Raises: PortGone."""

    def hush(self, characters: int, limit_s: float) -> None:
        """Do not wake for input while so many characters come, 1 for an unknown number, nor beyond `limit_s`."""

    def send(self, data: bytes) -> bool:
        """Put `data` out. True if it has left already; else `on_sent` is called once it has. Raises: PortGone."""

    def drain_input(self) -> bytes:
        """All that has come in and was not read yet. Raises: PortGone."""

    def is_sending(self) -> bool:
        """Whether bytes that were to be sent are still here."""

    def _close_descriptor(self) -> None: ...
    def _wait_for_room(self) -> None:
        """A part of what was to be sent is still here."""

    def _write(self, data: bytes) -> bool: ...
    def _read(self) -> bytes: ...
    def _lose(self, error: Any) -> None: ...
    def _on_event(self, revents: int) -> None: ...

# ---- steps: `_steps.pxi`, described by `meterd.conversation`

class Send:
    """Put bytes on the wire; what came in unasked before is dropped first unless `keep_input`."""

    data: bytes
    keep_input: bool

    def __init__(self, data: bytes, keep_input: bool = False) -> None: ...

class Receive:
    """Wait for one frame.

    `timeout_ms` runs to the first byte of a frame (noise does not extend it), `gap_ms` between bytes of one.
    `timeout_ms` None waits without end (simulated meters only).
    """

    @property
    def decoder(self) -> Decoder: ...
    @property
    def timeout_ms(self) -> float | None: ...
    @property
    def gap_ms(self) -> float: ...
    def __init__(self, decoder: Decoder, timeout_ms: float | None, gap_ms: float) -> None: ...

class Report:
    """Hand a reading to the hub."""

    reading: Reading

    def __init__(self, reading: Reading) -> None: ...

class ReportAll:
    """Hand readings to the hub, in their order."""

    @property
    def readings(self) -> list[Reading]: ...
    def __init__(self, readings: list[Reading]) -> None: ...

class Burst:
    """Exchanges of one kind, one after the other: a request, one frame, its readings.

    The step is answered with None once all are done; with the frame that came in place of the answer due, or with the
    Silence, Incomplete or Garbled that did. Whatever else goes wrong is thrown in.
    """

    @property
    def receive(self) -> Receive: ...
    def __init__(self, receive: Receive) -> None: ...
    def request(self) -> bytes | None:
        """What to send next; None when all is done."""

    def take(self, frame: Any) -> Reading | list[Reading] | None:
        """The readings out of the frame that came, in a list unless there is one; None where it is not the one due."""

# ---- the player: `_player.pxi`

WAIT: object
"""The answer to a step that cannot be answered yet."""
MAX_ECHO: int

class Echo:
    """Takes out what comes back of what was sent.

    Optical heads and two-wire converters return every byte that is sent, before the answer, in pieces of any size, and
    at times late. Only a full echo is taken out: an answer that merely begins like the request is an answer. A single
    character is no echo worth taking out, for ACK and NAK may come back as a meter's own answer.
    """

    @property
    def expected(self) -> bytes: ...
    @property
    def held(self) -> bytes: ...
    def forget(self) -> None: ...
    def sent(self, data: bytes) -> None:
        """From now on `data` may come back, behind what is still to come of what was sent just before."""

    def strip(self, data: bytes) -> bytes:
        """What of `data` is no echo, as far as can be told yet."""

    def give_up(self) -> bytes:
        """Time is over: what was held is no echo after all."""

class Stepper:
    """The compiled half of `meterd.ports.player.Player`."""

    loop: Loop
    port: Port
    on_report: Callable[[Reading], None]
    on_end: Callable[[Exception | None], None]
    on_words: Callable[[Reading], None] | None
    poll_delay_s: float
    strips_echo: bool
    observers: list[Any]
    reported: set[Signal]
    bytes_sent: int
    bytes_received: int
    timeouts: int
    bad_frames: int
    retries: int
    _generator: Conversation | None
    _receiving: Receive | None
    _reception: Any
    _held: Send | None
    _echo: Echo
    _unsettled: bool
    _timer: Timer

    def __init__(
        self,
        loop: Loop,
        port: Port,
        on_report: Callable[[Reading], None],
        on_end: Callable[[Exception | None], None],
    ) -> None: ...
    @property
    def received_since(self) -> float: ...
    def _reset(self) -> None: ...
    def _on_data(self, data: bytes) -> None: ...
    def _feed(self, data: bytes) -> None: ...
    def _advance(self, value: Any, error: BaseException | None = None) -> None: ...
    def _send(self, step: Send, was_held: bool) -> object: ...

# ---- the short way of a GET: `_shortcut.pxi`, `_registers.pxi`

class Shortcut:
    """GET.request-normal and its answer, or any APDU, in one frame each way. Its counters change only with a frame
    that is just the answer due.
    """

    def ask(self, invoke: int, descriptor: bytes) -> bytes:
        """The frame that asks for one attribute; `descriptor` is encoded, `invoke` the invoke-id-and-priority."""

    def carry(self, apdu: bytes) -> bytes:
        """The frame that carries any APDU that fits one frame."""

    def answer(self, frame: Any) -> bytes | None:
        """The APDU in the frame that is due, which is counted; None for any other, and nothing has changed."""

    def hear(self, invoke: int, frame: Any) -> tuple[int, Any] | None:
        """`(data-access-result or 0, value)` out of the frame that is due, which is counted; None for any other, or
        where the value is malformed, and nothing has changed.
        """

class HdlcShortcut(Shortcut):
    """Over HDLC; `send_seq` and `recv_seq` are N(S) and N(R), 0 to 7."""

    send_seq: int
    recv_seq: int

    def __init__(self, server: bytes, client: bytes) -> None: ...

class WrapperShortcut(Shortcut):
    """Over the TCP wrapper, between two wPorts; each request drops what `decoder` holds of earlier answers."""

    def __init__(self, server: int, client: int, decoder: WrapperDecoder) -> None: ...

class Wanted:
    """What is read and whom it feeds: the encoded `descriptor`, `signals`, and `scaler`, (power of ten, unit)."""

    descriptor: bytes
    signals: list[Signal]
    scaler: tuple[int, str | None] | None

class InvokeIds:
    """Called, gives invoke-id-and-priority octets: `flags`, and ids 1 to 15 in turn."""

    def __init__(self, flags: int) -> None: ...
    def __call__(self) -> int: ...

_Other = Callable[[Any, Any, Any], list[Reading]]

class Registers(Burst):
    """Reads prepared targets one by one from `start` on. `done` is the first that was not reported, `invoke` the
    invoke-id-and-priority of the last request.
    """

    @property
    def done(self) -> int: ...
    @property
    def invoke(self) -> int: ...
    def __init__(
        self,
        receive: Receive,
        shortcut: Shortcut,
        invoke_ids: InvokeIds,
        targets: list[Any],
        start: int,
        other: _Other,
    ) -> None: ...

def readings_of(targets: list[Any], results: list[tuple[Any, Any]], other: _Other) -> list[Reading]:
    """The readings of all targets' signals out of `(code, value)` each; `other(target, code, value)` makes those that
    are not an integer with a known scaler. Raises: ValueError where the two differ in number.
    """

# ---- sinks: `_json.pxi`, `_outlet.pxi`

MAX_WAITING: int

def finite(reading: Reading) -> Reading:
    """The reading itself; or, where its value is an infinity or not a number, one that has no value and says so."""

def json_line(reading: Reading) -> str:
    """One JSON object, without the line's end."""

class Outlet:
    """The compiled half of `meterd.sinks.hub.Hub`."""

    now_ms: Callable[[], int]
    _last_good: dict[str, dict[str, Reading]]

    def __init__(self, sinks: list[Any], clock_ms: Callable[[], int]) -> None: ...
    @property
    def sinks(self) -> list[Any]: ...
    def publish(self, reading: Reading) -> None: ...
    def flush(self) -> None: ...
    def hand_on(self, reading: Reading) -> None:
        """To every sink, as it is."""

class Sink:
    """Base of the compiled sinks; `meterd.sinks.hub.Sink` says what they do."""

    def accept(self, reading: Reading) -> None: ...
    def flush(self) -> None: ...

class LoggedOnly(Sink):
    """A sink that keeps the readings of signals whose `log` asks for it; the compiled half of the event log.

    `keep(reading)` is called for these alone, `write_out()` at the end of a turn while `unwritten` is not 0.
    """

    unwritten: int

    def accept(self, reading: Reading) -> None: ...
    def flush(self) -> None: ...
    def keep(self, reading: Reading) -> None: ...
    def write_out(self) -> None: ...

class Lines(Sink):
    """The compiled half of `meterd.sinks.lines.LineSink`: gathers lines and writes them without blocking."""

    name: str
    lost: int
    troubled: bool
    _fd: int | None

    def __init__(self, fd: int | None, write_line: Callable[[Reading], str], name: str) -> None: ...
    @property
    def waiting(self) -> int: ...
    def accept(self, reading: Reading) -> None: ...
    def flush(self) -> None: ...
    def clear(self) -> None: ...
