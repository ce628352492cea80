"""pyserial, kept from importing what a small gateway need not load to open a port.

pyserial imports `array`, and with it all of `collections`, only for speeds that no table has and for RS-485 by ioctl;
and `importlib` only for ports that are URLs: an eighth of a start. Each is stood in for while pyserial is imported, and
loaded if pyserial ever asks it for something, so all that pyserial can do it still does.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

LATER = ("array", "importlib")


class Later:
    """Has the name of a module within another one, until something of it is wanted."""

    __slots__ = ("_name",)
    __spec__ = None  # what imports find in sys.modules they ask for it

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, wanted: str) -> Any:
        return getattr(__import__(self._name), wanted)


def load() -> ModuleType:
    """The module `serial`. Raises: ModuleNotFoundError without pyserial."""
    stand_ins: dict[str, Any] = {name: Later(name) for name in LATER if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        import serial
    finally:
        for name in stand_ins:
            del sys.modules[name]
    return serial
