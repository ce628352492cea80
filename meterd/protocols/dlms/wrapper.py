"""The TCP wrapper (IEC 62056-47 clause 5.3): a version, two ports and a length before each APDU.

The problem: there are no sequence numbers, so a late answer looks like the next one. TCP keeps the order, therefore a
request that timed out ends the association (its conversation makes a new one), and APDUs that do not fit what was
asked are passed over with `another`. What is held of earlier answers is dropped before each request.

The dirt: APDUs split over TCP segments at any byte, several in one, bytes of a gateway's own before a header.
"""

from __future__ import annotations

from ..._core import get_response_normal
from ...conversation import Receive, Send
from ...errors import DecodeError, Garbled, MeterdError, ProtocolError
from .get import request_normal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation

VERSION = b"\x00\x01"
HEADER_SIZE = 8
MAX_APDU = 65_535
MAX_IGNORED = 16


class WrapperFrame:
    """One APDU with the wPorts of its sender and its receiver."""

    __slots__ = ("apdu", "destination", "source")

    def __init__(self, source: int, destination: int, apdu: bytes) -> None:
        self.source = source
        self.destination = destination
        self.apdu = apdu


class WrapperDecoder:
    """`meterd.conversation.Decoder` whose frames are `WrapperFrame`. Holds at most one APDU and what follows it."""

    __slots__ = ("_buffer", "discarded", "reason")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.discarded = 0
        self.reason = ""

    @property
    def pending(self) -> int:
        return len(self._buffer)

    @property
    def missing(self) -> int:
        size = len(self._buffer)
        return max(1, (HEADER_SIZE if size < HEADER_SIZE else self._frame_size()) - size)

    def _frame_size(self) -> int:
        return HEADER_SIZE + int.from_bytes(self._buffer[6:8], "big")

    def feed(self, data: bytes) -> WrapperFrame | None:
        """Take more bytes; the next APDU, or None. Never raises: a header holds at most 65535 octets."""
        buffer = self._buffer
        buffer += data
        self._hunt()
        if len(buffer) < HEADER_SIZE or len(buffer) < self._frame_size():
            return None
        end = self._frame_size()
        frame = WrapperFrame(
            int.from_bytes(buffer[2:4], "big"), int.from_bytes(buffer[4:6], "big"), bytes(buffer[HEADER_SIZE:end])
        )
        del buffer[:end]
        return frame

    def _hunt(self) -> None:
        """Drop what cannot begin a header."""
        buffer = self._buffer
        start = 0
        while not VERSION.startswith(buffer[start : start + 2]):
            start = buffer.find(VERSION[:1], start + 1)
            if start < 0:
                start = len(buffer)
        if start:
            del buffer[:start]
            self.discarded += start
            self.reason = "no wrapper header (version 1)"

    def reset(self) -> None:
        self._buffer.clear()
        self.discarded = 0
        self.reason = ""


def encode_wrapper(source: int, destination: int, apdu: bytes) -> bytes:
    """An APDU with its header. Raises: DecodeError where it is too long for the length field."""
    if len(apdu) > MAX_APDU:
        raise DecodeError(f"an APDU of {len(apdu)} octets does not fit the wrapper")
    ports = source.to_bytes(2, "big") + destination.to_bytes(2, "big")
    return VERSION + ports + len(apdu).to_bytes(2, "big") + apdu


class WrapperShortcut:
    """The same face as `_hdlc.Shortcut`."""

    __slots__ = ("_client", "_decoder", "_server")

    def __init__(self, server: int, client: int, decoder: WrapperDecoder) -> None:
        self._server = server
        self._client = client
        self._decoder = decoder

    def carry(self, apdu: bytes) -> bytes:
        self._decoder.reset()
        return encode_wrapper(self._client, self._server, apdu)

    def answer(self, frame: WrapperFrame) -> bytes | None:
        return frame.apdu if frame.destination == self._client and frame.source == self._server else None

    def ask(self, invoke: int, descriptor: bytes) -> bytes:
        return self.carry(request_normal(invoke, descriptor))

    def hear(self, invoke: int, frame: WrapperFrame) -> tuple[int, Any] | None:
        answer = self.answer(frame)
        try:
            return None if answer is None else get_response_normal(answer, invoke)
        except DecodeError:
            return None


class WrapperLink:
    """The same face as `link.HdlcLink`, between the wPorts `client` and `server`."""

    max_info = MAX_APDU

    def __init__(self, client: int, server: int, timeout_ms: float) -> None:
        self.client = client
        self.server = server
        self._decoder = WrapperDecoder()
        self.receive = Receive(self._decoder, timeout_ms, timeout_ms)
        self.shortcut = WrapperShortcut(server, client, self._decoder)

    def open(self) -> Conversation:
        """Nothing to do: the TCP connection is the line's."""
        self._decoder.reset()
        return
        yield

    def close(self) -> Conversation:
        """Nothing to do."""
        return
        yield

    def request(self, apdu: bytes, heard: WrapperFrame | MeterdError | None = None) -> Conversation:
        """Send one APDU and return the next that comes; `heard` is what came where the shortcut has sent it.

        Raises: Silence, Garbled, ProtocolError.
        """
        if heard is None:
            yield Send(self.shortcut.carry(apdu))
        return (yield from self.another(heard))

    def another(self, heard: WrapperFrame | MeterdError | None = None) -> Conversation:
        """The next APDU from the server to this client, without asking. Raises: Silence, Garbled, ProtocolError."""
        for _ in range(MAX_IGNORED):
            if isinstance(heard, MeterdError):
                raise heard
            frame = heard or (yield self.receive)
            heard = None
            answer = self.shortcut.answer(frame)
            if answer is not None:
                return answer
        raise (
            ProtocolError(f"the answer came from wPort {frame.source}, not {self.server}")
            if frame.destination == self.client
            else Garbled(f"only APDUs for other clients came, the last for wPort {frame.destination}")
        )
