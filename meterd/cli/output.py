"""What -r and -f show: raw telegrams and decoded frames, as log lines tagged with their port."""

from __future__ import annotations

from .. import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..conversation import LineSettings


class RawOutput:
    """Each piece as it passes, in hex; secrets are masked by the log."""

    def __init__(self, line: str) -> None:
        self._line = line

    def sent(self, data: bytes) -> None:
        log.notice(f"{self._line} >", port=self._line, data=data)

    def received(self, data: bytes) -> None:
        log.notice(f"{self._line} <", port=self._line, data=data)

    def framed(self, frame: Any) -> None:
        """Frames are FrameOutput's."""

    def settings(self, settings: LineSettings) -> None:
        log.notice(f"{self._line} ~ {settings}", port=self._line)


class FrameOutput:
    """Each frame that a decoder made."""

    def __init__(self, line: str) -> None:
        self._line = line

    def sent(self, data: bytes) -> None:
        """Raw telegrams are RawOutput's."""

    def received(self, data: bytes) -> None:
        """Raw telegrams are RawOutput's."""

    def framed(self, frame: Any) -> None:
        if isinstance(frame, bytes):
            log.notice(f"{self._line} frame", port=self._line, data=frame)
        else:
            log.notice(f"{self._line} frame {frame!r}", port=self._line)

    def settings(self, settings: LineSettings) -> None:
        """No frame."""
