"""Readings to CSV files that are changed by size and by time: what may be configured, and the sink opened.

The parts: `batches` and `batch_thread` (a disk may hang; nothing is forgotten before it is written), `csv_rows` (how a
reading is written), `csv_file` (the file that grows, and the numbered ones that are done).
"""

from __future__ import annotations

from ..parameters import BOOLEAN, BOTH, INTEGER, STRING, Parameter
from .batches import BatchSink, pace
from .csv_rows import SEPARATORS, SPANS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..ports._loop import Loop

MAX_PATH = 4000
GATHER_MS = 5000  # each batch writes at least one page of a card anew
BATCH_SYNC, FILE_SYNC, NO_SYNC = "batch", "file", "none"


def _choice(name: str, help: str, default: str, choices: tuple[str, ...]) -> Parameter:
    return Parameter(name, STRING, help, default=default, choices=choices, origin="meterd")


def _number(name: str, help: str, default: int, low: int, high: int) -> Parameter:
    return Parameter(name, INTEGER, help, default=default, low=low, high=high, origin="meterd")


def _switch(name: str, help: str) -> Parameter:
    return Parameter(name, BOOLEAN, help, default=False, origin="meterd")


def _csv_name(value: str) -> str:
    if not value.startswith("/") or value.rpartition("/")[2] in ("", ".", ".."):
        raise ValueError("the whole path of a file, such as /mnt/sd/readings.csv")
    return value


PARAMETERS = (
    Parameter(
        "path",
        STRING,
        "The file that grows; those that are done lie beside it. Its folder must be there (on a card: a folder of the "
        "card, so that none is filled without)",
        low=1,
        high=MAX_PATH,
        check=_csv_name,
        origin="meterd",
        **BOTH,
    ),
    _choice("separator", "Between two columns", "comma", tuple(SEPARATORS)),
    _switch("decimal_comma", "Numbers with a comma in place of the point"),
    _switch("states", "Also what each device says of itself: _connected, _reason and so on"),
    _number("rotate_kb", "A file of this size is done, kB; 0: no file is too large", 10240, 0, 1048576),
    _choice("rotate", "A file is also done with the hour, day or month (UTC) of its readings", "day", tuple(SPANS)),
    _number("keep_files", "Files that are done and kept; past it the oldest goes. 0: all are kept", 31, 0, 100000),
    _switch("compress", "Pack the files that are done (gzip)"),
    _choice(
        "sync",
        "When the disk is asked to have it for sure (fdatasync): with each batch, before readings are forgotten; with "
        "each file that is done; or when it likes",
        BATCH_SYNC,
        (BATCH_SYNC, FILE_SYNC, NO_SYNC),
    ),
    *pace(GATHER_MS),
)


def agree(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """What does not go together: parameter and why."""
    if parameters["compress"] and not parameters["rotate_kb"] and parameters["rotate"] == "none":
        return [("compress", "packs files that are done: needs rotate or rotate_kb")]
    return []


def open_sink(parameters: dict[str, Any], loop: Loop) -> BatchSink:
    from .csv_file import CsvFolder
    from .csv_rows import Writer

    writer = Writer(parameters["separator"], parameters["decimal_comma"], parameters["states"])
    return BatchSink(parameters["path"], parameters, loop, CsvFolder(parameters, writer))
