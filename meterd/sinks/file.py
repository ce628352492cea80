"""Readings as lines in a file; how it survives full disks and lost cards is told in `sinks.lines`."""

from __future__ import annotations

from ..parameters import BOTH, STRING, Parameter
from .format import FORMATS
from .lines import FileSink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..ports._loop import Loop

PARAMETERS = (
    Parameter("path", STRING, "File that readings are appended to", low=1, high=4095, origin="meterd", **BOTH),
    Parameter("format", STRING, "JSON or WCC Lite lines", default="json", choices=tuple(FORMATS), origin="meterd"),
)


def open_sink(parameters: dict[str, Any], loop: Loop) -> FileSink:
    return FileSink(parameters["path"], FORMATS[parameters["format"]], loop)
