"""Store and forward: what may be configured. Readings outlive a restart, a power cut and a broker's day off.

The parts: `store_keeper` (in the loop's thread: numbers, decides what is to be kept), `stored_outbox` (what each sink
takes from), `store_disk` (the thread that may wait for a disk), `store_file` (SQLite), `store_rows` (how readings lie
in it), `unset_clock`. It stands behind every sink whose far end acknowledges; those do not know it.
"""

from __future__ import annotations

from ..parameters import BOTH, INTEGER, STRING, Parameter
from .store_disk import Disk
from .store_keeper import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..ports._loop import Loop

MAX_PATH = 4000


def _number(name: str, help: str, default: int, low: int, high: int) -> Parameter:
    return Parameter(name, INTEGER, help, default=default, low=low, high=high, origin="meterd")


PARAMETERS = (
    Parameter(
        "path",
        STRING,
        "The store's file; its folder must be there (on a card: a folder of the card, so that none is filled without)",
        low=1,
        high=MAX_PATH,
        origin="meterd",
        **BOTH,
    ),
    _number(
        "durable_ms", "Longest that a reading is not on the disk yet, unless it was acknowledged, ms", 1000, 10, 600000
    ),
    _number("size_mb", "Size of the file; past it the oldest readings are lost, and said so, MB", 16, 1, 100000),
    _number("keep_hours", "What is older is lost, and said so, h; 0: nothing is too old", 0, 0, 87600),
    _number("memory_readings", "Readings kept in memory while the disk fails or is slow", 5000, 100, 1000000),
)


def open_sink(parameters: dict[str, Any], loop: Loop) -> Store:
    return Store(parameters, loop, lambda tell: Disk(parameters["path"], parameters["size_mb"] << 20, tell))
