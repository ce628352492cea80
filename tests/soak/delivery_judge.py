"""What became of what the meter served: the judge of `tests.soak.delivery`.

It knows the meter's own note and the consumer's table, and shares no code with what lies between them. What was served
and is not in the database must have been served within the last moments of the daemon that had asked for it:
`durable_ms`, and as long as the commits took that it had to wait for, or opening the store. Which daemon had asked is
told by when each was started and killed; what the meter notes after a kill, and before the next start, was asked for by
the dead one. Repeats must have the key and the values of their first. By sequence each signal's values must rise, for
the meter's time does.
"""

from __future__ import annotations

import bisect
import json

from .delivery_site import DURABLE_MS, Site
from .storing_consumer import Database

SLACK_US = 300_000  # from the meter's answer to the commit that has it, on a loaded machine


class Verdict:
    def __init__(self, site: Site) -> None:
        self._site = site
        base = Database(site.where)
        served = site.served()
        values: set[int] = set()
        last: dict[tuple[str, str], int] = {}
        doubles = 0
        rises = True
        for device, name, text, _ in base.do("select device, signal, value, seq from readings order by seq"):
            value, quality = json.loads(text)
            if quality != "good":
                continue
            doubles += value in values
            values.add(value)
            rises = rises and value > last.get((device, name), -1)
            last[device, name] = value
        missing = [value for value in served if value not in values]
        unexcused = [value for value in missing if not self._died_after(value)]
        invented = values - {*served}
        self.repeats, unequal = map(
            int, base.do("select count(*), coalesce(sum(1 - equal), 0) from repeats").fetchone()
        )
        base.close()
        busiest = max(site.busy_us, default=0)
        oldest = max((lived for value in missing if (lived := self._lived(value)[0]) is not None), default=0)
        self.words = (
            f"served {len(served)}, stored {len(values)} distinct, not there {len(missing)} (all within "
            f"{oldest / 1000:.0f} ms before an end of the daemon, of which commits took up to {busiest / 1000:.0f} ms: "
            f"{not unexcused}), twice under other keys {doubles}, "
            f"never served {len(invented)}, repeats {self.repeats} (unequal {unequal}), in order per signal: {rises}"
        )
        if unexcused:
            self.words += f"; without an excuse {len(unexcused)}: {[self._life_of(value) for value in unexcused[:5]]}"
        self.is_sound = not unexcused and not invented and not doubles and not unequal and rises and len(values) > 0

    def _life_of(self, value: int) -> str:
        lived, busy = self._lived(value)
        if lived is None:
            return f"{value}, no end after it"
        return f"{value}, {lived / 1000:.0f} ms before an end, {busy / 1000:.0f} of them in commits"

    def _lived(self, value: int) -> tuple[int | None, int]:
        """How long the daemon that asked for it lived on, and how long of that it was in commits; None: it lives."""
        site = self._site
        asked_by = bisect.bisect_left(site.starts, value) - 1
        if not 0 <= asked_by < len(site.deaths):
            return None, 0
        return max(0, site.deaths[asked_by] - value), site.busy_us[asked_by]

    def _died_after(self, value: int) -> bool:
        lived, busy = self._lived(value)
        if lived is None:
            return False
        stalled = sum(length for when, length in self._site.stalls if value <= when <= value + lived + length)
        return lived <= DURABLE_MS * 1000 + SLACK_US + busy + stalled
