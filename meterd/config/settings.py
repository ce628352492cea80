"""`config meterd` of a UCI file: what the service itself is told.

All but the log level is the init script's, which needs it before there is a daemon; it is checked here all the same, so
that a slip is told with its line.
"""

from __future__ import annotations

from ..parameters import BOOLEAN, INTEGER, STRING, Parameter
from .validation import Table, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .validation import Complain, Row

SETTINGS = (
    Parameter("enabled", BOOLEAN, "Whether the service is started", default=True, origin="meterd"),
    Parameter("log_level", INTEGER, "0 (emergencies alone) to 7 (every byte)", low=0, high=7, origin="meterd"),
    Parameter("state", STRING, "Folder of what must survive a restart", low=1, high=4095, origin="meterd"),
)
# The one list: further files, each of which the init script puts on the command line.
FILES = "config"


def read_settings(row: Row, complain: Complain) -> Row:
    """The checked settings."""
    row = dict(row)
    files = row.pop(FILES, [])
    if not isinstance(files, list):
        complain(FILES, f"found {shown(files)}, allowed: a list: `list {FILES} '/path'`")
    return Table(SETTINGS).read(row, False, "", complain)
