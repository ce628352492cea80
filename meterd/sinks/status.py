"""How a device is, as readings that need no configuration: connected or why not, and what its scans came to.

The readings are those of signals named with a leading underscore: `_connected` (1 or 0), `_reason` ('good', or one of
`meterd.model.REASONS`), `_last_good_age_s`, `_signals` (how many are configured), `_signals_ok` (how many of them the
last scan did well by), and the counters since start: `_reads_ok`, `_timeouts`, `_bad_frames`, `_refused`,
`_bytes_sent`, `_bytes_received`, `_retries`; and of a meter that tells its time `_clock_drift_s`. A change of the
first two is published at once, all of them every `status_interval_s`.

Nobody is to be reassured falsely: a device one of whose signals fails is not good but as that signal is, the worst of
them; one that answers and gives no value at all has had no good scan. Ages are by a clock that nobody sets (seconds).
"""

from __future__ import annotations

from ..model import GOOD, INVALID, Reading, Signal, shared
from ..ports._port import Counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Trouble = tuple[str, str]  # reason and words


# With these the meter was not there, or nothing it said could be understood; with any other it answered.
LOST = ("no_bytes", "bad_frame", "timeout", "disconnected", "not_read_yet")
COUNTERS = ("reads_ok", "timeouts", "bad_frames", "refused", "bytes_sent", "bytes_received", "retries")
MAX_NAMED = 20  # signals of one device that the log names while they fail: nobody reads a thousand lines
# What a person must see to first comes first; what is not named here (an overflow has no reason) comes last.
WORST_FIRST = (
    "wrong_meter", "key", "auth", "disconnected", "no_bytes", "timeout", "bad_frame", "refused", "not_found", "type",
    "clock", "not_read_yet",
)  # fmt: skip


# Of nearly all devices, and so one for all: whoever begins to fail gets its own.
NONE_FAILS: dict[str, Trouble] = {}
NOBODY: frozenset[str] = frozenset()
_told: dict[tuple[bool | None, str | None], tuple[bool | None, str | None]] = {}


class DeviceStatus:
    """`connected` is None until the first scan has ended; `last_good_s` until one was good.

    `passed` is what passed on the wire; `trouble` the last sentence that was said of the device, and `trouble_s` when;
    `signals` how many there are.
    """

    __slots__ = (
        "_found", "_named", "_tells_time", "_told", "_unnamed", "_unreadable", "alias", "clock_drift_s", "connected",
        "failing", "last_good_s", "passed", "reads_ok", "reason", "refused", "signals", "signals_ok", "trouble",
        "trouble_s",
    )  # fmt: skip

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.connected: bool | None = None
        self.reason: str | None = "not_read_yet"
        self.last_good_s: float | None = None
        self.trouble = ""
        self.trouble_s = 0.0
        self.signals = 0
        self.signals_ok = 0
        self.failing = NONE_FAILS  # by signal, of those that fail while their device answers
        self._unreadable = NONE_FAILS  # the same of those that cannot be read as they are configured
        self._found: frozenset[str] = NOBODY  # failing in the scan at hand
        self._named: frozenset[str] = NOBODY  # of those that fail, the ones that the log has named
        self._unnamed = 0  # others, which it is still to count
        self.passed = Counts()
        self.reads_ok = 0
        self.refused = 0
        self.clock_drift_s: int | None = None  # in the last scan that was not lost
        self._tells_time = False
        self._told: tuple[bool | None, str | None] | None = None

    def plan(self, signals: list[Signal], unreadable: dict[str, Trouble]) -> None:
        """What is to be read from now on; `unreadable` signals never come to an exchange."""
        known = {signal.alias for signal in signals}
        self.signals = len(signals)
        self.signals_ok = 0
        self._unreadable = unreadable
        self._found = NOBODY
        if self.failing:
            self.failing = {alias: trouble for alias, trouble in self.failing.items() if alias in known}
        self._named = self._named & known or NOBODY

    def counters(self) -> dict[str, int]:
        """What was counted since the start, by the name of the counter."""
        passed = self.passed
        counts = (
            self.reads_ok, passed.timeouts, passed.bad_frames, self.refused, passed.bytes_sent, passed.bytes_received,
            passed.retries,
        )  # fmt: skip
        return dict(zip(COUNTERS, counts, strict=True))

    def told_time(self, drift_s: int | None) -> None:
        """The meter said what its clock says: so far from ours, None where that cannot be known."""
        self._tells_time = True
        self.clock_drift_s = drift_s

    def fails(self, alias: str, reason: str, words: str) -> bool:
        """A signal was reported without a good value in the scan at hand. Returns: whether the log is to name it.

        What is no news it need not; nor more than MAX_NAMED at a time, the others being counted.
        """
        self._found |= {alias}
        known = self.failing.get(alias) or self._unreadable.get(alias)
        if self.failing is NONE_FAILS:
            self.failing = {}
        self.failing[alias] = (reason, words)
        if known is not None and (known[0] == reason or alias in self._unreadable):
            return False
        if len(self._named) >= MAX_NAMED and alias not in self._named:
            self._unnamed += 1
            return False
        self._named |= {alias}
        return True

    def unnamed(self) -> int:
        """How many more signals have begun to fail since this was asked last than the log has named."""
        count, self._unnamed = self._unnamed, 0
        return count

    def settle(self, reported: Iterable[Signal]) -> list[str]:
        """The scan is over, and these signals were reported. Returns: the signals that had failed and do well again.

        What was not reported stays as it was: a load profile has not in every scan a new row.
        """
        if not self.failing:
            return []
        found, self._found = self._found, NOBODY
        well = [
            signal.alias
            for signal in reported
            if signal.alias in self.failing and signal.alias not in found and signal.device_alias == self.alias
        ]
        for alias in well:
            del self.failing[alias]
        self._named = self._named.difference(well) or NOBODY
        return well

    def succeeded(self, now_s: float) -> None:
        """A scan ended well, whatever its signals came to."""
        self.connected = True
        self.reason = None
        self.signals_ok = self.signals
        if (self.failing or self._unreadable) and not self._some_do_well(now_s):
            return
        self.succeeded_again(now_s)

    def succeeded_again(self, now_s: float) -> None:
        """A scan ended well, as the last one did, and all that it was to bring is good."""
        self.reads_ok += 1
        self.last_good_s = now_s

    def _some_do_well(self, now_s: float) -> bool:
        """The device is as its worst signal is. Returns: whether any signal was good."""
        bad = {**self.failing, **self._unreadable}
        self.signals_ok = max(0, self.signals - len(bad))
        alias = min(bad, key=lambda alias: _rank(bad[alias][0]))
        self.reason, words = bad[alias]
        more = f"; and {len(bad) - 1} more of {self.signals} signals fail" if len(bad) > 1 else ""
        self.trouble, self.trouble_s = f"{alias}: {words}{more}", now_s
        if not self.signals_ok:
            self.connected = any(reason not in LOST for reason, _ in bad.values())
        return self.signals_ok > 0

    def failed(
        self, reason: str, refused: bool = False, words: str = "", now_s: float = 0.0, signals_ok: int = 0
    ) -> None:
        """A scan failed; a device that refuses is connected all the same, and so is one of which `signals_ok` signals
        were read before that, unless it ended the connection.
        """
        self.refused += refused
        self.connected = refused or reason not in LOST or (signals_ok > 0 and reason != "disconnected")
        self.reason = reason
        self.clock_drift_s = None
        self.signals_ok = signals_ok
        self.trouble, self.trouble_s = words, now_s

    def changes(self, now_ms: int) -> list[Reading]:
        """`_connected` and `_reason`, if either is another than was told last."""
        now = (self.connected, self.reason)
        if now == self._told:
            return []
        self._told = shared(_told, now)
        return [self._connected(now_ms), self._reading("_reason", self.reason or GOOD, now_ms)]

    def readings(self, now_ms: int, now_s: float) -> list[Reading]:
        """All that is known of the device."""
        self._told = shared(_told, (self.connected, self.reason))
        age = self.age_s(now_s)
        if age is None:
            last_good = self._unknown("_last_good_age_s", now_ms)
        else:
            last_good = self._reading("_last_good_age_s", age, now_ms, "s")
        return [
            self._connected(now_ms),
            self._reading("_reason", self.reason or GOOD, now_ms),
            last_good,
            self._reading("_signals", self.signals, now_ms),
            self._reading("_signals_ok", self.signals_ok, now_ms),
            *(self._reading("_" + name, count, now_ms) for name, count in self.counters().items()),
            *self._clock_drift(now_ms),
        ]

    def _clock_drift(self, now_ms: int) -> list[Reading]:
        """Nothing of a meter that never told its time; of one that did, and does not now, that it is not known."""
        if not self._tells_time:
            return []
        if self.clock_drift_s is None:
            return [self._unknown("_clock_drift_s", now_ms, "clock")]
        return [self._reading("_clock_drift_s", self.clock_drift_s, now_ms, "s")]

    def age_s(self, now_s: float) -> int | None:
        """How long ago the last good scan was, in whole seconds."""
        return None if self.last_good_s is None else max(0, int(now_s - self.last_good_s))

    def sentence(self) -> str:
        """What was said last of a device that is not good."""
        return self.trouble if self.reason else ""

    def failing_signals(self) -> dict[str, str]:
        """Why, in words, by signal: those that fail while their device answers."""
        return {alias: words for alias, (_, words) in {**self.failing, **self._unreadable}.items()}

    def _connected(self, now_ms: int) -> Reading:
        if self.connected is None:
            return self._unknown("_connected", now_ms)
        return self._reading("_connected", int(self.connected), now_ms)

    def _reading(self, alias: str, value: Any, now_ms: int, unit: str | None = None) -> Reading:
        return Reading(Signal(self.alias, alias, {}), value, unit, now_ms)

    def _unknown(self, alias: str, now_ms: int, reason: str = "not_read_yet") -> Reading:
        return Reading(Signal(self.alias, alias, {}), None, None, now_ms, quality=INVALID, reason=reason)


def _rank(reason: str) -> int:
    return WORST_FIRST.index(reason) if reason in WORST_FIRST else len(WORST_FIRST)
