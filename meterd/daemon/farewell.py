"""What a line still has to say to meters that it will not read again: an association left open between scans is ended.

Several meters share one line and one span of time: each gets an equal part of what is left, so that a silent one costs
the others nothing.
"""

from __future__ import annotations

from .. import log
from ..ports._timers import Timer
from .goodbye import FAREWELLS_S, goodbye_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..conversation import Conversation
    from ..ports.player import Player
    from .job import Job


class Farewells:
    """The goodbyes that one line owes. `job` is the one that says its own now, or None."""

    __slots__ = ("_timer", "_until", "_waiting", "job")

    def __init__(self) -> None:
        self.job: Job | None = None
        self._waiting: tuple[tuple[Job, Conversation], ...] = ()
        self._until: float | None = None
        self._timer: Timer | None = None

    def with_that_of(self, job: Job) -> Farewells:
        """These, or others in the place of `NONE_OWED`, and what this job owes, whose device is not read again: what
        its driver left open is to be ended."""
        conversation = goodbye_of(job.driver, job.plan, job.memory)
        if conversation is None:
            return self
        farewells = Farewells() if self is NONE_OWED else self
        farewells._waiting = (*self._waiting, (job, conversation))
        return farewells

    def are_over(self) -> bool:
        """Whether none is owed or under way."""
        return self.job is None and not self._waiting

    def jobs(self) -> list[Job]:
        """Whose goodbyes are owed or under way."""
        waiting = [job for job, _ in self._waiting]
        return waiting if self.job is None else [self.job, *waiting]

    def begin(self, player: Player) -> None:
        """Say the next one; there must be one, and the port must be open."""
        now = player.loop.time
        if self._until is None:
            self._until = now + FAREWELLS_S
        share = max(self._until - now, 0.0) / len(self._waiting)
        (self.job, conversation), *waiting = self._waiting
        self._waiting = tuple(waiting)
        if self._timer is None:
            self._timer = Timer(lambda: player.abort("the meter does not answer the goodbye"))
        player.loop.arm(self._timer, now + share)
        player.start(conversation, self.job.poll_delay_s)

    def ended(self, error: Exception | None) -> Job | None:
        """The one under way is over. Returns: whose it was."""
        job, self.job = self.job, None
        if self._timer is not None:
            self._timer.deadline = None
        if job is not None:
            log.debug(f"{job.alias()}: said goodbye" if error is None else f"{job.alias()}: no goodbye: {error}")
        if not self._waiting:
            self._until = None
        return job

    def forget(self) -> None:
        """There is no line to say them on."""
        self._waiting = ()
        self._until = None


# Of nearly all lines, and so one for all.
NONE_OWED = Farewells()
