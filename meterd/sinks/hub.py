"""Where every reading passes on its way out: stamped, made honest, and handed to each sink.

A failed read is never a number. Where the signal was read before, its last good value leaves again, marked stale, with
the time at which it was found stale (the value's own meter time stays with it) and the reason. Where it never was,
null leaves, invalid, with the reason. No sink's trouble reaches another sink, or the meters.
"""

from __future__ import annotations

from .. import log
from ..model import Reading, Signal
from ._hub import Outlet

JUMP_MS = 2000  # by more than this no clock is slewed from one scan to the next

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from ..model import Device
    from .status import DeviceStatus

    class Sink(Protocol):
        """Where readings go. One that has an `inlet` (`meterd._reading.Inlet`) is given readings through that. One that
        has a `condition()` tells the status how it is: name, what is wrong or '', what waits, readings lost.
        """

        def accept(self, reading: Reading) -> None:
            """Take one reading; it must not block, and what it keeps must be bounded."""

        def flush(self) -> None:
            """Called once at the end of each turn of the loop: let go of what was taken, as far as it goes."""

        def reopen(self) -> None:
            """The daemon reloads: files that were rotated away are opened anew."""

        def close(self) -> None:
            """Let go of what is left, and of everything held open."""


class Hub:
    """`clock_ms()` gives the gateway's time, ms since 1970 UTC.

    `publish(reading)` takes one reading of a configured signal, as its driver reported it; `flush()` belongs to the end
    of each turn of the loop.
    """

    def __init__(self, sinks: list[Any], clock_ms: Callable[[], int]) -> None:
        outlet = self.outlet = Outlet(sinks, clock_ms, _lost)
        self.sinks = sinks
        for sink in sinks:
            beside = getattr(sink, "beside", None)  # one that shows how the others are
            if beside is not None:
                beside(sinks)
        self.now_ms = clock_ms
        self.publish: Callable[[Reading], None] = outlet.accept
        self.flush: Callable[[], None] = outlet.flush
        self.last_good = outlet.last_good  # device alias → signal alias → the signal, which has its `last_good()`
        self.clock_jumps = 0
        self._ahead_ms: float | None = None  # of the clock that nobody sets

    def publish_status(self, status: DeviceStatus, now_s: float, whole: bool = False) -> None:
        """What changed in a device's status; or, every `status_interval_s`, the whole of it. `now_s` is monotonic."""
        now_ms = self.now_ms()
        self._look_at_clocks(now_ms, now_s)
        for reading in status.readings(now_ms, now_s) if whole else status.changes(now_ms):
            self.outlet.hand_on(reading)

    def publish_event(self, device_alias: str, words: str) -> None:
        """What there is to say of a device and no signal is for."""
        self.outlet.hand_on(Reading(Signal(device_alias, "_event", {}, 1), words, None, self.now_ms()))

    def _look_at_clocks(self, now_ms: int, now_s: float) -> None:
        ahead_ms = now_ms - now_s * 1000.0
        known, self._ahead_ms = self._ahead_ms, ahead_ms
        if known is not None and not -JUMP_MS < ahead_ms - known < JUMP_MS:
            from .clock_jump import say_jump  # seldom

            self.clock_jumps += 1
            say_jump(ahead_ms - known, now_ms)

    def configured(self, devices: list[tuple[Device, list[Signal]]]) -> None:
        """What is read from now on, for those sinks that ask (`configured(devices)`)."""
        for sink in self.sinks:
            configured = getattr(sink, "configured", None)
            if configured is not None:
                self._guarded(configured, devices)

    def forget(self, device_alias: str) -> None:
        """The device is no longer configured, or another one bears its name."""
        for signal in self.last_good.pop(device_alias, {}).values():
            signal.outlet = 0

    def reopen(self) -> None:
        for sink in self.sinks:
            self._guarded(sink.reopen)

    def close(self) -> None:
        self.flush()
        for sink in reversed(self.sinks):  # the store, which stands behind others, is the first of them
            self._guarded(sink.close)

    def _guarded(self, action: Callable[..., None], *arguments: object) -> None:
        try:
            action(*arguments)
        except Exception as error:
            _lost(getattr(action, "__self__", action), error)


def _lost(sink: object, error: Exception) -> None:
    name = type(sink).__name__
    log.bug(f"{name} lost readings", error, fold=f"sink {name}")
