"""What is asked of a row of the configuration before any table has read it: who it is, and how it is reached."""

from __future__ import annotations

from ..errors import needs
from ..protocols import registry
from .validation import did_you_mean, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .validation import Row


def cell(row: Row, name: str) -> str:
    """An identifying cell as text, so that a row with a wrong one can still be named."""
    found = row.get(name)
    if type(found) is str:
        return found.strip()
    return str(found).strip() if isinstance(found, (str, int, float)) else ""


def not_a_row(found: Any) -> str:
    return f"found {shown(found)}, allowed: an object"


def is_over_tcp(row: Row, protocol: str) -> bool:
    """Either of ip and port set, or a protocol that is TCP by its name, makes all serial settings void."""
    return bool(cell(row, "ip")) or cell(row, "port") not in ("", "0") or protocol.lower().endswith(" tcp")


def unusable(name: str, package: str | None) -> str:
    """Why a protocol of that name cannot be used here."""
    if package is not None:
        return needs(f"found {shown(name)}, which", registry.brought_by(package))
    found, known = f"found {shown(name)}" if name else "is missing", registry.PROTOCOL_NAMES
    return f"{found}, allowed: one of {', '.join(known)}{did_you_mean(name, known)}"
