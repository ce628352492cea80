"""Who looks at the wire while a command reads meters: a person at a terminal, or a wire log."""

from __future__ import annotations

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..daemon.daemon import AnyLine, Daemon
    from ..ports.player import Observer
    from ..ports.wire_log import WireLog
    from .options import Arguments


class Watch:
    """Which observers a line's player gets: -r, -f, --record. A daemon that runs has none and need not load them."""

    def __init__(self, arguments: Arguments, daemon: Daemon) -> None:
        self._daemon = daemon
        self._raw = arguments.has("raw")
        self._frames = arguments.has("frame")
        self._only = arguments.value("port")
        self._log = self._open(arguments.value("record"))

    def _open(self, name: str | None) -> WireLog | None:
        if name is None:
            return None
        try:
            # Kept open for the life of the process: every entry is flushed as it is written.
            file = open(name, "w", encoding="ascii")  # noqa: SIM115
        except OSError as error:
            raise ConfigError(name, f"cannot be written: {error.strerror}") from None
        from ..ports.wire_log import WireLog

        return WireLog(file, lambda: self._daemon.loop.time)

    def observers(self, line: AnyLine) -> Iterable[Observer]:
        if self._only is not None and self._only not in (line.key, line.path):
            return
        if self._raw:
            from .output import RawOutput

            yield RawOutput(line.key, lambda: self._daemon.loop.time, lambda: self._daemon.secrets_of(line))
        if self._frames:
            from .output import FrameOutput

            yield FrameOutput(line.key)
        if self._log is not None:
            yield self._log.observer(line.key, lambda: self._daemon.secrets_of(line))
