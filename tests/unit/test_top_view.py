"""What `meterd top` shows: all of it fits any size, the worst stands out, and a meter's own text can do no harm."""

from __future__ import annotations

import re
from typing import Any

import pytest

from meterd.cli import top_view as view
from meterd.cli.top_view import Shown, bar, painted, report, screen, spark


def device(alias: str, reason: str = "good", **more: Any) -> dict[str, Any]:
    row = {"device": alias, "protocol": "dlms", "line": "PORT1", "connected": True, "reason": reason,
           "last_good_age_s": 3, "signals": 4, "signals_ok": 4, "trouble": "", "trouble_age_s": None, "reads_ok": 1,
           "timeouts": 0, "bad_frames": 0, "refused": 0, "retries": 0}  # fmt: skip
    return {**row, **more}


def page(devices: list[dict[str, Any]], lines: int = 3, **more: Any) -> dict[str, Any]:
    states: dict[str, int] = {}
    for row in devices:
        states[row["reason"]] = states.get(row["reason"], 0) + 1
    known = [{"line": f"10.0.0.{number}:4059", "devices": 7, "open": True, "load": 0.9} for number in range(lines)]
    own = {"cost_ms": 1.25, "longest_portion_ms": 0.1, "longest_turn_ms": 4.0, "cpu_s": 1.0, "monotonic_s": 10.0}
    answer = {"devices_all": len(devices), "matching": len(devices), "from": 0, "devices": devices, "states": states,
              "lines_all": lines, "lines": known, "sinks": [], "daemon": own}  # fmt: skip
    return {**answer, **more}


def reading(signal: str, value: str | None, time_ms: int = 1, quality: str = "good", words: str | None = None) -> Any:
    return {"device": "meter0", "signal": signal, "value": value, "unit": "kWh", "time_ms": time_ms, "meter_time": None,
            "quality": quality, "words": words}  # fmt: skip


@pytest.fixture
def shown() -> Shown:
    made = Shown("/run/meterd/control.sock")
    rows = [
        device(f"meter{number}", trouble="it was so " * 60, reason="timeout", trouble_age_s=9) for number in range(4)
    ]
    made.take_page(page(rows + [device(f"well{number}") for number in range(60)], lines=50))
    return made


def texts(shown: Shown, columns: int, rows: int) -> list[str]:
    lines = [painted(line, columns, False) for line in screen(shown, columns, rows)]
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]


@pytest.mark.parametrize("mode", ["devices", "device", "help"])
@pytest.mark.parametrize(("columns", "rows"), [(20, 5), (40, 10), (80, 24), (110, 32), (160, 45), (400, 120)])
def test_all_of_it_fits(shown: Shown, mode: str, columns: int, rows: int) -> None:
    answer = {"readings": [reading("e" * 90, "1" * 90), reading("p", None, quality="invalid", words="why " * 90)] * 60}
    shown.take_readings("meter0", {**answer, "signals_all": 120, "device": device("meter0")})
    shown.mode = mode
    shown.opened = None if mode == "devices" else device("meter0", "timeout", trouble="because " * 99)
    lines = texts(shown, columns, rows)
    assert len(lines) == rows and max(map(len, lines)) <= columns
    assert "q" in lines[-1]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 45)])
def test_at_first_sight(shown: Shown, columns: int, rows: int) -> None:
    lines = texts(shown, columns, rows)
    text = "\n".join(lines)
    assert "64 devices, 50 lines" in text and "page 1.2 ms" in text and "timeout 4" in text and "good 60" in text
    assert "10.0.0.0:4059" in text and "90%" in text
    count = view.device_rows(columns, rows, shown)
    shown_devices = [line for line in lines if re.match(r"[> ] (meter|well)", line)]
    assert len(shown_devices) == count >= 14 and shown_devices[0].startswith("> meter0 ")
    assert "meter0: it was so" in text and "(9 s ago)" not in shown_devices[0]
    for key in ("q quit", "s sort", "/ filter", "r read now", "t trace"):
        assert key in lines[-1]


def test_a_tall_terminal_shows_the_values_of_the_chosen_device_too(shown: Shown) -> None:
    shown.take_readings("meter0", {"readings": [reading("energy", "41.50")], "signals_all": 1})
    assert view.signal_rows(80, 24, shown) == 0 and view.signal_rows(160, 45, shown) >= 8
    assert not any("energy" in line for line in texts(shown, 80, 24))
    assert any("energy" in line and "41.50" in line for line in texts(shown, 160, 45))
    shown.chosen = 1  # another device, whose values are not here yet
    assert not any("energy" in line for line in texts(shown, 160, 45))


def test_the_choice_stays_with_the_device(shown: Shown) -> None:
    shown.chosen = 3
    rows = [device("other", "no_bytes"), *(device(f"meter{number}", "timeout") for number in (0, 3, 2))]
    shown.take_page(page(rows))
    assert shown.device() == rows[2]
    shown.take_page(page(rows[:2]))
    assert shown.device() == rows[1]
    shown.take_page(page([]))
    assert shown.device() is None and "nothing is read" in "\n".join(texts(shown, 80, 24))
    shown.match = "basement"
    assert "nothing has 'basement'" in "\n".join(texts(shown, 80, 24))


def test_what_a_value_was_lately(shown: Shown) -> None:
    for time_ms, value in ((1, "10"), (1, "10"), (2, "20"), (3, "30"), (4, None), (5, "text")):
        quality = "good" if value else "stale"
        shown.take_readings("meter0", {"readings": [reading("power", value, time_ms, quality)], "signals_all": 1})
    assert shown.trend(reading("power", None), 10) == "▁▅█"
    assert shown.trend(reading("power", None), 2) == "▁█"
    for number in range(view.MAX_CHARTED + 50):
        shown.take_readings("meter0", {"readings": [reading(f"s{number}", "1")], "signals_all": 1})
    assert len(shown._history) == view.MAX_CHARTED


def test_the_processor_time_of_the_daemon(shown: Shown) -> None:
    own = {**page([])["daemon"], "cpu_s": 1.05, "monotonic_s": 12.0}
    shown.take_page(page([], daemon=own))
    assert "CPU 2.5%" in texts(shown, 100, 24)[0]


def test_what_a_meter_says_is_no_command_to_the_terminal(shown: Shown) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\r\nrow\x9b31m"
    shown.take_page(page([device("meter0", "refused", trouble=evil, trouble_age_s=1)]))
    row = reading("s", evil, quality="stale", words=evil)
    row["unit"] = evil
    shown.take_readings("meter0", {"readings": [row], "signals_all": 1})
    for mode, opened in (("devices", None), ("device", shown.device())):
        shown.mode, shown.opened = mode, opened
        drawn = "".join(painted(line, 160, True) for line in screen(shown, 160, 45))
        assert not re.search(r"[\x00-\x1a\x1c-\x1f\x7f-\x9f]", drawn)
        assert set(re.findall(r"\x1b.", drawn)) <= {"\x1b["} and "\x1b[2J" not in drawn


def test_sparks_and_bars() -> None:
    assert spark([]) == "" and spark([5.0, 5.0]) == "▁▁" and spark([0.0, 1.0, 0.5]) == "▁█▅"
    assert spark([1.0, float("inf")]) == "▁▁"
    assert spark([0.0, 1.0], view.PLAIN_BLOCKS) == ".@"
    assert (bar(0.0, 4), bar(0.5, 4), bar(7.0, 4), bar(0.28, 4)) == ("    ", "██  ", "████", "█▏  ")
    assert bar(0.28, 4, view.PLAIN_BLOCKS) == "@-  "


def test_colours_only_where_they_are_wanted() -> None:
    line = [("good", view.GOOD), (" all", view.STRONG)]
    assert painted(line, 80, True) == "\x1b[32mgood\x1b[0m\x1b[1m all\x1b[0m"
    assert painted(line, 6, False) == "good\x1b[1m a\x1b[0m"


def test_once_nothing_is_cut(shown: Shown) -> None:
    lines = report(shown)
    assert any(line.startswith("meter0 ") and line.endswith(("it was so " * 60).rstrip()) for line in lines)
    assert any("and 42 lines that are less busy" in line for line in lines)
    shown.take_page(page([device("one")], matching=9))
    assert report(shown)[-1].startswith("… and 8 more devices")
