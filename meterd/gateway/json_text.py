"""JSON as meterd reads and writes it: ujson, loaded where the first JSON is read or written that our own lines are not,
and kept from importing what a small gateway need not load.

ujson brings the C++ library, and imports `decimal` (and with it collections, numbers and a C library that OpenWrt packs
separately) only to be able to print Decimals. meterd has none: its exact numbers print themselves.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_ujson: ModuleType | None = None


def _load() -> ModuleType:
    global _ujson
    without = "decimal" not in sys.modules
    if without:
        sys.modules["decimal"] = None  # type: ignore[assignment]  # an import of it fails, which ujson takes for absence
    try:
        import ujson
    finally:
        if without:
            del sys.modules["decimal"]
    _ujson = ujson
    return ujson


def loads(text: str | bytes | bytearray) -> Any:
    """Raises: ValueError, OverflowError."""
    return (_ujson or _load()).loads(text)


def dumps(value: Any) -> str:
    """One line of JSON. Text is not escaped beyond need; a lone surrogate stays one (see `encode`)."""
    text: str = (_ujson or _load()).dumps(value, ensure_ascii=False, escape_forward_slashes=False)
    return text


def encode(text: str) -> bytes:
    """UTF-8; what UTF-8 cannot hold is written as its JSON escape."""
    return text.encode("utf-8", "backslashreplace")
