from typing import Any

from ._hdlc import Frame

class Shortcut:
    """The I frames of one connection from `client` to `server` (addresses as on the wire), where one goes each way."""

    send_seq: int
    """N(S) of the next frame out."""
    recv_seq: int
    """N(S) of the next frame in."""
    def __init__(self, server: bytes, client: bytes) -> None: ...
    def carry(self, apdu: bytes) -> bytes:
        """The frame for an APDU, which must not be longer than the meter takes."""

    def answer(self, frame: Frame) -> bytes | None:
        """The APDU that answers the one carried, and both frames are counted; None where `frame` is not all of it."""

    def ask(self, invoke: int, descriptor: bytes) -> bytes:
        """The frame that asks for one attribute; `descriptor` is what `get.attribute` gave."""

    def hear(self, invoke: int, frame: Frame) -> tuple[int, Any] | None:
        """`(data-access-result or 0, value)`, and both frames are counted; None where `frame` is another answer."""
