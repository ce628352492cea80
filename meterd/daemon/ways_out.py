"""A daemon whose readings reach nobody any more says so and ends, so that whoever supervises it can act.

Only standard output can end for good: its reader goes, and no other can take its place. A file, a socket or a broker
may come back, and is waited for. Loaded when something has ended.
"""

from __future__ import annotations

from .. import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nobody_is_left(sinks: Iterable[object]) -> bool:
    """Whether the last way out is gone, which is said."""
    if any(getattr(sink, "is_way_out", True) for sink in sinks):
        return False
    log.error("nobody takes readings any more: their last way out is gone; meterd ends")
    return True
