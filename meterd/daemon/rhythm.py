"""When a device is due next where its scans keep a place in time, rather than one period after the last began.

Two such: on a large site each line keeps a phase of its own, made of its key alone, so that thousands of lines spread
over the period and stay spread, whatever outage once had them all begin together; and by choice (`scan_align`) scans
begin by the clock on the wall, at whole multiples of their period from midnight on, local time as the process has it
(TZ), each line at its place within `scan_spread_ms`. A scan that takes longer than its period is followed by the next
one at once on a site that is spread, and by the next time of the clock on one that is aligned.
Dirt: clocks that are set while a scan waits (it begins as planned, the next one by the new time), timers that ring a
hair too early. Nothing here is imported by small sites that do not ask for it.
"""

from __future__ import annotations

from time import localtime, time

from .._crc import fcs16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .job import Job

NEAR_S = 1e-3  # what is due within this of its place is at its place
SLEW = 1e-3  # and by how much of its period a clock that is being corrected (500 ppm) may have led it astray
SHORTEST_S = 1.0  # periods below it are not spread: there is nothing to spread over


class Phase:
    """Due at `phase_s` behind whole periods of the monotonic clock; the first one comes early for that, never late."""

    __slots__ = ("period_s", "phase_s")

    def __init__(self, period_s: float, phase_s: float) -> None:
        self.period_s = period_s
        self.phase_s = phase_s

    def after(self, due: float, now: float) -> float:
        """When it is due again that was due then and is finished now."""
        if due + self.period_s < now:
            return now
        wait_s = (self.phase_s - due) % self.period_s
        while wait_s < NEAR_S or due + wait_s < now:
            wait_s += self.period_s
        return due + wait_s


class Aligned:
    """Due `offset_s` after whole periods from midnight on."""

    __slots__ = ("offset_s", "period_s", "wall")

    def __init__(self, period_s: float, offset_s: float, wall: Callable[[], float]) -> None:
        self.period_s = period_s
        self.offset_s = offset_s
        self.wall = wall

    def after(self, due: float, now: float) -> float:
        """When it is due again: at the first time of the clock behind the one that it was due at, and behind now."""
        wall = self.wall()
        early_s = NEAR_S + self.period_s * SLEW
        passed = max(wall - (now - due) + early_s, wall) - self.offset_s
        return now + (passed // self.period_s + 1) * self.period_s + self.offset_s - wall


def local_seconds() -> float:
    """Seconds by the local clock: whole days of it begin at midnight."""
    now = time()
    return now + localtime(now).tm_gmtoff


def place_of(line: str) -> float:
    """A line's place in whatever is to be spread, 0 ≤ place < 1: the same after a restart, different from others'."""
    return fcs16(line.encode()) / 0x10000


def keep_time(job: Job, spread: bool, wall: Callable[[], float] = local_seconds) -> None:
    """Give a device its rhythm, if its parameters ask for one or the site is to be `spread`."""
    parameters, place = job.plan.device.parameters, place_of(job.plan.device.line)
    if parameters.get("scan_align") and parameters["scan_rate_ms"] > 0:
        window_s = min(parameters["scan_spread_ms"] / 1000.0, job.period_s)
        job.rhythm = Aligned(job.period_s, place * window_s, wall)
    elif spread and job.period_s >= SHORTEST_S:
        job.rhythm = Phase(job.period_s, place * job.period_s)
