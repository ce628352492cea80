"""The sinks that a configuration names, made and open."""

from __future__ import annotations

from .events import EventLog
from .format import FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._core import Loop
    from .hub import Sink

STDOUT = 1


def open_sinks(publish: dict[str, Any], loop: Loop) -> list[Sink]:
    """`publish` as `config.publishing.read_publish` returns it. Raises: ConfigError where a socket cannot be opened."""
    sinks: list[Sink] = [EventLog(publish["events"]["size"], publish["events"]["path"])]
    if publish["stdout"]:
        from .lines import LineSink

        sinks.append(LineSink(STDOUT, FORMATS[publish["stdout"]], loop))
    if publish["file"]:
        from .lines import FileSink

        sinks.append(FileSink(publish["file"]["path"], FORMATS[publish["file"]["format"]], loop))
    if publish["socket"]:
        from .local_socket import LocalSocket

        sinks.append(LocalSocket(publish["socket"]["path"], loop))
    return sinks
