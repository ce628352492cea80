"""Which device of a line is talked to next, and when: earliest due first, and the dead never starve the living.

A meter that does not answer costs its whole time-out budget. So a silent device is tried only when no live one is due,
and only if its attempt ends before the next live one is due, or the line has saved up enough of the time that silent
devices may take from live ones: SILENT_SHARE of all time. On a line that is too slow for its live ones there is never a
time when none is due; there a silent device that has waited for long takes its share all the same.

Patience: a silent device is tried as on the first day, with all retries and wake-ups, wherever there is room for that.
Where there is only room for less, it gets a `brief` turn meanwhile, one attempt in time that nobody else wants; that
takes nothing from the share, so that the whole attempt comes when the share has grown to it. A meter that only wakes up
at the second call is met again so, and what one dead meter costs its line stays bounded all the same.
A bus may have a thousand devices, so nothing here looks at all of them: each state has a queue of its own (`turns`).
Pure arithmetic: the clock is an argument.
"""

from __future__ import annotations

from .turns import LIVE, NOBODY, SILENT, UNTRIED, SilentTurns, Turn, Turns, with_one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# Live devices keep at least 95 % of their cadence; the rest of this bound is for timer and kernel.
SILENT_SHARE = 0.04
# Differences below this are rounding: a time that is reckoned must never come out a hair before it is due.
EPSILON_S = 1e-6


class Schedule:
    """The turns of one line's devices. Of those due at one time, the one given first comes first."""

    __slots__ = ("_all_live", "_credit", "_credit_at", "_last_was_live", "_live", "_overdue", "_silent", "_untried")

    def __init__(self, turns: Iterable[Turn] = ()) -> None:
        self._credit = 0.0
        self._credit_at: float | None = None
        self._last_was_live = False
        self.set_turns(turns)

    def set_turns(self, turns: Iterable[Turn]) -> None:
        """Plan these from now on, and no others."""
        self._live: Turns = NOBODY
        self._untried: Turns = NOBODY
        self._silent = self._overdue = NOBODY  # before and after they were due
        self._all_live = True
        for order, turn in enumerate(turns):
            turn.order = order
            turn.overdue = False
            self._add(turn)

    def has(self, turn: Turn) -> bool:
        """Whether this turn is planned here."""
        queue = self._queue(turn)
        return turn.place < len(queue) and queue[turn.place] is turn

    def is_empty(self) -> bool:
        return not (self._live or self._untried or self._silent or self._overdue)

    def _queue(self, turn: Turn) -> Turns:
        if turn.state == LIVE:
            return self._live
        if turn.state == SILENT:
            return self._overdue if turn.overdue else self._silent
        return self._untried

    def _add(self, turn: Turn) -> None:
        if turn.state == LIVE:
            self._live = with_one(self._live, turn, Turns)
        elif turn.state == UNTRIED:
            self._untried = with_one(self._untried, turn, Turns)
        elif turn.overdue:
            self._overdue = with_one(self._overdue, turn, SilentTurns)
        else:
            self._silent = with_one(self._silent, turn, SilentTurns)
        self._all_live = self._all_live and turn.state == LIVE

    def remove(self, turn: Turn) -> None:
        self._queue(turn).remove(turn)
        self._untried, self._silent = self._untried or NOBODY, self._silent or NOBODY
        self._overdue = self._overdue or NOBODY
        self._all_live = not (self._untried or self._silent or self._overdue)

    def postpone(self, turn: Turn, due: float) -> None:
        """This turn is due at another time, later or earlier."""
        self.remove(turn)
        turn.due = due
        turn.overdue = False
        self._add(turn)

    def pick(self, now: float) -> Any:
        """The turn to take now, of the kind that was planned, or None."""
        # Where all are live, as mostly, nothing is saved up for: the share begins with the first attempt in vain.
        if not self._all_live:
            return self._pick_of_all(now)
        if not self._live or self._live[0].due > now:
            return None
        chosen = self._live[0]
        chosen.brief = False
        return chosen

    def _pick_of_all(self, now: float) -> Turn | None:
        self._accrue(now)
        chosen, brief = _due(self._live, now), False
        untried = _due(self._untried, now)
        # On a line that is too slow for its live devices, those never tried yet take every other turn.
        if untried is not None and (chosen is None or self._last_was_live):
            chosen = untried
        silent = self._longest_silent(now)
        if silent is not None and (chosen is None or now - silent.due > silent.cost_s / SILENT_SHARE):
            if self._short(silent, now) <= EPSILON_S:
                chosen = silent
            elif chosen is None:
                chosen, brief = self._fitting(now)
        if chosen is not None:
            chosen.brief = brief
        return chosen

    def next_time(self, now: float) -> float | None:
        """When `pick` may have something again; None for never."""
        if self._all_live:
            return self._live[0].due if self._live else None
        silent = self._longest_silent(now)
        times = [turns[0].due for turns in (self._live, self._untried, self._silent) if turns]
        if silent is not None:
            fits = self._fitting(now)[0] is not None
            times.append(now if fits else now + max(self._short(silent, now), EPSILON_S) / SILENT_SHARE)
        return min(times) if times else None

    def finished(self, turn: Turn, started: float, now: float, answered: bool) -> None:
        """Take note of how a turn went. A device that `answered`, if only to refuse, is not asked before its time: a
        meter may lock up after a few wrong passwords."""
        if turn.brief and not answered:
            turn.brief_s = now - started
        else:
            turn.cost_s = now - started
        self._last_was_live = turn.state == LIVE
        due = turn.due + turn.period_s if turn.rhythm is None else turn.rhythm.after(turn.due, now)
        if due < now:
            due = now
        if self._last_was_live and answered:
            turn.due = due
            if len(self._live) > 1:
                self._live.moved(turn)
            return
        if not answered:
            self._queue(turn).changed(turn.place)
            self._charge(turn, started, now)
            if turn.retry_s is not None:
                due = now + turn.retry_s
        self.remove(turn)
        turn.state = LIVE if answered else SILENT
        turn.due = due
        turn.overdue = False
        self._add(turn)

    def _charge(self, turn: Turn, started: float, now: float) -> None:
        """What an attempt in vain took from the living ones is owed, up to the length of the longest attempt."""
        self._accrue(now, turn)
        most_s = self._largest_cost(turn)
        self._credit = max(self._credit - self._delay(now - started, started), -most_s)

    def _longest_silent(self, now: float) -> Turn | None:
        """The silent turn that is due for longest."""
        while (turn := _due(self._silent, now)) is not None:
            self.remove(turn)
            turn.overdue = True
            self._add(turn)
        return self._overdue[0] if self._overdue else None

    def _short(self, turn: Turn, now: float) -> float:
        """How much of the share is lacking for a whole attempt; one that delays nobody needs none, whatever is owed."""
        delay = self._delay(turn.cost_s, now)
        return delay - self._credit if delay > EPSILON_S else 0.0

    def _fitting(self, now: float) -> tuple[Turn | None, bool]:
        """The silent turn, longest due, that ends before a live one is due: a whole attempt, or else a brief one."""
        room_s = (self._live[0].due if self._live else now) - now + EPSILON_S
        whole = self._overdue.fitting(room_s)
        return (whole, False) if whole is not None else (self._overdue.fitting(room_s, brief=True), True)

    def _accrue(self, now: float, tried: Turn | None = None) -> None:
        if self._credit_at is not None:
            most_s = self._largest_cost(tried) if tried is not None or self._silent or self._overdue else 0.0
            self._credit = min(self._credit + (now - self._credit_at) * SILENT_SHARE, most_s)
        self._credit_at = now

    def _largest_cost(self, tried: Turn | None) -> float:
        """Of an attempt that found nobody; `tried` is one that just has, for the first time perhaps."""
        new_s = tried.cost_s if tried is not None and tried.state != LIVE else 0.0
        return max(self._silent.most_cost_s(), self._overdue.most_cost_s(), new_s)

    def _delay(self, cost_s: float, now: float) -> float:
        """By how much something that lasts so long from `now` delays the next live device."""
        return min(max(now + cost_s - self._live[0].due, 0.0), cost_s) if self._live else 0.0


def _due(turns: Turns, now: float) -> Turn | None:
    """The first of these, if its time has come."""
    return turns[0] if turns and turns[0].due <= now else None
