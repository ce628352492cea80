"""Which device of a line is talked to next, and when: earliest due first, and the dead never starve the living.

A meter that does not answer costs its whole time-out budget. So a silent device is tried only when no live one is due,
and only if its attempt ends before the next live one is due, or the line has saved up enough of the time that silent
devices may take from live ones: SILENT_SHARE of all time. On a line that is too slow for its live ones there is never a
time when none is due; there a silent device that has waited for long takes its share all the same.

Patience: a silent device is tried as on the first day, with all retries and wake-ups, wherever there is room for that.
Where there is only room for less, it gets a `brief` turn meanwhile, one attempt in time that nobody else wants; that
takes nothing from the share, so that the whole attempt comes when the share has grown to it. A meter that only wakes up
at the second call is met again so, and what one dead meter costs its line stays bounded all the same.
Pure arithmetic: the clock is an argument.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Live devices keep at least 95 % of their cadence; the rest of this bound is for timer and kernel.
SILENT_SHARE = 0.04
# Differences below this are rounding: a time that is reckoned must never come out a hair before it is due.
EPSILON_S = 1e-6

LIVE, UNTRIED, SILENT = 0, 1, 2


class Turn:
    """When one device is due: every `period_s`, or `retry_s` after it was silent if given. Seconds, monotonic.

    `cost_s` is what its last whole turn took, `brief_s` its last brief one, or may take; `brief` says which kind the
    turn at hand is.
    """

    __slots__ = ("brief", "brief_s", "cost_s", "due", "period_s", "retry_s", "state")

    def __init__(self, due: float, period_s: float, retry_s: float | None = None, brief_s: float = 0.0) -> None:
        self.due = due
        self.period_s = period_s
        self.retry_s = retry_s
        self.state = UNTRIED
        self.cost_s = 0.0
        self.brief_s = brief_s
        self.brief = False


class Schedule:
    """The turns of one line's devices."""

    __slots__ = ("_credit", "_credit_at", "_last_was_live", "turns")

    def __init__(self, turns: Iterable[Turn] = ()) -> None:
        self.turns = list(turns)
        self._credit = 0.0
        self._credit_at: float | None = None
        self._last_was_live = False

    def pick(self, now: float) -> Turn | None:
        """The turn to take now, or None."""
        self._accrue(now)
        due: list[Turn | None] = [None, None, None]  # the earliest of each state
        for turn in self.turns:
            earliest = due[turn.state]
            if turn.due <= now and (earliest is None or turn.due < earliest.due):
                due[turn.state] = turn
        live, untried, silent = due
        # On a line that is too slow for its live devices, those never tried yet take every other turn.
        if untried is not None and (live is None or self._last_was_live):
            live = untried
        if silent is None or (live is not None and now - silent.due <= silent.cost_s / SILENT_SHARE):
            chosen, brief = live, False
        elif self._short(silent, now) <= EPSILON_S:
            chosen, brief = silent, False
        elif live is None:
            chosen, brief = self._fitting(now)
        else:
            chosen, brief = live, False
        if chosen is not None:
            chosen.brief = brief
        return chosen

    def next_time(self, now: float) -> float | None:
        """When `pick` may have something again; None for never."""
        times = []
        silent: Turn | None = None
        for turn in self.turns:
            if turn.state != SILENT or turn.due > now:
                times.append(turn.due)
            elif silent is None or turn.due < silent.due:
                silent = turn
        if silent is not None and self._fitting(now)[0] is not None:
            times.append(now)
        elif silent is not None:
            times.append(now + max(self._short(silent, now), EPSILON_S) / SILENT_SHARE)
        return min(times, default=None)

    def finished(self, turn: Turn, started: float, now: float, answered: bool) -> None:
        """Take note of how a turn went. A device that `answered`, if only to refuse, is not asked before its time: a
        meter may lock up after a few wrong passwords."""
        if turn.brief and not answered:
            turn.brief_s = now - started
        else:
            turn.cost_s = now - started
        self._last_was_live = turn.state == LIVE
        if not answered:
            self._accrue(now)
            self._credit = max(self._credit - self._delay(now - started, started), -self._largest_cost())
        turn.state = LIVE if answered else SILENT
        if not answered and turn.retry_s is not None:
            turn.due = now + turn.retry_s
        else:
            turn.due = max(turn.due + turn.period_s, now)

    def _short(self, turn: Turn, now: float) -> float:
        """How much of the share is lacking for a whole attempt; one that delays nobody needs none, whatever is owed."""
        delay = self._delay(turn.cost_s, now)
        return delay - self._credit if delay > EPSILON_S else 0.0

    def _fitting(self, now: float) -> tuple[Turn | None, bool]:
        """The silent turn, longest due, that ends before a live one is due: a whole attempt, or else a brief one."""
        gap = min((turn.due for turn in self.turns if turn.state == LIVE), default=now) - now + EPSILON_S
        whole: Turn | None = None
        briefly: Turn | None = None
        for turn in self.turns:
            if turn.state != SILENT or turn.due > now:
                continue
            if turn.cost_s <= gap:
                whole = turn if whole is None or turn.due < whole.due else whole
            elif 0.0 < turn.brief_s <= gap:
                briefly = turn if briefly is None or turn.due < briefly.due else briefly
        return (whole, False) if whole is not None else (briefly, True)

    def _accrue(self, now: float) -> None:
        if self._credit_at is not None:
            self._credit = min(self._credit + (now - self._credit_at) * SILENT_SHARE, self._largest_cost())
        self._credit_at = now

    def _largest_cost(self) -> float:
        return max((turn.cost_s for turn in self.turns if turn.state != LIVE), default=0.0)

    def _delay(self, cost_s: float, now: float) -> float:
        """By how much something that lasts so long from `now` delays the next live device."""
        next_live = min((turn.due for turn in self.turns if turn.state == LIVE), default=None)
        return 0.0 if next_live is None else min(max(now + cost_s - next_live, 0.0), cost_s)
