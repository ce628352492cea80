"""pyserial, kept from importing what a small gateway need not load to open a port.

pyserial imports `array`, and with it all of `collections`, only for speeds that no table has and for RS-485 by ioctl;
`importlib` only for ports that are URLs; and of `os`, which brings all abstract classes of collections along, it calls
what `posix` has: a fifth of a start. Each is stood in for while pyserial is imported, and loaded if pyserial ever asks
it for something else, so all that pyserial can do it still does.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

LATER = ("array", "importlib", "os")


class Later:
    """Has the name of a module within another one, until something of it is wanted."""

    __slots__ = ("_name",)
    __spec__ = None  # what imports find in sys.modules they ask for it

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, wanted: str) -> Any:
        return getattr(__import__(self._name), wanted)


class SystemLater(Later):
    """The same of `os`: system calls are had without it."""

    __slots__ = ()
    name = posix.__name__

    def __getattr__(self, wanted: str) -> Any:
        found = getattr(posix, wanted, None)
        return super().__getattr__(wanted) if found is None else found


def load() -> ModuleType:
    """The module `serial`. Raises: ModuleNotFoundError without pyserial."""
    stand_ins: dict[str, Any] = {
        name: SystemLater(name) if name == "os" else Later(name) for name in LATER if name not in sys.modules
    }
    sys.modules.update(stand_ins)
    try:
        import serial
    finally:
        for name in stand_ins:
            del sys.modules[name]
    return serial
