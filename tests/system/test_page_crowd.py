"""The page of a daemon as users run it, under everything that a network may bring; meters are read on meanwhile.

For how long anybody waits is printed by `python -m benchmarks --only heartbeat_page`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import heartbeat_page
from tools.page_site import Site, site


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    with site() as made:
        yield made


def port_of(place: Site) -> int:
    return int(place.address.rpartition(":")[2])


def good_readings(place: Site) -> int:
    path = place.folder / "readings.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return sum('"device":"house"' in line and '"quality":"good"' in line for line in lines)


def until(seen: Callable[[], object], limit_s: float = 90.0) -> None:
    deadline = time.monotonic() + limit_s
    while not seen():
        assert time.monotonic() < deadline, "not seen in time"
        time.sleep(0.1)


def resident_kb(place: Site) -> int:
    rows = Path(f"/proc/{place.daemon.pid}/status").read_text().splitlines()
    return int(next(row for row in rows if row.startswith("VmRSS")).split()[1])


def still_well(place: Site, read_before: int) -> None:
    """It answers, nothing of it is a defect, and the meter was read on."""
    until(lambda: heartbeat_page.is_answering(port_of(place)))
    until(lambda: good_readings(place) > read_before)
    assert place.daemon.poll() is None
    assert "critical" not in (place.folder / "log").read_text()


def test_two_hundred_at_once_are_answered_or_turned_away(place: Site) -> None:
    told: Counter[str] = Counter()
    before = good_readings(place)
    heartbeat_page.crowd(port_of(place), told)
    assert sum(told.values()) == heartbeat_page.CROWD
    assert set(told) <= {"200", "429", "503", "away"} and told["200"] > 0
    still_well(place, before)


def test_a_thousand_that_are_no_requests_are_refused(place: Site) -> None:
    told: Counter[str] = Counter()
    before = good_readings(place)
    heartbeat_page.malformed(port_of(place), told)
    assert sum(told.values()) == heartbeat_page.MALFORMED
    # A change within the path leaves a request, for something that is not there.
    assert set(told) <= {"400", "403", "404", "405", "429", "away"} and told["400"] > heartbeat_page.MALFORMED // 2
    still_well(place, before)


def test_the_slow_are_let_go_and_cost_little(place: Site) -> None:
    before, memory_kb = good_readings(place), resident_kb(place)
    heartbeat_page.sloths(port_of(place))
    still_well(place, before)
    assert resident_kb(place) - memory_kb < 16 * 1024
