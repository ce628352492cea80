"""The HDLC link to one meter (IEC 62056-46 clause 6, unbalanced normal response mode): APDUs out, APDUs in.

The problem: the client has the only right to speak unasked and gives it away with the P bit; the meter gives it back
with the F bit. Messages are cut into segments of the negotiated size, up to a window of them goes out per turn, and
both sides count modulo 8.

Assumptions: half duplex; one request outstanding; frames arrive whole and checked (`HdlcDecoder`).

The dirt: a lost answer is asked for again with RR, and only if the meter has not got the request, or stays silent, is
the request sent again under its old number; repeated frames are recognised by theirs and passed over, so that a late
answer never stands in for the next one; UI, another station's frames and a late UA are passed over; busy meters (RNR)
are polled; a meter that has hung up (DM) is told apart from one that is silent; some meters answer an SNRM with
parameters not at all, so the last attempt goes without. Everything that repeats has a bound.
"""

from __future__ import annotations

from ...._hdlc import HdlcDecoder, encode_frame
from ....conversation import Pause, Receive, Send
from ....errors import DecodeError, Disconnected, Garbled, MeterdError, ProtocolError, Refused, Silence
from .._shortcut import HdlcShortcut
from .address import hears_everybody
from .hdlc_control import (
    DEFAULT_INFO,
    DEFAULT_WINDOW,
    DISC,
    DM,
    FINAL,
    FRMR,
    SNRM,
    UA,
    UI,
    describe_frame_reject,
    encode_parameters,
    information,
    is_information,
    is_receive_not_ready,
    is_supervisory,
    parse_parameters,
    receive_ready,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...._hdlc import HdlcFrame
    from ....conversation import Conversation

LLC_REQUEST = b"\xe6\xe6\x00"
LLC_RESPONSE = b"\xe6\xe7\x00"
# An APDU is at most 65535 octets by its negotiation; ciphering and some meters' notion of it add a little.
MAX_APDU = 70_000
# With segments of one octet a meter could keep us for ever.
MAX_SEGMENTS = 5_000
# Frames that are not for this exchange, per turn.
MAX_IGNORED = 16
# Turns in a row that bring nothing new: a meter may be busy for as long as these times the pause.
MAX_IDLE = 50
MAX_IDLE_IN_A_HURRY = 2
# Acknowledgements in a row of frames that were never sent: one may be late, more come from a meter that counts anew.
MAX_ASTRAY = 3
BUSY_PAUSE_S = 0.2


class HdlcLink:
    """One data link connection, made by `open`, used by `request` and `another`, ended by `close`.

    `client` and `server` are addresses as on the wire; `attempts` how often a frame is sent before the line counts as
    dead; `max_info` (octets) and `window` (frames) are proposed for both directions.
    """

    numbered = True  # no answer can be a late one to an earlier request

    def __init__(
        self, client: bytes, server: bytes, timeout_ms: float, attempts: int = 3,
        max_info: int = DEFAULT_INFO, window: int = DEFAULT_WINDOW,
    ) -> None:  # fmt: skip
        self.client = client
        self.server = server
        self.attempts = attempts
        self.patience = attempts  # attempts of the next request; as many as ever once the meter has answered it
        self.proposal = (max_info, window)
        self.max_info = DEFAULT_INFO
        self.window = DEFAULT_WINDOW
        self.receive_window = DEFAULT_WINDOW
        self.connected = False
        self._decoder = HdlcDecoder()
        self.receive = Receive(self._decoder, timeout_ms, timeout_ms)
        self.shortcut = HdlcShortcut(server, client)
        self._called = server
        self._max_idle = MAX_IDLE
        self._may_go_on = False  # the last frame came without F bit: it is still the meter's turn

    def open(self) -> Conversation:
        """SNRM until UA; sets the limits of the connection. Raises: Silence, Garbled, Refused, ProtocolError."""
        error: MeterdError = ProtocolError("the meter was never asked")
        for attempt in range(self.attempts):
            bare = self.proposal == (DEFAULT_INFO, DEFAULT_WINDOW) or 0 < attempt == self.attempts - 1
            try:
                frame = yield from self._unnumbered(SNRM, b"" if bare else encode_parameters(*self.proposal))
            except (Silence, Garbled) as caught:
                error = caught
                continue
            if frame.control & ~FINAL == UA:
                self._accept_parameters(frame, bare)
                return
            error = Refused("the meter refuses the link: it answers SNRM with DM")
            if frame.control & ~FINAL == FRMR:
                error = Refused(f"the meter rejects SNRM: {describe_frame_reject(frame.information)}")
        raise error

    def _accept_parameters(self, frame: HdlcFrame, bare: bool) -> None:
        """UA names what the meter takes and sends, within what was proposed; a bare SNRM proposes the defaults, and so
        does a UA whose parameters say nothing.
        """
        try:
            info, _, receive_window, window = parse_parameters(frame.information)
        except DecodeError:
            info, receive_window, window = DEFAULT_INFO, DEFAULT_WINDOW, DEFAULT_WINDOW
        proposal = (DEFAULT_INFO, DEFAULT_WINDOW) if bare else self.proposal
        self.max_info = min(info, proposal[0])
        self.window = min(window, proposal[1])
        self.receive_window = receive_window
        self.shortcut = HdlcShortcut(self.server, self.client)
        self.connected = True

    def proven(self) -> None:
        """There is somebody at the other end: what stays unanswered from now on is sent as often as it may be."""
        self.patience = self.attempts

    def hurry(self) -> None:
        """The next request is of little weight: it is sent once, and a meter with nothing to say is not waited for."""
        self.patience = 1
        self._max_idle = MAX_IDLE_IN_A_HURRY

    def close(self) -> Conversation:
        """DISC until UA or DM: both say that there is no connection any more. A line that stays silent is left."""
        attempts = min(self.attempts, 2) if self.connected else 1
        self.connected = False
        for _ in range(attempts):
            try:
                yield from self._unnumbered(DISC, b"")
                return
            except (Silence, Garbled):
                continue

    def _unnumbered(self, command: int, parameters: bytes) -> Conversation:
        """Send SNRM or DISC; the UA, DM or FRMR that answers it."""
        self._decoder.reset()
        yield Send(encode_frame(self.server, self.client, command | FINAL, parameters))
        for _ in range(MAX_IGNORED):
            frame = yield from self._listen()
            if frame.control & ~FINAL in (UA, DM, FRMR):
                return frame
        raise Garbled("the meter sends other frames than the UA that is due")

    def _listen(self, heard: HdlcFrame | MeterdError | None = None) -> Conversation:
        """The next frame from our meter to us; `heard` is what came already. Raises: Silence, Garbled."""
        source = b""
        for _ in range(MAX_IGNORED):
            if isinstance(heard, MeterdError):
                raise heard
            frame = heard or (yield self.receive)
            heard = None
            if frame.destination == self.client and (frame.source == self.server or self._introduces_itself(frame)):
                return frame
            source = frame.source
        raise Garbled(f"only frames of other stations came, the last from address {source.hex(' ')}")

    def _introduces_itself(self, frame: HdlcFrame) -> bool:
        """Called as all stations, a meter answers under its own address; from its UA on it is spoken to by that."""
        if self.server != self._called or not hears_everybody(self._called) or frame.control & ~FINAL != UA:
            return False
        self.server = frame.source
        return True

    def request(self, apdu: bytes, heard: HdlcFrame | MeterdError | None = None) -> Conversation:
        """Send one APDU and return the one that answers it; `heard` is what came where the shortcut has sent it.

        Raises: Silence, Garbled after all attempts; Disconnected where the meter has hung up; ProtocolError.
        """
        if not self.connected:
            raise Disconnected("there is no link to the meter")
        if heard is None and len(LLC_REQUEST) + len(apdu) <= self.max_info:
            # Nearly always one frame goes and one comes back; whatever else happens is the exchange's business.
            yield Send(self.shortcut.carry(apdu))
            try:
                heard = frame = yield self.receive
            except (Silence, Garbled) as error:
                heard = error
            else:
                answer = self.shortcut.answer(frame)
                if answer is not None:
                    self.proven()
                    self._may_go_on = not frame.control & FINAL
                    return answer
        return (yield from self._exchange(LLC_REQUEST + apdu, heard))

    def _exchange(self, message: bytes, heard: HdlcFrame | MeterdError | None) -> Conversation:
        """Turn about until the answer is whole; `heard` is what came of a first turn already."""
        counts = self.shortcut
        exchange = _Exchange(self._segments(message), counts.send_seq, counts.recv_seq, self.receive_window)
        try:
            yield from self._converse(exchange, heard)
        except (Silence, Garbled):
            self.connected = False
            raise
        finally:
            counts.send_seq = exchange.send_seq(len(exchange.outgoing))
            counts.recv_seq = exchange.recv_seq
        answer = b"".join(exchange.parts)
        if not answer.startswith(LLC_RESPONSE):
            raise ProtocolError(f"the answer begins with {answer[:3].hex(' ')} where the LLC header E6 E7 00 is due")
        return answer[len(LLC_RESPONSE) :]

    def another(self) -> Conversation:
        """The APDU behind one that the meter sent unasked or in pieces: waited for, or polled where it is our turn.

        Raises: as `request`.
        """
        heard: HdlcFrame | MeterdError | None = None
        if self._may_go_on:
            try:
                heard = yield self.receive
            except (Silence, Garbled) as error:
                heard = error
        return (yield from self._exchange(b"", heard))

    def _segments(self, message: bytes) -> list[bytes]:
        return [message[start : start + self.max_info] for start in range(0, len(message), self.max_info)]

    def _converse(self, exchange: _Exchange, heard: HdlcFrame | MeterdError | None) -> Conversation:
        """Turns in which we send and the meter answers, until the answer is whole."""
        failures = idle = 0
        poll = False
        while not exchange.complete:
            if heard is None:
                yield Send(self._turn(exchange, poll))
            else:
                exchange.due(self.window)
            progress = exchange.progress()
            try:
                first, heard = heard, None
                busy = yield from self._hear(exchange, first)
            except (Silence, Garbled):
                failures += 1
                if failures >= self.patience:
                    raise
                self._decoder.reset()
                # Asking costs less than repeating, and meters that answer no idle RR do answer a repeated request.
                poll = failures % 2 == 1
                exchange.repeat = not poll
                continue
            failures = 0
            self.proven()
            idle = 0 if exchange.progress() != progress else idle + 1
            if exchange.astray >= MAX_ASTRAY:
                self.connected = False
                raise Disconnected("the meter counts frames that were never sent: it has begun a new link")
            if idle >= self._max_idle:
                raise Silence(f"the meter answers {idle} times in a row that it has nothing to say")
            poll = busy
            exchange.repeat = idle % 4 == 3
            if idle and not exchange.complete:
                yield Pause(BUSY_PAUSE_S)

    def _turn(self, exchange: _Exchange, poll: bool) -> bytes:
        """What to send now: the next window of segments, or RR where they are all there or only a poll is due."""
        segments = [] if poll else exchange.due(self.window)
        if not segments:
            return encode_frame(self.server, self.client, receive_ready(exchange.recv_seq) | FINAL)
        frames = []
        for index in segments:
            control = information(exchange.send_seq(index), exchange.recv_seq)
            if index == segments[-1]:
                control |= FINAL
            more = index + 1 < len(exchange.outgoing)
            frames.append(encode_frame(self.server, self.client, control, exchange.outgoing[index], more))
        return b"".join(frames)

    def _hear(self, exchange: _Exchange, heard: HdlcFrame | MeterdError | None) -> Conversation:
        """One turn of the meter's: until its F bit or a whole answer. Returns: whether it says that it is busy."""
        for _ in range(MAX_IGNORED):
            frame = yield from self._listen(heard)
            heard = None
            control = frame.control
            self._may_go_on = not control & FINAL
            if is_information(control):
                if exchange.take(frame) and (exchange.complete or control & FINAL):
                    return False
            elif is_supervisory(control):
                exchange.acknowledge(control >> 5)
                if control & FINAL:
                    return is_receive_not_ready(control)
            else:
                self._unexpected(frame)
        raise Garbled("the meter does not stop sending frames that do not belong here")

    def _unexpected(self, frame: HdlcFrame) -> None:
        """An unnumbered frame within an exchange; UI and a late UA say nothing about it. Raises: MeterdError."""
        kind = frame.control & ~FINAL
        if kind == DM:
            self.connected = False
            raise Disconnected("the meter has ended the link (DM)")
        if kind == FRMR:
            self.connected = False
            raise Disconnected(f"the meter rejects a frame: {describe_frame_reject(frame.information)}")
        if kind not in (UI, UA):
            raise ProtocolError(f"the meter sends a frame with control {frame.control:02X}")


class _Exchange:
    """One request under way: which of its segments the meter has, and which of the answer's we have."""

    __slots__ = (
        "_first", "_sent", "_size", "_window", "acknowledged", "astray", "complete", "outgoing", "parts", "recv_seq",
        "repeat",
    )  # fmt: skip

    def __init__(self, outgoing: list[bytes], send_seq: int, recv_seq: int, window: int) -> None:
        self.outgoing = outgoing
        self.acknowledged = 0
        self.astray = 0
        self.parts: list[bytes] = []
        self.recv_seq = recv_seq
        self.complete = False
        self.repeat = False
        self._first = send_seq
        self._sent = 0
        self._size = 0
        self._window = window

    def send_seq(self, index: int) -> int:
        """N(S) of one segment."""
        return (self._first + index) & 7

    def progress(self) -> tuple[int, int]:
        return (self.acknowledged, len(self.parts))

    def due(self, window: int) -> list[int]:
        """Which segments to send: those not acknowledged, or, where the answer is overdue, the last one again."""
        start = self.acknowledged
        if start == len(self.outgoing) and self.repeat and self.outgoing and not self.parts:
            return [start - 1]
        segments = list(range(start, min(start + window, len(self.outgoing))))
        self._sent = max(self._sent, start + len(segments))
        return segments

    def acknowledge(self, recv_seq: int) -> None:
        """Take the meter's N(R); one that belongs to frames never sent is an old one."""
        count = (recv_seq - self._first - self.acknowledged) & 7
        if count <= self._sent - self.acknowledged:
            self.acknowledged += count
            self.astray = 0
        else:
            self.astray += 1

    def take(self, frame: HdlcFrame) -> bool:
        """Take an I frame. Returns: False for one that we have already. Raises: ProtocolError past the bounds."""
        self.acknowledge(frame.control >> 5)
        ahead = ((frame.control >> 1 & 7) - self.recv_seq) & 7
        if ahead:
            # One before it was lost: the meter goes back to it when its turn comes round. Else it is an old frame.
            return ahead < self._window
        if self.acknowledged < len(self.outgoing):
            return True  # no answer can come before the whole question has arrived
        self.recv_seq = (self.recv_seq + 1) & 7
        self.parts.append(frame.information)
        self._size += len(frame.information)
        if self._size > MAX_APDU or len(self.parts) > MAX_SEGMENTS:
            raise ProtocolError(f"the answer is longer than {MAX_APDU} octets or {MAX_SEGMENTS} segments")
        self.complete = not frame.segmented
        return True
