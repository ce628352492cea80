"""A year of load profiles: every row that was captured is published, each once, whatever happens to meter and clock.

The meter is `profile_meter.ProfileMeter`, made apart from the project's codecs, in virtual time: summer time comes and
goes, its clock is set wrong and right, it is exchanged, moved to another port, cut off for days, and the daemon is
restarted.
"""

from __future__ import annotations

import datetime
import random
from typing import Any

import pytest

from meterd.model import Memory
from meterd.protocols.dlms import driver
from tests.pair import converse
from tests.unit.dlms_pair import device, memory, signal

from .profile_meter import ENERGY, HOUR, NAME, ProfileMeter, number, stamp, summer
from .serve import in_virtual_time

DAY = datetime.timedelta(days=1)
BEGIN = datetime.datetime(2026, 1, 1)
YEAR_DAYS = 365
# Day of the year → what is done to the meter's clock: by how much it is wrong from then on.
CLOCK = {
    20: 3 * HOUR, 22: 0 * HOUR, 60: -40 * HOUR, 63: 0 * HOUR, 120: 68 * YEAR_DAYS * DAY, 121: 0 * HOUR,
    170: -26 * YEAR_DAYS * DAY, 172: 0 * HOUR, 230: 900 * HOUR, 236: 0 * HOUR, 300: -2 * HOUR, 302: 0 * HOUR,
}  # fmt: skip
EXCHANGES = {45, 150, 210, 297}
MOVES = {30, 150, 250}
RESTARTS = {5, 62, 63, 90, 121, 171, 200, 232, 299}
OUTAGES = {75: 12, 180: 9, 298: 1}


class Year:
    """A meter, what it captured, and what was published of it."""

    def __init__(self, seed: int, told: dict[str, bool], **manners: Any) -> None:
        self.random = random.Random(seed)
        self.told = told
        self.manners = manners
        self.kept = memory()
        self.captured: list[int] = []
        self.published: list[int] = []
        self.energy = 1000
        self.serial = 700_000
        self.port = 4059
        self.wrong = 0 * HOUR
        self.scans = 0
        self.meter = self._new_meter()

    def _new_meter(self) -> ProfileMeter:
        self.serial += 1
        return ProfileMeter(str(self.serial), **self.manners)

    def capture(self, utc: datetime.datetime) -> None:
        # Nothing is drawn in some hours, so that rows differ by their times alone.
        self.energy += self.random.choice((0, 0, 1, 7, 31))
        self.captured.append(self.energy)
        self.meter.capture(stamp(utc + self.wrong, **self.told), number(self.energy))
        self.meter.now = stamp(utc + self.wrong, **self.told)

    def scan(self) -> None:
        of = device()
        of.line = f"192.0.2.1:{self.port}"
        plan = driver.plan(of, [signal(NAME, column=ENERGY, class_id=7, profile_rows=24)])
        outcome = converse(driver.conversation(plan, self.kept), in_virtual_time(self.meter), byte_s=0.000001)
        assert outcome.error is None, outcome.error
        self.scans += 1
        self.published += [reading.value for reading in outcome.readings]

    def day(self, number_of_day: int) -> None:
        if number_of_day in CLOCK:
            self.wrong = CLOCK[number_of_day]
        if number_of_day in EXCHANGES:
            self.scan()  # who takes a meter down reads it first
            self.meter = self._new_meter()
        if number_of_day in MOVES:
            self.port += 1
        if number_of_day in RESTARTS:
            self.kept = Memory(dict(self.kept.persistent))

    def run(self) -> None:
        cut_off = 0
        next_scan = 0
        for hour in range(YEAR_DAYS * 24):
            number_of_day, of_day = divmod(hour, 24)
            if of_day == 0:
                self.day(number_of_day)
                cut_off = max(cut_off - 24, 24 * OUTAGES.get(number_of_day, 0))
            self.capture(BEGIN + (hour + 1) * HOUR)
            if hour >= next_scan and not cut_off:
                self.scan()
                next_scan = hour + self.random.choice((1, 2, 3, 6, 24))
        self.scan()


MANNERS = [
    {},
    {"sparse": True, "newest_first": True},
    {"by_time": False},
    {"by_number": False, "capacity": 3000},
    {"by_number": False, "by_time": False, "capacity": 300},
    {"has_clock": False, "counts": True, "sparse": True},
]
TOLD = [
    {"deviation": True, "status": True},
    {"deviation": False, "status": True},
    {"deviation": False, "status": False},
]


# The hardest of the clocks with every meter, the others with the plainest.
YEARS = [(manners, TOLD[2]) for manners in MANNERS] + [(MANNERS[0], told) for told in TOLD[:2]]


@pytest.mark.parametrize(("manners", "told"), YEARS)
def test_each_row_of_a_year_is_published_once(manners: dict[str, Any], told: dict[str, bool]) -> None:
    year = Year(14, told, **manners)
    year.run()
    assert len(year.captured) == YEAR_DAYS * 24
    assert year.published == year.captured


def test_the_calendar_of_the_simulation() -> None:
    assert not summer(datetime.datetime(2026, 3, 29, 0, 59)) and summer(datetime.datetime(2026, 3, 29, 1))
    assert summer(datetime.datetime(2026, 10, 25, 0, 59)) and not summer(datetime.datetime(2026, 10, 25, 1))
    assert stamp(datetime.datetime(2026, 10, 25, 0, 30), deviation=False)[5:8] == bytes((2, 30, 0))
    assert stamp(datetime.datetime(2026, 10, 25, 1, 30), deviation=False)[5:8] == bytes((2, 30, 0))
