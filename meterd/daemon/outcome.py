"""What comes of talking to a device, or of listening for it: its status, its log lines, and readings for what failed.

Lines that poll and lines that listen tell it in the same way. A device that fails is one sentence in the log; signals
that fail while their device answers are named, each once, and said to be well again; of very many the first, and the
others are counted.
"""

from __future__ import annotations

from .. import log
from ..conversation import MeterTime
from ..errors import LineError, MeterdError, Refused
from ..model import INVALID, failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ..conversation import Tell
    from ..model import Reading
    from ..ports._loop import Loop
    from ..ports.player import Player
    from ..sinks.hub import Hub
    from .job import Job, Rounds

    class Talking(Protocol):
        """The line that it came of; `started` is when the present attempt began."""

        loop: Loop
        key: str
        player: Player
        started: float

        @property
        def hub(self) -> Hub: ...

        @property
        def rounds(self) -> Rounds | None: ...

        def publish(self, reading: Reading) -> None:
            """To the sinks, and to whoever asked for it."""

        def is_asked(self) -> bool:
            """Whether somebody waits for what comes of this."""


# What a reason means for a signal whose driver has nothing more to say.
SIGNAL_WORDS = {
    "no_bytes": "the meter does not answer when it is asked for this",
    "bad_frame": "what the meter answers to this is damaged, or no answer to it",
    "timeout": "the answer to this does not come to its end",
    "refused": "the meter refuses to give this",
    "auth": "the meter does not allow this client to read it",
    "key": "a key is wrong or missing",
    "not_found": "the meter has nothing at this address",
    "type": "what the meter gives is not of the kind that is configured",
    "clock": "the meter's time for it is not known",
    "disconnected": "the meter ended the connection over it",
    "wrong_meter": "another meter answers",
}


def settle(line: Talking, job: Job, error: Exception | None) -> None:
    """Give the device its status, a fault its log line, and every signal that a fault left out its reading.

    A scan that went well owes no reading: a load profile with no new row has none.
    """
    status, rounds, now_s = job.status, line.rounds, line.loop.time
    line.player.counts.move_to(status.passed)
    if error is None and job.is_well and not status.failing:  # as mostly: nothing is new
        status.succeeded_again(now_s)
        if rounds is not None and (job.told_s is None or now_s >= rounds.look_s):
            rounds.changed(job)
    else:
        _settle_news(line, job, error)
        if rounds is not None:
            rounds.changed(job)


def _settle_news(line: Talking, job: Job, error: Exception | None) -> None:
    for alias in job.status.settle(line.player.reported):
        log.recovered(f"{job.alias()}/{alias}", f"{job.alias()}/{alias}: is read again", port=line.key)
    _count_unnamed(line, job)
    job.is_well = False
    if error is None:
        job.failure = None
        job.status.succeeded(line.loop.time)
        job.is_well = job.status.reason is None
        log.recovered(job.alias(), f"{job.alias()}: answers again", port=line.key)
    else:
        _fail(line, job, error)


def _fail(line: Talking, job: Job, error: Exception) -> None:
    reason = error.reason if isinstance(error, MeterdError) else "bad_frame"
    reported, status = line.player.reported, job.status
    good = sum(signal.device_alias == status.alias and signal.alias not in status.failing for signal in reported)
    status.failed(reason, isinstance(error, Refused), log.masked(f"{error}"), line.loop.time, good)
    job.memory.line_lost = job.memory.line_lost or isinstance(error, LineError)
    _log_fault(line, job, error)
    if _is_news(line, job, reason, error) or line.is_asked():
        for signal in job.plan.signals:
            if signal not in reported:
                line.publish(failed(signal, reason))


def note_signal(line: Talking, job: Job | None, reading: Reading) -> None:
    """A signal got no good value, or the meter put something about it into words."""
    alias = reading.signal.alias
    reason = reading.reason or ("type" if reading.quality == INVALID else "")
    if job is None or not (reason or reading.words):
        return  # a value past the range of its type is a value all the same
    words = reading.words or SIGNAL_WORDS.get(reason, reason)
    if not reason or job.status.fails(alias, reason, log.masked(words)):
        said = f"{words} ({reason})" if reason else words
        log.warning(f"{job.alias()}/{alias}: {said}", fold=f"{job.alias()}/{alias}", port=line.key)


def tell(line: Talking, job: Job, step: Tell | MeterTime) -> None:
    """What a driver has to say of its meter: a line in the log, and an event; or what its clock says."""
    if isinstance(step, MeterTime):
        from .clock_drift import drift_s  # many a meter tells no time

        job.status.told_time(drift_s(step, line.hub.now_ms()))
        return
    log.message(step.level, f"{job.alias()}: {step.text}", fold=f"{job.alias()} {step.about}", port=line.key)
    line.hub.publish_event(job.alias(), log.masked(step.text))


def _count_unnamed(line: Talking, job: Job) -> None:
    count = job.status.unnamed()
    if count:
        alias = job.alias()
        more = f"{count} more signals fail than are named here; `meterd status {alias}` tells each"
        log.warning(f"{alias}: {more}", fold=f"{alias} signals", port=line.key)


def _is_news(line: Talking, job: Job, reason: str, error: Exception) -> bool:
    """A line that is tried again and again until it is back says so at the pace of its scans, no faster."""
    if isinstance(error, LineError) and not line.player.reported:
        if job.failure is not None and job.failure[0] == reason and line.started < job.failure[1]:
            return False
        job.failure = (reason, line.started + job.period_s / 2.0)
    return True


def _log_fault(line: Talking, job: Job, error: Exception) -> None:
    if isinstance(error, MeterdError):
        log.warning(f"{job.alias()}: {error}", fold=job.alias(), port=line.key)
    else:
        log.bug(f"{job.alias()}: scan failed on a defect of meterd", error, fold=job.alias(), port=line.key)
