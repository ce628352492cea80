"""The HDLC link to one meter (IEC 62056-46 clause 6, unbalanced normal response mode): APDUs out, APDUs in.

The problem: the client has the only right to speak unasked and gives it away with the P bit; the meter gives it back
with the F bit. Messages are cut into segments of the negotiated size, up to a window of them goes out per turn, and
both sides count modulo 8.

Assumptions: half duplex; one request outstanding; frames arrive whole and checked (`HdlcDecoder`).

The dirt: a lost answer is asked for again with RR, and only if the meter has not got the request, or stays silent, is
the request sent again under its old number; repeated frames are recognised by theirs and passed over, so that a late
answer never stands in for the next one; UI, another station's frames and a late UA are passed over; busy meters (RNR)
are polled; a meter that has hung up (DM) is told apart from one that is silent; some meters answer an SNRM with
parameters not at all, so the last attempt goes without; some keep a link that a dead client left open and refuse a new
one until DISC has come; some write the two addresses in another length than they are called by, or begin an answer with
the LLC header of a request. Everything that repeats has a bound.
"""

from __future__ import annotations

from ...._hdlc import HdlcDecoder, encode_frame
from ....conversation import Pause, Receive, Send
from ....errors import DecodeError, Disconnected, Garbled, MeterdError, ProtocolError, Refused, Silence
from .._shortcut import HdlcShortcut
from .address import hears_everybody, same_station
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
from .hdlc_exchange import Exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...._hdlc import HdlcFrame
    from ....conversation import Conversation

LLC_REQUEST = b"\xe6\xe6\x00"
LLC_RESPONSE = b"\xe6\xe7\x00"
LLC_SIZE = 3
# Frames that are not for this exchange, per turn: a burst of notifications may have waited for it.
MAX_IGNORED = 256
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
        # The addresses of the frames that come, as the meter writes them.
        self._source, self._sink = server, client
        self._ignored = 0  # frames passed over in this turn
        self._max_idle = MAX_IDLE
        self._may_go_on = False  # the last frame came without F bit: it is still the meter's turn

    def open(self) -> Conversation:
        """SNRM until UA; sets the limits of the connection. Raises: Silence, Garbled, Refused, ProtocolError."""
        error: MeterdError = ProtocolError("the meter was never asked")
        attempt, attempts = 0, self.patience
        while attempt < attempts:
            bare = self.proposal == (DEFAULT_INFO, DEFAULT_WINDOW) or 0 < attempt >= self.patience - 1
            attempt += 1
            try:
                frame = yield from self._unnumbered(SNRM, b"" if bare else encode_parameters(*self.proposal))
            except (Silence, Garbled) as caught:
                error = caught
                continue
            if frame.control & ~FINAL == UA:
                self._accept_parameters(frame, bare)
                return
            error = Refused("the meter refuses the link: it answers SNRM with DM, after a DISC too")
            if frame.control & ~FINAL == FRMR:
                error = Refused(f"the meter rejects SNRM: {describe_frame_reject(frame.information)}")
            # It may hold a link that nobody has ended, and makes no other as long as it does.
            yield from self._disconnect()
            attempts = max(attempts, 2)
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
        self.shortcut = HdlcShortcut(self.server, self.client, self._source, self._sink)
        self.connected = True
        self.proven()

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
            if (yield from self._disconnect()):
                return

    def _disconnect(self) -> Conversation:
        """One DISC. Returns: whether it was answered."""
        try:
            yield from self._unnumbered(DISC, b"")
        except (Silence, Garbled):
            return False
        return True

    def _unnumbered(self, command: int, parameters: bytes) -> Conversation:
        """Send SNRM or DISC; the UA, DM or FRMR that answers it."""
        self._decoder.reset()
        self._ignored = 0
        yield Send(encode_frame(self.server, self.client, command | FINAL, parameters))
        while True:
            frame = yield from self._listen()
            if frame.control & ~FINAL in (UA, DM, FRMR):
                return frame
            self._pass_over(frame)

    def _pass_over(self, frame: HdlcFrame) -> None:
        """A frame that is not the one due. Raises: Garbled past the bound of those in one turn."""
        self._ignored += 1
        if self._ignored >= MAX_IGNORED:
            raise Garbled(
                f"{MAX_IGNORED} frames came that do not belong here, the last with control {frame.control:02X} from "
                f"address {frame.source.hex(' ')}"
            )

    def _listen(self, heard: HdlcFrame | MeterdError | None = None) -> Conversation:
        """The next frame from our meter to us; `heard` is what came already. Raises: Silence, Garbled."""
        others = b""
        while True:
            if isinstance(heard, MeterdError):
                raise heard
            try:
                frame = heard or (yield self.receive)
            except Silence:
                if others:
                    raise Garbled(f"only frames of other stations came, the last from {others.hex(' ')}") from None
                raise
            heard = None
            if (frame.source == self._source and frame.destination == self._sink) or self._introduces_itself(frame):
                return frame
            others = frame.source
            self._pass_over(frame)

    def _introduces_itself(self, frame: HdlcFrame) -> bool:
        """Whether a frame comes from our meter under an address not heard from it yet, which is the one from then on.

        Called as all stations, a meter answers under its own address; from its UA on it is spoken to by that. Another
        length of the address it is called by is a habit of writing it: the meter may hear no other than it is called.
        """
        if not same_station(frame.destination, self.client):
            return False
        if not same_station(frame.source, self.server):
            if self.server != self._called or not hears_everybody(self._called) or frame.control & ~FINAL != UA:
                return False
            self.server = frame.source
        self._source, self._sink = frame.source, frame.destination
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
        exchange = Exchange(self._segments(message), counts.send_seq, counts.recv_seq, self.receive_window)
        try:
            yield from self._converse(exchange, heard)
        except (Silence, Garbled):
            self.connected = False
            raise
        finally:
            counts.send_seq = exchange.send_seq(len(exchange.outgoing))
            counts.recv_seq = exchange.recv_seq
        answer = b"".join(exchange.parts)
        if answer[:LLC_SIZE] not in (LLC_RESPONSE, LLC_REQUEST):
            raise ProtocolError(f"the answer begins with {answer[:3].hex(' ')} where the LLC header E6 E7 00 is due")
        return answer[LLC_SIZE:]

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

    def _converse(self, exchange: Exchange, heard: HdlcFrame | MeterdError | None) -> Conversation:
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

    def _turn(self, exchange: Exchange, poll: bool) -> bytes:
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

    def _hear(self, exchange: Exchange, heard: HdlcFrame | MeterdError | None) -> Conversation:
        """One turn of the meter's: until its F bit or a whole answer. Returns: whether it says that it is busy."""
        self._ignored = 0
        while True:
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
            self._pass_over(frame)

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
