"""What became of what the meter served: the judge of `tests.soak.delivery`.

It knows the meter's own note and the consumer's table, and shares no code with what lies between them. What was served
and is not in the database must have been served within the last moments of a daemon that was killed: `durable_ms`, and
as long as the commits took that it had to wait for, or opening the store. Repeats must have the key and the values of
their first. By sequence each signal's values must rise, for the meter's time does.
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
        oldest = max((self._until_death(value) or 0 for value in missing), default=0)
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
        lived = self._until_death(value)
        if lived is None:
            return f"{value}, no end after it"
        busy = self._site.busy_us[bisect.bisect_left(self._site.deaths, value)]
        return f"{value}, {lived / 1000:.0f} ms before an end, {busy / 1000:.0f} of them in commits"

    def _until_death(self, value: int) -> int | None:
        deaths = self._site.deaths
        at = bisect.bisect_left(deaths, value)
        return deaths[at] - value if at < len(deaths) else None

    def _died_after(self, value: int) -> bool:
        lived = self._until_death(value)
        if lived is None:
            return False
        site = self._site
        stalled = sum(length for when, length in site.stalls if value <= when <= value + lived + length)
        busy = site.busy_us[bisect.bisect_left(site.deaths, value)]
        return lived <= DURABLE_MS * 1000 + SLACK_US + busy + stalled
