"""The way that nearly every register is read: one frame out, one frame in."""

from typing import Any

from ..._wrapper import WrapperDecoder

class Shortcut:
    """GET, normal or with list, and its answer, or any APDU, in one frame each way. Its counters change only with a
    frame that is just the answer due. Where the link itself `pairs` question and answer, any invoke id will do.
    """

    pairs: bool

    def ask(self, invoke: int, descriptor: bytes) -> bytes:
        """The frame that asks for one attribute; `descriptor` is encoded, `invoke` the invoke-id-and-priority."""

    def ask_list(self, invoke: int, descriptors: bytes) -> bytes:
        """The frame that asks for many attributes; `descriptors` are their count in one octet and they themselves."""

    def carry(self, apdu: bytes) -> bytes:
        """The frame that carries any APDU that fits one frame."""

    def answer(self, frame: Any) -> bytes | None:
        """The APDU in the frame that is due, which is counted; None for any other, and nothing has changed."""

    def hear(self, invoke: int, frame: Any) -> int | tuple[int, Any] | None:
        """An integer, or `(data-access-result or 0, value)`, out of the frame that is due, which is counted; None for
        any other, or where the value is malformed, and nothing has changed.
        """

    def hear_list(self, invoke: int, count: int, frame: Any) -> list[int | tuple[int, Any]] | None:
        """The same for each of `count` attributes that were asked for at once; None also where not so many came."""

class HdlcShortcut(Shortcut):
    """Over HDLC; `send_seq` and `recv_seq` are N(S) and N(R), 0 to 7. Answers come from `source` to `sink` where the
    meter writes the two addresses in another length.
    """

    send_seq: int
    recv_seq: int

    def __init__(
        self, server: bytes, client: bytes, source: bytes | None = None, sink: bytes | None = None
    ) -> None: ...

class WrapperShortcut(Shortcut):
    """Over the TCP wrapper, between two wPorts; each request drops what `decoder` holds of earlier answers."""

    def __init__(self, server: int, client: int, decoder: WrapperDecoder) -> None: ...
