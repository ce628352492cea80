"""The invocation counter of one (system title, key): the nonce of AES-GCM, which is used once or the key is broken.

NIST SP 800-38D, clause 8; Green Book 9.2.3.3. Two rules hold whatever happens:

- A number is on record as used before it is used. Numbers are reserved by the hundred, so that a power cut skips some
  and repeats none; what cannot be recorded is not used, and a refused reservation leaves everything as it was.
- A number that the meter tells in clear may be a lie. It is used on trial, each single number recorded first, and the
  counter moves only once the meter has accepted one under the key. What a lie proposed stays behind, a few numbers
  that are skipped later on.

The dirt: state that is lost or damaged (`trouble` says so; then nothing is used but what the meter tells), two devices
with one title and key (they share one counter), a meter's own counter that stands still or goes back: a replay.
"""

from __future__ import annotations

from .errors import SecurityError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LAST = 0xFFFF_FFFF
# How many numbers are reserved with one write to flash.
STEP = 100
# Behind what a meter tells where nothing is on record: what was sent and never heard is not in its count.
UNHEARD = 1 << 16
# A counter of which nothing is on record begins somewhere below this: a folder that was emptied, or a state that was
# lost while somebody lies about the meter's count, then repeats a number with hardly any likelihood.
SPREAD = 1 << 24
# A count told in clear is not believed above this: a lie would use up the key, and no meter is asked so often.
HIGHEST_TOLD = 0xEFFF_FFFF
# Numbers on trial that are remembered; with more, what is told in clear is no longer listened to.
MOST_TRIED = 64


class Counter:
    """`first` is the first number that was never reserved. `keep(reserved, tried)` puts on record that all below
    `reserved`, and those in `tried`, are used; it raises SecurityError in words where it cannot. `place` says where.

    `spread`, a random number, is where one begins of which nothing is `known`. `trouble`, where it is not known what
    was used and may not be guessed, says why; `settled` is False until a meter has accepted a number, and whenever
    there is reason to ask it anew. `heard` {peer's title: the lowest counter that its next APDU may show}.
    """

    __slots__ = (
        "_keep", "_reserved", "_spread", "_tried", "heard", "known", "next", "place", "settled", "trial", "trouble",
    )  # fmt: skip

    def __init__(
        self,
        first: int = 0,
        keep: Callable[[int | None, tuple[int, ...]], None] | None = None,
        place: str = "",
        tried: tuple[int, ...] = (),
        settled: bool = False,
        trouble: str = "",
        spread: int = 0,
    ) -> None:
        self.next = first or spread
        self.known = first > 0
        self.place = place
        self.settled = settled
        self.trouble = trouble
        self.trial: int | None = None
        self.heard: dict[bytes, int] = {}
        self._keep = keep
        self._reserved = self.next
        self._spread = spread
        self._tried = set(tried)

    def spend(self, least: int = 0) -> int:
        """One number, not below `least`, never given twice. Raises: SecurityError."""
        if self.trial is not None:
            return self._spend_on_trial(least)
        if self.trouble:
            raise SecurityError(self.trouble)
        number = self._free(max(self.next, least))
        if number >= self._reserved:
            reserved = min(number + 1 + STEP, LAST + 1)
            self._record(reserved, self._tried)
            self._reserved = reserved
        self.known = True
        self.next = number + 1
        return number

    def _spend_on_trial(self, least: int) -> int:
        assert self.trial is not None
        if len(self._tried) > MOST_TRIED:
            raise SecurityError("the meter has accepted none of many invocation counters on trial")
        number = self._free(max(self.trial, least))
        tried = {*self._tried, number}
        self._record(self._reserved if self.known and not self.trouble else None, tried)
        self._tried = tried
        self.trial = number + 1
        return number

    def _free(self, number: int) -> int:
        while number in self._tried:
            number += 1
        if not 0 <= number <= LAST:
            where = f" ({self.place})" if self.place else ""
            raise SecurityError(f"the invocation counter is used up{where}; the meter needs a new key")
        return number

    def _record(self, reserved: int | None, tried: set[int]) -> None:
        """Numbers on trial that the counter has passed need no record of their own."""
        if self._keep is None:
            if self.trouble:
                raise SecurityError(self.trouble)
        else:
            self._keep(reserved, tuple(sorted(number for number in tried if reserved is None or number >= reserved)))

    def told(self, heard: int) -> None:
        """The meter says in clear up to which number it has heard us. Raises: SecurityError where that cannot be and
        nothing better is known.
        """
        on_record = self.known and not self.trouble
        if not 0 <= heard <= HIGHEST_TOLD:
            if on_record:
                return
            raise SecurityError(
                f"the meter says in clear that it has heard invocation counter {heard}, which is not believed: "
                f"0 to {HIGHEST_TOLD} can be. If it is true the key is nearly used up: the meter needs a new one"
            )
        if len(self._tried) >= MOST_TRIED:
            if self.trouble:
                raise SecurityError(f"{self.trouble}; and of what the meter told in clear it has accepted nothing")
            return
        lowest = heard + 1 + (0 if on_record else UNHEARD + self._spread)
        if not on_record or lowest > self.next:
            self.trial = max(lowest, self.next)

    def adopt(self, found: Counter) -> None:
        """Go on as the record says, which was read anew; what this process has spent stays spent."""
        self.next = max(self.next, found.next)
        self._reserved = found._reserved
        self._tried |= found._tried
        self.known, self._spread = found.known, found._spread
        self._keep, self.place = found._keep, found.place
        self.settled, self.trouble = found.settled, found.trouble

    def accepted(self) -> None:
        """The meter has shown, under the key, that it took the last number: what was on trial counts from now on."""
        if self.trial is not None:
            reserved = min(self.trial + STEP, LAST + 1)
            tried = {number for number in self._tried if number >= self.trial}
            try:
                self._record(reserved, tried)
            except SecurityError:
                return  # it stays on trial: whoever spends the next number is told
            self.next, self._reserved, self._tried = self.trial, reserved, tried
            self.trial, self.trouble, self.known = None, "", True
        self.settled = True

    def doubt(self) -> None:
        """The meter refuses what is sealed: its count may have moved on, and is asked for where it can be."""
        self.trial = None
        self.settled = False
