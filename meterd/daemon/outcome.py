"""What comes of talking to a device, or of listening for it: its status, its log line, and readings for what failed.

Lines that poll and lines that listen tell it in the same way.
"""

from __future__ import annotations

from .. import log
from ..errors import LineError, MeterdError, Refused
from ..model import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ..model import Reading
    from ..ports._loop import Loop
    from ..ports.player import Player
    from ..sinks.hub import Hub
    from .job import Job

    class Talking(Protocol):
        """The line that it came of; `started` is when the present attempt began."""

        loop: Loop
        key: str
        hub: Hub
        player: Player
        started: float
        status_interval_s: float | None

        def publish(self, reading: Reading) -> None:
            """To the sinks, and to whoever asked for it."""

        def is_asked(self) -> bool:
            """Whether somebody waits for what comes of this."""


def settle(line: Talking, job: Job, error: Exception | None) -> None:
    """Give the device its status, a fault its log line, and every signal that a fault left out its reading.

    A scan that went well owes no reading: a load profile with no new row has none.
    """
    status = job.status
    status.add(line.player)
    if error is None:
        job.failure = None
        status.succeeded(line.hub.now_ms())
        log.recovered(job.alias(), f"{job.alias()}: answers again", port=line.key)
    else:
        reason = error.reason if isinstance(error, MeterdError) else "bad_frame"
        status.failed(reason, refused=isinstance(error, Refused))
        job.memory.line_lost = job.memory.line_lost or isinstance(error, LineError)
        _log_fault(line, job, error)
        if _is_news(line, job, reason, error) or line.is_asked():
            for signal in job.plan.signals:
                if signal not in line.player.reported:
                    line.publish(failed(signal, reason))
    if line.status_interval_s is not None:
        job.publish_status(line.hub, line.loop.time, line.status_interval_s)


def say_refusal(line: Talking, reading: Reading) -> None:
    """What the meter said to a refusal."""
    alias = reading.signal.device_alias
    log.warning(f"{alias}/{reading.signal.alias}: {reading.words}", fold=f"{alias} signals", port=line.key)


def _is_news(line: Talking, job: Job, reason: str, error: Exception) -> bool:
    """A line that is tried again and again until it is back says so at the pace of its scans, no faster."""
    if isinstance(error, LineError) and not line.player.reported:
        if job.failure is not None and job.failure[0] == reason and line.started < job.failure[1]:
            return False
        job.failure = (reason, line.started + job.turn.period_s / 2.0)
    return True


def _log_fault(line: Talking, job: Job, error: Exception) -> None:
    if isinstance(error, MeterdError):
        log.warning(f"{job.alias()}: {error}", fold=job.alias(), port=line.key)
    else:
        log.bug(f"{job.alias()}: scan failed on a defect of meterd", error, fold=job.alias(), port=line.key)
