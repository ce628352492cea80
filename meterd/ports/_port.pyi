"""What a line knows of its port."""

from collections.abc import Callable
from typing import Any

from .._octets import Octets
from ..conversation import LineSettings
from ._loop import Loop

class DataReader:
    """What gets the bytes of a port without a detour through Python; base of compiled readers alone."""

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
    """False where a subclass changes what is read or sent (`_read`, `send`)."""

    @property
    def _unsent(self) -> Octets: ...
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

    def _close_descriptor(self) -> None:
        """`fd` itself; where something else owns that, whatever closes it."""

    def _wait_for_room(self) -> None:
        """A part of what was to be sent is still here."""

    def _emptied(self) -> None:
        """What waited for room has been taken: tells `on_sent`, unless more than room is waited for."""

    def _send_rest(self) -> bool:
        """What could not leave before, as far as it goes; True if that is all. Raises: PortGone."""

    def _read(self) -> bytes: ...
    def _lose(self, error: Any) -> None: ...
    def _on_event(self, revents: int) -> None: ...
