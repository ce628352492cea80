"""What was seen of a profile buffer, and what in a further answer is new: kept over restarts, a few rows long.

The problem: a buffer is a ring in the order of capture, while its rows are asked for by their times, and times lie: a
clock that was wrong and set right leaves stamps from the future behind, one that was set back writes times that were
there before, and autumn has one hour twice. So a range is asked for with an overlap back, and what was seen is left out
row by row; the newest rows are asked for by their number, and what stands behind the last one that was seen is new.

`mark` is the time from which a range goes on. A single stamp far ahead does not move it, nor does any from the past;
only many rows that agree do. `keys` are the last rows seen: all since the mark and its overlap, some at least.
"""

from __future__ import annotations

from ...errors import DecodeError
from .profile_rows import key_seconds
from .times import row_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .profile_rows import Row

DAY_S = 86_400
# A row that is so much later than the mark may have been stamped by a wrong clock.
JUMP_S = 40 * DAY_S
# Another meter in the place of the one before may have captured its first rows so much before that one's last, by its
# own clock and in autumn.
ANOTHERS_S = 3600
# So many rows in a row that agree on another time than the mark's are right.
AGREED = 64
# The last rows that are known in any case, of which those before the last one are compared as well.
KEPT = 8
MAX_KEYS = 512


class Seen:
    """A view of what `DlmsMemory.profiles` keeps of one buffer: {"last": [twelve octets], "seen": [keys]}."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        try:
            row_seconds(bytes(state.get("last") or b""))
        except (DecodeError, ValueError, TypeError):
            state.pop("last", None)  # a state file may have been damaged: what is left begins anew
        keys = state.get("seen", [])
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            state["seen"] = []

    @property
    def keys(self) -> list[str]:
        found: list[str] = self.state.get("seen", [])
        return found

    @property
    def mark(self) -> bytes | None:
        """The time from which to go on; None before anything was seen."""
        last = self.state.get("last")
        return None if last is None else bytes(last)

    def _mark_seconds(self) -> int | None:
        return None if self.mark is None else row_seconds(self.mark)

    # What is new

    def behind(self, rows: list[Row]) -> int | None:
        """Where the rows begin that came after the last one seen; None where that is not among `rows`.

        The rows before it are held against those seen before it, for two rows may be the same; the first of an answer
        is not, for it may lack what the meter left out.
        """
        keys = self.keys[-KEPT:]
        if not keys:
            at = [index for index, row in enumerate(rows) if row.clock is not None and row.clock == self.mark]
            return at[-1] + 1 if at else None
        for index in range(len(rows) - 1, -1, -1):
            context = min(len(keys), max(index, 1))
            if all(rows[index - back].key == keys[-1 - back] for back in range(context)):
                return index + 1
        return None

    def of_whole(self, rows: list[Row], newest: int) -> list[Row]:
        """What is new in a whole buffer; `newest` of it where that is another one altogether."""
        at = self.behind(rows)
        if at is None:
            known = set(self.keys)
            at = max([index + 1 for index, row in enumerate(rows) if row.key in known], default=None)
        if at is not None:
            return rows[at:]
        since = (self._mark_seconds() or 0) - (ANOTHERS_S if self.keys else 0)
        ahead = [index for index, row in enumerate(rows) if row.seconds is not None and row.seconds > since]
        return rows[ahead[0] :] if ahead else rows[-newest:]

    def of_range(self, rows: list[Row]) -> list[Row]:
        """What is new in a range that begins before the mark: each row that was seen is left out once.

        What was captured before the first of them was seen long ago.
        """
        counts: dict[str, int] = {}
        for key in self.keys:
            counts[key] = counts.get(key, 0) + 1
        first = next((index for index, row in enumerate(rows) if row.key in counts), None)
        if first is None:
            if self.keys:
                return rows
            at = self.behind(rows)
            since = self._mark_seconds() or 0
            return rows[at:] if at is not None else [row for row in rows if row.seconds is None or row.seconds > since]
        new = []
        for row in rows[first:]:
            left = counts.get(row.key, 0)
            if left:
                counts[row.key] = left - 1
            else:
                new.append(row)
        return new

    # What has been seen now

    def note(self, rows: list[Row], overlap_s: int) -> None:
        """`rows`, in the order of capture, have been reported or left out for good."""
        keys = (self.keys + [row.key for row in rows])[-MAX_KEYS:]
        self._move_mark(rows, keys)
        since = self._mark_seconds()
        if since is not None:
            since -= overlap_s
            keys = [key for key in keys[:-KEPT] if (key_seconds(key) or 0) >= since] + keys[-KEPT:]
        self.state["seen"] = keys

    def _move_mark(self, rows: list[Row], keys: list[str]) -> None:
        mark = self._mark_seconds()
        timed = [row for row in rows if row.seconds is not None]
        if mark is None and timed:
            ordered = sorted(timed, key=_by_time)
            self._put(ordered[(len(ordered) - 1) // 2])
            mark = self._mark_seconds()
        for row in timed:
            if mark is not None and row.seconds is not None and mark <= row.seconds <= mark + JUMP_S:
                mark = row.seconds
                self._put(row)
        agreed = [key_seconds(key) for key in keys[-AGREED:]]
        if mark is None or len(agreed) < AGREED or not timed:
            return
        times = [seconds for seconds in agreed if seconds is not None]
        if len(times) == AGREED and times == sorted(times) and (times[0] > mark + JUMP_S or times[-1] < mark):
            self._put(timed[-1])

    def _put(self, row: Row) -> None:
        if row.clock is not None:
            self.state["last"] = list(row.clock)  # JSON, in which it is kept, has no octets


def ahead_of_time(rows: list[Row]) -> set[str]:
    """The keys of rows whose stamp is from a future that the rows behind them have not reached."""
    found = set()
    least: int | None = None
    for row in reversed(rows):
        if row.seconds is None:
            continue
        if least is not None and least < row.seconds - JUMP_S:
            found.add(row.key)
        least = row.seconds if least is None else min(least, row.seconds)
    return found


def _by_time(row: Row) -> int:
    if row.seconds is None:
        raise DecodeError("a row without a time has no place in their order")
    return row.seconds
