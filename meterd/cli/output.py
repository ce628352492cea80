"""What -r and -f show: raw telegrams and decoded frames, as log lines tagged with their port."""

from __future__ import annotations

from .. import log
from ..ports.wire_log import WireObserver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..conversation import LineSettings


class RawOutput(WireObserver):
    """Each telegram as it passes, in hex, secrets masked; and the line settings."""

    def __init__(self, line: str, clock: Callable[[], float], secrets: Callable[[], Iterable[bytes]]) -> None:
        super().__init__(clock, secrets, lambda sign, _, text: log.notice(f"{line} {sign} {text}", port=line))


class FrameOutput:
    """Each frame that a decoder made."""

    def __init__(self, line: str) -> None:
        self._line = line

    def sent(self, data: bytes) -> None:
        """Raw telegrams are RawOutput's."""

    def received(self, data: bytes) -> None:
        """Raw telegrams are RawOutput's."""

    def framed(self, frame: Any) -> None:
        if frame == b"":
            return  # somebody looked whether anything had come
        if isinstance(frame, bytes):
            log.notice(f"{self._line} frame", port=self._line, data=frame)
        else:
            log.notice(f"{self._line} frame {frame!r}", port=self._line)

    def settings(self, settings: LineSettings) -> None:
        """No frame."""

    def ended(self, error: Exception | None) -> None:
        """No frame either."""
