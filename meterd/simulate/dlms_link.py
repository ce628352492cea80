"""The meter's side of the three ways to a DLMS meter: HDLC as secondary station, TCP wrapper, mode E sign-on.

Each is a conversation that hands whole APDUs to `answer(client, apdu) -> bytes` and sends back what that gives. The
HDLC side keeps what the client has not acknowledged and repeats it when polled, as the standard has it.
"""

from __future__ import annotations

from .._hdlc import HdlcDecoder, encode_frame
from .._wrapper import WrapperDecoder, encode_wrapper
from ..conversation import LineSettings, Receive, Send
from ..errors import DecodeError, Garbled, MeterdError, Silence
from ..protocols.dlms.links import hdlc_control as hdlc
from ..protocols.dlms.links.hdlc import LLC_REQUEST, LLC_RESPONSE
from ..protocols.dlms.links.mode_e import SPEEDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._hdlc import HdlcFrame
    from ..conversation import Conversation

    Answer = Callable[[int, bytes], bytes]

GAP_MS = 500
MAX_REQUEST = 70_000
ACKNOWLEDGE_MS = 3000
MAX_LINE = 64


class Station:
    """What a secondary station knows of one client."""

    __slots__ = ("connected", "info", "parts", "pending", "recv_seq", "send_seq", "sent", "window")

    def __init__(self) -> None:
        self.connected = False
        self.reset(hdlc.DEFAULT_INFO, hdlc.DEFAULT_WINDOW)

    def reset(self, info: int, window: int) -> None:
        self.info = info
        self.window = window
        self.send_seq = 0  # N(S) of the first pending segment
        self.recv_seq = 0
        self.sent = 0  # pending segments that were sent at least once
        self.pending: list[tuple[bytes, bool]] = []
        self.parts: list[bytes] = []

    def acknowledge(self, recv_seq: int) -> None:
        count = (recv_seq - self.send_seq) & 7
        if count <= self.sent:
            del self.pending[:count]
            self.sent -= count
            self.send_seq = recv_seq

    def queue(self, message: bytes) -> None:
        """Cut an answer into segments."""
        starts = range(0, len(message), self.info)
        self.pending = [(message[start : start + self.info], start + self.info < len(message)) for start in starts]
        self.sent = 0


class HdlcServer:
    """Secondary station at `address`. `max_info` and `window` are its limits; `bare_ua` leaves the negotiation out;
    `busy` answers so many RNR before each answer; `strict_snrm` stays silent to SNRM with parameters;
    `idle_ms` without a frame ends every connection; `hang_up` every so many I frames the meter forgets the link.
    """

    def __init__(
        self, address: bytes, answer: Answer, max_info: int = 128, window: int = 1, bare_ua: bool = False,
        busy: int = 0, strict_snrm: bool = False, idle_ms: int = 0, hang_up: int = 0,
    ) -> None:  # fmt: skip
        self.address = address
        self.answer = answer
        self.max_info = max_info
        self.window = window
        self.bare_ua = bare_ua
        self.busy = busy
        self.strict_snrm = strict_snrm
        self.idle_ms = idle_ms
        self.hang_up = hang_up
        self.requests = 0
        self.goodbye = False
        self._busy_left = 0
        self._stations: dict[bytes, Station] = {}

    def run(self, until_goodbye: bool = False) -> Conversation:
        """Serve until the line goes; with `until_goodbye` until DISC, or until the line has been idle."""
        decoder = HdlcDecoder()
        self.goodbye = False
        while not (until_goodbye and self.goodbye):
            try:
                frame = yield Receive(decoder, self.idle_ms or None, GAP_MS)
            except Garbled:
                decoder.reset()
                continue
            except Silence:
                self._stations.clear()
                if until_goodbye:
                    return
                continue
            if frame.destination != self.address:
                continue
            for index, reply in enumerate(self.take(frame)):
                yield Send(reply, keep_input=index > 0)

    def take(self, frame: HdlcFrame) -> list[bytes]:
        """What a frame for this meter is answered with."""
        station = self._stations.setdefault(frame.source, Station())
        kind = frame.control & ~hdlc.FINAL
        if kind == hdlc.SNRM:
            return self._connect(frame, station)
        if kind == hdlc.DISC:
            control = hdlc.UA if station.connected else hdlc.DM
            station.connected = False
            self.goodbye = True
            return [self._frame(frame, control | hdlc.FINAL)]
        if kind == hdlc.UI:
            return []
        if not station.connected:
            return [self._frame(frame, hdlc.DM | hdlc.FINAL)]
        if hdlc.is_information(frame.control):
            return self._information(frame, station)
        if hdlc.is_supervisory(frame.control):
            station.acknowledge(frame.control >> 5)
            return self._turn(frame, station) if frame.control & hdlc.FINAL else []
        return [self._frame(frame, hdlc.FRMR | hdlc.FINAL, bytes((frame.control, 0, 1)))]

    def _connect(self, frame: HdlcFrame, station: Station) -> list[bytes]:
        if frame.information and self.strict_snrm:
            return []
        try:
            takes, sends, window_sent, window_taken = hdlc.parse_parameters(frame.information)
        except DecodeError:
            return [self._frame(frame, hdlc.FRMR | hdlc.FINAL, bytes((frame.control, 0, 2)))]
        info, window = self.max_info, self.window
        if self.bare_ua:
            info, window = hdlc.DEFAULT_INFO, hdlc.DEFAULT_WINDOW
        info = min(info, takes, sends)
        window = min(window, window_sent, window_taken)
        station.reset(info, window)
        station.connected = True
        self._busy_left = self.busy
        parameters = b"" if self.bare_ua else hdlc.encode_parameters(info, window)
        return [self._frame(frame, hdlc.UA | hdlc.FINAL, parameters)]

    def _information(self, frame: HdlcFrame, station: Station) -> list[bytes]:
        station.acknowledge(frame.control >> 5)
        if frame.control >> 1 & 7 == station.recv_seq:
            station.recv_seq = (station.recv_seq + 1) & 7
            station.parts.append(frame.information)
            if not frame.segmented:
                message, station.parts = b"".join(station.parts), []
                self._process(frame, station, message)
                if not station.connected:
                    return [self._frame(frame, hdlc.DM | hdlc.FINAL)]
        return self._turn(frame, station) if frame.control & hdlc.FINAL else []

    def _process(self, frame: HdlcFrame, station: Station, message: bytes) -> None:
        self.requests += 1
        if self.hang_up and self.requests % self.hang_up == 0:
            station.connected = False
            return
        if message[:3] == LLC_REQUEST and len(message) <= MAX_REQUEST:
            reply = self.answer(frame.source[0] >> 1, message[3:])
            if reply:
                station.queue(LLC_RESPONSE + reply)
                self._busy_left = self.busy

    def _turn(self, frame: HdlcFrame, station: Station) -> list[bytes]:
        """The meter's turn: the next window of segments, or RR where there is nothing to say."""
        if not station.pending:
            return [self._frame(frame, hdlc.receive_ready(station.recv_seq) | hdlc.FINAL)]
        if self._busy_left:
            self._busy_left -= 1
            return [self._frame(frame, hdlc.receive_not_ready(station.recv_seq) | hdlc.FINAL)]
        window = station.pending[: station.window]
        station.sent = max(station.sent, len(window))
        frames = []
        for index, (segment, more) in enumerate(window):
            control = hdlc.information((station.send_seq + index) & 7, station.recv_seq)
            if index == len(window) - 1:
                control |= hdlc.FINAL
            frames.append(encode_frame(frame.source, self.address, control, segment, more))
        return frames

    def _frame(self, frame: HdlcFrame, control: int, information: bytes = b"") -> bytes:
        return encode_frame(frame.source, self.address, control, information)


def serve_wrapper(port: int, answer: Answer) -> Conversation:
    """Answer APDUs that come to wPort `port`."""
    decoder = WrapperDecoder()
    while True:
        try:
            frame = yield Receive(decoder, None, GAP_MS)
        except (Silence, Garbled):
            decoder.reset()
            continue
        if frame.destination != port:
            continue
        reply = answer(frame.source, frame.apdu)
        if reply:
            yield Send(encode_wrapper(port, frame.source, reply))


class LineDecoder:
    """Lines ended by CR LF, from '/' or ACK on; parity bits are dropped."""

    __slots__ = ("_buffer", "discarded", "reason")

    def __init__(self) -> None:
        self._buffer = b""
        self.discarded = 0
        self.reason = ""

    @property
    def pending(self) -> int:
        return len(self._buffer)

    missing = 1

    def feed(self, data: bytes) -> bytes | None:
        buffer = self._buffer + bytes(byte & 0x7F for byte in data)
        while buffer and buffer[:1] not in (b"/", b"\x06"):
            buffer = buffer[1:]
            self.discarded += 1
            self.reason = "no line start"
        line, end, rest = buffer.partition(b"\r\n")
        self._buffer = rest if end else buffer[:MAX_LINE]
        return line if end else None

    def reset(self) -> None:
        self._buffer = b""
        self.discarded = 0
        self.reason = ""


def serve_mode_e(
    server: HdlcServer, initial: LineSettings, identification: str, confirms: bool, readout: bool
) -> Conversation:
    """Wait for the sign-on, agree on a speed, serve HDLC at it until DISC or silence, and begin again.

    `confirms` False leaves the confirmation out; `readout` answers the option with a plain read-out instead.
    """
    decoder = LineDecoder()
    while True:
        yield initial
        try:
            line = yield Receive(decoder, None, GAP_MS)
            if not line.startswith(b"/?"):
                continue
            yield Send(f"/{identification}\r\n".encode())
            option = yield Receive(decoder, ACKNOWLEDGE_MS, GAP_MS)
        except MeterdError as error:
            if not isinstance(error, (Silence, Garbled)):
                raise
            decoder.reset()
            continue
        speed = option[2:3].decode("latin-1")
        if readout or len(option) != 4 or option[1:2] != b"2" or option[3:4] != b"2" or speed not in SPEEDS:
            yield Send(b"\x021.8.0(001234.5*kWh)\r\n!\r\n\x03\x00")
            continue
        if confirms:
            yield Send(option + b"\r\n")
        yield LineSettings(SPEEDS[speed], 8, "none", 1)
        yield from server.run(until_goodbye=True)
