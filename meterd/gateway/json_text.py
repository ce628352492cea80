"""JSON as meterd reads and writes it: ujson, kept from importing what a small gateway need not load.

ujson imports `decimal` (and with it collections, numbers and a C library that OpenWrt packs separately) only to be able
to print Decimals. meterd has none: its exact numbers print themselves.
"""

from __future__ import annotations

import sys

if "decimal" in sys.modules:
    import ujson
else:
    sys.modules["decimal"] = None  # type: ignore[assignment]  # an import of it fails, which ujson takes for absence
    import ujson

    del sys.modules["decimal"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

loads = ujson.loads


def dumps(value: Any) -> str:
    """One line of JSON. Text is not escaped beyond need; a lone surrogate stays one (see `encode`)."""
    text: str = ujson.dumps(value, ensure_ascii=False, escape_forward_slashes=False)
    return text


def encode(text: str) -> bytes:
    """UTF-8; what UTF-8 cannot hold is written as its JSON escape."""
    return text.encode("utf-8", "backslashreplace")
