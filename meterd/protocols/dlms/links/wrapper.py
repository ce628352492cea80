"""The TCP wrapper (IEC 62056-47 clause 5.3): a version, two ports and a length before each APDU.

The problem: there are no sequence numbers, so a late answer looks like the next one. TCP keeps the order, therefore a
request that timed out ends the association (its conversation makes a new one), and APDUs that do not fit what was
asked are passed over with `another`. What is held of earlier answers is dropped before each request.
"""

from __future__ import annotations

from ...._wrapper import WrapperDecoder
from ....conversation import Receive, Send
from ....errors import Garbled, MeterdError, ProtocolError
from .._shortcut import WrapperShortcut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...._wrapper import WrapperFrame
    from ....conversation import Conversation

MAX_APDU = 65_535
# APDUs of other clients or devices: a burst of notifications may have waited.
MAX_IGNORED = 256


class WrapperLink:
    """The same face as `link.HdlcLink`, between the wPorts `client` and `server`."""

    __slots__ = ("_decoder", "client", "receive", "server", "shortcut")

    max_info = MAX_APDU
    numbered = False  # a late answer looks like the next one

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

    def proven(self) -> None:
        """Nothing is sent twice here, so a meter that has answered is asked as before."""

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
