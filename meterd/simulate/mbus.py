"""A simulated M-Bus: any number of meters on one line, as a master finds them.

When several meters answer at once their bits overlay, each a little late: a space (0) of one hides the mark (1) of
another, so the master sees the AND of what they send; two E5 at once look like one. Options of `meter`, all texts:

| option | meaning |
|---|---|
| `kind` | `heat`, `water` or `electricity` (three telegrams); without it the meters take turns |
| `address` | primary address of the first meter, 1 unless given |
| `identification` | eight digits of the first meter, 10000001 unless given; further meters count on |
| `meters` | how many, 1 unless given |
| `key` | 32 hexadecimal digits: the meters encrypt their records (mode 5) |
| `frames` | files with telegrams in hexadecimal digits: `a.hex,b.hex` are two meters, `a.hex+b.hex` one with a chain |
| `byte_delay_ms` | pause after each byte of an answer |
| `answer_delay_ms` | pause before an answer |
"""

from __future__ import annotations

from .._mbus import MbusDecoder
from ..conversation import LineSettings, Pause, Receive, Send
from ..errors import ConfigError, LineError, PortGone
from .mbus_meters import KINDS, Meter, built_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._mbus import MbusFrame
    from ..conversation import Conversation

LINE = LineSettings(2400, 8, "even", 1)
GAP_MS = 500
MAX_METERS = 1000
LONG_HEADER = 12


def meter(**options: str) -> Callable[[], Conversation]:
    """A factory of meter-side conversations with one bus; its meters outlive the connections.

    Raises: ConfigError where an option is unknown or wrong.
    """
    try:
        meters = _meters(dict(options))
        delays = [float(options.get(name, "0")) / 1000 for name in ("answer_delay_ms", "byte_delay_ms")]
    except (ValueError, KeyError, OSError) as error:
        raise ConfigError("simulated M-Bus", str(error)) from None
    return bus(meters, *delays)


def bus(meters: list[Meter], answer_delay_s: float = 0.0, byte_delay_s: float = 0.0) -> Callable[[], Conversation]:
    """The same with meters made elsewhere."""

    def serve() -> Conversation:
        decoder = MbusDecoder()
        while True:
            try:
                frame: MbusFrame = yield Receive(decoder, None, GAP_MS)
            except PortGone:
                return
            except LineError:
                decoder.reset()
                continue
            data = collide([answer for answer in (one.answer(frame) for one in meters) if answer])
            if not data:
                continue
            if answer_delay_s:
                yield Pause(answer_delay_s)
            yield from _send(data, byte_delay_s)
            if len(meters) == 1 and meters[0].baudrate:
                yield LINE.at(meters[0].baudrate)

    return serve


def collide(answers: list[bytes]) -> bytes:
    """What the master sees when all of them answer at once, each a bit later than the one before; E5 on E5 is E5."""
    if not answers:
        return b""
    size = max(map(len, answers))
    if size == 1 or len(answers) == 1:
        return answers[0]
    idle = (1 << 8 * size) - 1
    seen = idle
    for late, answer in enumerate(answers):
        bits = int.from_bytes(answer.ljust(size, b"\xff"), "big")
        seen &= (bits | idle << 8 * size) >> late % 8
    return (seen & idle).to_bytes(size, "big")


def _send(data: bytes, byte_delay_s: float) -> Conversation:
    if not byte_delay_s:
        yield Send(data, keep_input=True)
        return
    for byte in data:
        yield Send(bytes([byte]), keep_input=True)
        yield Pause(byte_delay_s)


def _meters(options: dict[str, str]) -> list[Meter]:
    known = ("kind", "address", "identification", "meters", "key", "frames", "byte_delay_ms", "answer_delay_ms")
    for name in options:
        if name not in known:
            raise ValueError(f"unknown option {name!r}; there are {', '.join(known)}")
    address = int(options.get("address", "1"))
    if "frames" in options:
        return [_recorded(names.split("+")) for names in options["frames"].split(",")]
    first, count = int(options.get("identification", "10000001")), int(options.get("meters", "1"))
    if not 1 <= count <= MAX_METERS:
        raise ValueError(f"1 to {MAX_METERS} meters")
    key = bytes.fromhex(options["key"]) if "key" in options else None
    kinds = [options["kind"]] if "kind" in options else list(KINDS)
    return [
        built_in(kinds[number % len(kinds)], (address + number) % 251, f"{first + number:08d}", key)
        for number in range(count)
    ]


def _recorded(names: list[str]) -> Meter:
    """A meter that says what recorded frames say."""
    frames: list[MbusFrame] = []
    for name in names:
        with open(name.strip(), encoding="ascii") as file:
            frame = MbusDecoder().feed(bytes(int(token, 16) for token in file.read().split()))
        if frame is None or frame.ci < 0:
            raise ValueError(f"{name} holds no whole frame with user data")
        frames.append(frame)
    first = frames[0]
    identity = first.data[:8] if first.ci == 0x72 and len(first.data) >= LONG_HEADER else bytes(8)
    return Meter(first.address, identity, tuple(bytes([frame.ci]) + frame.data for frame in frames), ci=0)
