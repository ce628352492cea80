"""Readings as lines on standard output: what a person or a pipe wants, and what is done where nothing is configured."""

from __future__ import annotations

from ..parameters import STRING, Parameter
from .format import FORMATS
from .lines import STDOUT, LineSink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..ports._loop import Loop

PARAMETERS = (
    Parameter(
        "stdout",
        STRING,
        "Readings on standard output: JSON lines, WCC Lite lines, or none (the default where another sink is named)",
        choices=(*FORMATS, "none"),
        origin="meterd",
    ),
)


def open_sink(parameters: dict[str, Any], loop: Loop) -> LineSink:
    return LineSink(STDOUT, FORMATS[parameters["stdout"]], loop)
