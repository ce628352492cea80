"""How a device is, as readings that need no configuration: connected or why not, and what its scans came to.

The readings are those of signals named with a leading underscore: `_connected` (1 or 0), `_reason` ('good', or one of
`meterd.model.REASONS`), `_last_good_age_s`, and the counters since start: `_reads_ok`, `_timeouts`, `_bad_frames`,
`_refused`, `_bytes_sent`, `_bytes_received`, `_retries`. A change of the first two is published at once, all of them
every `status_interval_s`.
"""

from __future__ import annotations

from ..model import INVALID, Reading, Signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Counted(Protocol):
        """What one scan added to the counters."""

        bytes_sent: int
        bytes_received: int
        timeouts: int
        bad_frames: int
        retries: int


# With these the meter was not there, or nothing it said could be understood; with any other it answered.
LOST = ("no_bytes", "bad_frame", "timeout", "disconnected", "not_read_yet")
COUNTERS = ("reads_ok", "timeouts", "bad_frames", "refused", "bytes_sent", "bytes_received", "retries")


class DeviceStatus:
    """`connected` is None until the first scan has ended; `last_good_ms` is 0 until one was good."""

    __slots__ = ("_told", "alias", "connected", "last_good_ms", "reason", *COUNTERS)

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.connected: bool | None = None
        self.reason: str | None = "not_read_yet"
        self.last_good_ms = 0
        self.reads_ok = 0
        self.timeouts = 0
        self.bad_frames = 0
        self.refused = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.retries = 0
        self._told: tuple[bool | None, str | None] | None = None

    def add(self, counted: Counted) -> None:
        """What passed on the wire in one scan."""
        self.bytes_sent += counted.bytes_sent
        self.bytes_received += counted.bytes_received
        self.timeouts += counted.timeouts
        self.bad_frames += counted.bad_frames
        self.retries += counted.retries

    def succeeded(self, now_ms: int) -> None:
        """A scan ended well."""
        self.reads_ok += 1
        self.last_good_ms = now_ms
        self.connected = True
        self.reason = None

    def failed(self, reason: str, refused: bool = False) -> None:
        """A scan failed; a device that refuses is connected all the same."""
        self.refused += refused
        self.connected = refused or reason not in LOST
        self.reason = reason

    def changes(self, now_ms: int) -> list[Reading]:
        """`_connected` and `_reason`, if either is another than was told last."""
        now = (self.connected, self.reason)
        if now == self._told:
            return []
        self._told = now
        return [self._connected(now_ms), self._reading("_reason", self.reason or "good", now_ms)]

    def readings(self, now_ms: int) -> list[Reading]:
        """All that is known of the device."""
        self._told = (self.connected, self.reason)
        if self.last_good_ms:
            age = self._reading("_last_good_age_s", max(0, now_ms - self.last_good_ms) // 1000, now_ms, "s")
        else:
            age = self._unknown("_last_good_age_s", now_ms)
        return [
            self._connected(now_ms),
            self._reading("_reason", self.reason or "good", now_ms),
            age,
            *(self._reading("_" + name, getattr(self, name), now_ms) for name in COUNTERS),
        ]

    def _connected(self, now_ms: int) -> Reading:
        if self.connected is None:
            return self._unknown("_connected", now_ms)
        return self._reading("_connected", int(self.connected), now_ms)

    def _reading(self, alias: str, value: Any, now_ms: int, unit: str | None = None) -> Reading:
        return Reading(Signal(self.alias, alias, {}), value, unit, now_ms)

    def _unknown(self, alias: str, now_ms: int) -> Reading:
        return Reading(Signal(self.alias, alias, {}), None, None, now_ms, quality=INVALID, reason="not_read_yet")
