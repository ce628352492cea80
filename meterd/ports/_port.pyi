"""What a line knows of its port, and what a port knows of its carrier."""

from collections.abc import Callable
from typing import Any, Protocol

from ..conversation import LineSettings
from ..errors import PortGone
from ._loop import Loop

class _Carrier(Protocol):
    """What the octets of one port travel on. It has made its port, and attaches what it opens to that."""

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        """Open it; `opened(error or None)` tells how that went, possibly before this returns."""

    def apply(self, settings: LineSettings | None) -> None:
        """Put line settings in force, where it has any; None: octets as they are, for whoever uses it next.

        Raises: PortGone.
        """

    def release(self) -> None:
        """Let go of all that it holds, opened or half open; the port is being closed. May be called at any time."""

class Counts:
    """What passed on the wire. `timeouts`: a frame that did not come, or not to its end."""

    bytes_sent: int
    bytes_received: int
    timeouts: int
    bad_frames: int
    retries: int
    def move_to(self, total: Counts) -> None:
        """Add these to a total, and begin anew."""

class DataReader:
    """What gets the bytes of a port without a detour through Python; base of compiled readers alone."""

class Port:
    """`name` is for messages. A peer that has not taken for `send_limit_s` what was sent is lost; 0: none ever is.

    `fd` is below 0 while the port is closed. Whoever uses it sets `on_data`, `on_sent` and `on_gone`.
    """

    on_data: Callable[[bytes], Any]
    on_sent: Callable[[], Any]
    on_gone: Callable[[Any], Any]
    receive: Callable[[], bytes] | None
    """The carrier's: what has come in, b'' where nothing has; in place of reading the descriptor."""
    transmit: Callable[[bytes], bool] | None
    """The carrier's: the same as `send`, in place of writing the descriptor."""
    hush: Callable[[int, float], None] | None
    """The carrier's, where waking up costs more than it tells: do not wake for input while so many characters come, 1
    for an unknown number, nor beyond so many seconds."""
    underway: bool
    """The carrier's: what was sent is still on its way when the descriptor has taken it; the carrier calls `on_sent`
    once it has arrived."""

    @property
    def name(self) -> str: ...
    @property
    def loop(self) -> Loop: ...
    @property
    def carrier(self) -> Any: ...
    @property
    def fd(self) -> int: ...
    def __init__(self, loop: Loop, name: str, carrier: _Carrier, send_limit_s: int = 0) -> None: ...
    def is_open(self) -> bool: ...
    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        """`opened(error or None)` tells how it went, possibly before this returns."""

    def close(self) -> None:
        """Let go of the descriptor; may be called at any time, also twice, and while it is being opened."""

    def apply(self, settings: LineSettings | None) -> None:
        """Put line settings in force; None: octets as they are. Raises: PortGone."""

    def send(self, data: bytes) -> bool:
        """Put `data` out. True if it has left already; else `on_sent` is called once it has. Raises: PortGone."""

    def is_sending(self) -> bool:
        """Whether something that was to be sent has not left yet."""

    def drain_input(self) -> bytes:
        """All that has come in and was not read yet. Raises: PortGone."""

    @property
    def waiting(self) -> int:
        """How many octets the descriptor has not taken yet. What follows is for the carrier."""

    def attach(self, fd: int) -> None:
        """Take an open, non-blocking descriptor into the loop."""

    def stand(self) -> None:
        """Be open without a descriptor: octets come and go by `on_data` and `transmit`."""

    def read(self) -> bytes:
        """A block off the descriptor, b'' where there is none. Raises: PortGone."""

    def write(self, data: bytes) -> bool:
        """To the descriptor; whether it has taken all. The rest follows when there is room. Raises: PortGone."""

    def lose(self, error: PortGone) -> None:
        """The port is of no use any more: close it and tell."""
