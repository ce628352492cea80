"""CSV files: rows that any reader understands, files that change by size and time, what disks and people do to them."""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd._number import Number
from meterd.config.publishing import read_publish
from meterd.model import INVALID, STALE, Reading, Signal
from meterd.recalculation import Recalculation
from meterd.sinks.batch_thread import Batch
from meterd.sinks.csv_rows import COLUMNS, Writer
from tests.unit.batch_case import DAY_MS, NOON_MS, E, Site

HEADER = ",".join(COLUMNS)
CUT_OFF = "M1,E,5,kWh,good"


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(**given: Any) -> Site:
        made.append(Site("csv", **{"path": str(tmp_path / "r.csv"), "gather_ms": 0, "rotate": "none", **given}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert text.endswith(b"\n")
    return list(csv.DictReader(text.decode().split("\n")[:-1], delimiter=delimiter, strict=True))


def values(path: Path) -> list[str]:
    return [row["value"] for row in rows(path)]


def done(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "r.csv")


def row_of(value: Any, writer: Writer | None = None, **more: Any) -> dict[str, str]:
    """As a reader of CSV has it."""
    batch = Batch([("5f0c19ab", 7, Reading(E, value, time_ms=NOON_MS, **more))])
    (line,) = (writer or Writer("comma", False, False)).rows(batch, 0)
    assert line.count(b"\n") == 1
    assert len(line.decode().splitlines()) == 1
    (found,) = csv.reader([line.decode()[:-1]], strict=True)
    return dict(zip(COLUMNS, found, strict=True))


def test_a_row_has_the_meters_digits_and_all_that_belongs_to_a_reading() -> None:
    assert row_of(Number(14723840, -2), unit="kWh") == {
        "time": "2026-11-28T12:00:00.000Z", "device": "M1", "signal": "E", "value": "147238.40", "unit": "kWh",
        "quality": "good", "reason": "", "meter_time": "", "raw_value": "", "raw_unit": "",
        "time_ms": str(NOON_MS), "epoch": "5f0c19ab", "sequence": "7",
    }  # fmt: skip
    found = row_of(None, quality=INVALID, reason="timeout")
    assert (found["value"], found["quality"], found["reason"]) == ("", "invalid", "timeout")
    assert row_of(12, quality=STALE, reason="timeout", meter_time="2026-11-28T13:00:00")["meter_time"][:4] == "2026"
    assert row_of(float("inf"))["quality"] == "invalid"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b", "a,b"),
        ('say "no"', 'say "no"'),
        (" edge ", " edge "),
        ("", ""),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x1b[2J\x00\x85\u2028", "\\x1b[2J\\x00\\x85\\u2028"),
        ("m³ Ž", "m³ Ž"),
        ("half \ud83d", "half \\ud83d"),
    ],
)
def test_whatever_text_a_meter_sends_is_one_field_of_one_line(text: str, found: str) -> None:
    assert row_of(text)["value"] == found


def test_an_empty_text_is_not_an_absent_value() -> None:
    writer = Writer("comma", False, False)
    lines = [writer.rows(Batch([("e", 1, Reading(E, value, time_ms=NOON_MS))]), 0)[0] for value in ("", None)]
    assert b',M1,E,"",,' in lines[0]
    assert b",M1,E,,," in lines[1]


def test_semicolons_and_decimal_commas_for_those_who_live_with_them() -> None:
    batch = Batch([("e", 1, Reading(E, Number(-5, -1), "a;b", time_ms=NOON_MS))])
    (line,) = Writer("semicolon", True, False).rows(batch, 0)
    assert line.startswith(b'2026-11-28T12:00:00.000Z;M1;E;-0,5;"a;b";good;')
    (line,) = Writer("comma", True, False).rows(batch, 0)
    assert b',M1,E,"-0,5",a;b,good,' in line


def test_what_is_recalculated_has_the_meters_own_value_beside_it(tmp_path: Path, sites: Any) -> None:
    signal = Signal("M1", "E", {})
    signal.recalculation = Recalculation({"multiply": "0.001", "units": "MWh"})
    site = sites()
    site.sink.accept(signal.recalculation.apply(Reading(signal, 5000, "kWh", NOON_MS)))
    site.sink.flush()
    site.until_delivered()
    (row,) = rows(tmp_path / "r.csv")
    assert [row[name] for name in ("value", "unit", "raw_value", "raw_unit")] == ["5.000", "MWh", "5000", "kWh"]


def test_the_states_of_devices_are_left_out_unless_they_are_wanted(tmp_path: Path, sites: Any) -> None:
    state = Signal("M1", "_connected", {})
    site = sites()
    site.take(1, signal=state)
    site.take(2)
    site.until_delivered()
    assert values(tmp_path / "r.csv") == ["2"]
    site.close()
    site = sites(states=1)
    site.take(1, signal=state)
    site.until_delivered()
    assert [row["signal"] for row in rows(tmp_path / "r.csv")] == ["E", "_connected"]


def test_a_file_goes_on_after_a_restart_and_numbers_tell_the_runs_apart(tmp_path: Path, sites: Any) -> None:
    for value in (1, 2):
        site = sites()
        site.take(value)
        site.until_delivered()
        site.close()
    found = rows(tmp_path / "r.csv")
    assert [row["value"] for row in found] == ["1", "2"]
    assert [row["sequence"] for row in found] == ["1", "1"]
    assert found[0]["epoch"] != found[1]["epoch"]


def test_what_waits_is_written_at_the_end(tmp_path: Path, sites: Any) -> None:
    site = sites(gather_ms=600000)
    site.take(*range(1200))
    site.sink.close()
    assert values(tmp_path / "r.csv") == [str(value) for value in range(1200)]
    assert not site.heard("not delivered")


def test_a_file_is_done_when_it_is_large_enough(tmp_path: Path, sites: Any) -> None:
    site = sites(rotate_kb=1, keep_files=0)
    site.take(*range(100))
    site.until_delivered()
    names = done(tmp_path)
    assert names[0] == "r-000001-2026-11-28.csv"
    assert len(names) > 5
    everything = [value for name in (*names, "r.csv") for value in values(tmp_path / name)]
    assert everything == [str(value) for value in range(100)]
    assert all((tmp_path / name).stat().st_size <= 1024 for name in names)


def test_a_row_that_is_larger_than_a_file_has_one_of_its_own(tmp_path: Path, sites: Any) -> None:
    site = sites(rotate_kb=1)
    site.take(1, "x" * 5000, 2)
    site.until_delivered()
    assert [len(values(tmp_path / name)) for name in (*done(tmp_path), "r.csv")] == [1, 1, 1]


@pytest.mark.parametrize(("rotate", "spans"), [("hour", 4), ("day", 3), ("month", 2), ("none", 1)])
def test_a_file_is_done_with_its_hour_day_or_month(tmp_path: Path, sites: Any, rotate: str, spans: int) -> None:
    site = sites(rotate=rotate)
    for time_ms in (NOON_MS, NOON_MS + 3_600_000, NOON_MS + DAY_MS, NOON_MS + 10 * DAY_MS):
        site.take(1, time_ms=time_ms)
    site.until_delivered()
    assert len(done(tmp_path)) == spans - 1
    site.close()
    site = sites(rotate=rotate)  # which looks into the file to know of when it is
    site.take(2, time_ms=NOON_MS + 10 * DAY_MS + 1)
    site.until_delivered()
    assert len(done(tmp_path)) == spans - 1
    site.take(3, time_ms=NOON_MS + 50 * DAY_MS)
    site.until_delivered()
    assert len(done(tmp_path)) == (spans if rotate != "none" else 0)


def test_a_clock_that_is_set_back_makes_no_file(tmp_path: Path, sites: Any) -> None:
    site = sites(rotate="day")
    site.take(1, time_ms=NOON_MS)
    site.take(2, time_ms=1000)
    site.take(3, time_ms=2000)
    site.until_delivered()
    assert (values(tmp_path / "r.csv"), done(tmp_path)) == (["1", "2", "3"], [])
    site.take(4, time_ms=NOON_MS)
    site.until_delivered()
    assert done(tmp_path) == ["r-000001-1970-01-01.csv"]


def test_only_so_many_are_kept_and_nothing_of_others_is_touched(tmp_path: Path, sites: Any) -> None:
    for name in ("r-000003-mine.csv", "r-notes.csv", "r-12.csv", "other-000001.csv"):
        (tmp_path / name).write_text("x\n")
    site = sites(rotate_kb=1, keep_files=2)
    site.take(*range(60))
    site.until_delivered()
    names = done(tmp_path)
    assert names[:1] == ["other-000001.csv"]
    assert {"r-12.csv", "r-notes.csv"} < {*names}
    numbered = [name for name in names if name.startswith("r-0000")]
    assert len(numbered) == 2
    assert "r-000003-mine.csv" not in numbered
    assert site.heard("r-000003-mine.csv is deleted, for more than keep_files are there")


def test_files_that_are_done_are_packed_and_what_was_left_over_too(tmp_path: Path, sites: Any) -> None:
    left = tmp_path / "r-000001-2026-11-27.csv"
    left.write_text(HEADER + "\n" + "2026-11-27T12:00:00.000Z,M1,E,0,,good,,,,,1,e,1\n")
    (tmp_path / (left.name + ".gz.part")).write_bytes(b"half")
    site = sites(rotate="day", compress=1)
    site.take(1)
    site.take(2, time_ms=NOON_MS + DAY_MS)
    site.until_delivered()
    wanted = ["r-000001-2026-11-27.csv.gz", "r-000002-2026-11-28.csv.gz"]
    site.until(lambda: done(tmp_path) == wanted)
    assert [values(tmp_path / name) for name in wanted] == [["0"], ["1"]]
    assert subprocess.run(["gzip", "-t", *wanted], cwd=tmp_path, check=False).returncode == 0
    site.take(3, time_ms=NOON_MS + 2 * DAY_MS)
    site.until(lambda: len(done(tmp_path)) == 3 and done(tmp_path)[2].endswith(".gz"))


@pytest.mark.parametrize("left", ["2026-11-28T11:00:00.000Z," + CUT_OFF, "\0" * 3000, "2026", "x" * 200_000])
def test_half_a_row_is_cut_off_and_never_completed(tmp_path: Path, sites: Any, left: str) -> None:
    path = tmp_path / "r.csv"
    whole = f"{HEADER}\n2026-11-28T10:00:00.000Z,M1,E,4,kWh,good,,,,,1,e,1\n"
    path.write_text(whole + left)
    site = sites()
    site.take(6)
    site.until_delivered()
    assert values(path) == ["4", "6"]
    assert site.heard(f"cut off {len(left)} bytes behind the last whole row")


def test_every_length_that_a_power_cut_may_leave_is_whole_rows_again(tmp_path: Path, sites: Any) -> None:
    path = tmp_path / "r.csv"
    whole = f"{HEADER}\n" + "".join(f"2026-11-28T10:00:00.000Z,M1,E,{n},kWh,good,,,,,1,e,{n}\n" for n in range(2))
    for length in range(len(whole)):
        path.write_text(whole[:length])
        site = sites()
        site.take("new")
        site.until_delivered()
        site.close()
        complete = whole[:length].count("\n") - 1
        assert values(path) == [*map(str, range(max(complete, 0))), "new"], length
    assert done(tmp_path) == []


def test_a_file_with_other_columns_is_set_aside_as_it_is(tmp_path: Path, sites: Any) -> None:
    (tmp_path / "r.csv").write_text("my own notes, without an end")
    site = sites()
    site.take(1)
    site.until_delivered()
    assert values(tmp_path / "r.csv") == ["1"]
    assert [(tmp_path / name).read_text() for name in done(tmp_path)] == ["my own notes, without an end"]
    assert site.heard("it had other columns")


@pytest.mark.parametrize("deed", ["move", "delete", "cut"])
def test_a_file_that_others_take_away_is_begun_anew(tmp_path: Path, sites: Any, deed: str) -> None:
    path = tmp_path / "r.csv"
    site = sites()
    site.take(1)
    site.until_delivered()
    if deed == "move":
        path.rename(tmp_path / "elsewhere.csv")
    elif deed == "delete":
        path.unlink()
    else:
        os.truncate(path, 0)
    site.take(2)
    site.until_delivered()
    assert values(path) == ["2"]
    if deed == "move":
        assert values(tmp_path / "elsewhere.csv") == ["1"]


def test_a_folder_that_is_gone_is_waited_for_and_nothing_is_lost(tmp_path: Path, sites: Any) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    site = sites(path=str(folder / "r.csv"), retry_max_s=1)
    site.take(1)
    site.until_delivered()
    folder.rename(tmp_path / "pulled")
    site.take(2)
    site.until_trouble("the folder is not there; is the card in its place?; readings wait")
    site.take(3)
    assert site.sink.condition()[2:] == (2, 0)
    (tmp_path / "pulled").rename(folder)
    site.until_delivered()
    assert values(folder / "r.csv") == ["1", "2", "3"]
    assert site.sink.condition()[1] == ""
    assert site.heard("readings are delivered again")


def test_what_is_lost_is_said_by_number_in_the_file_too(tmp_path: Path, sites: Any) -> None:
    folder = tmp_path / "card"
    site = sites(path=str(folder / "r.csv"), keep_readings=10, retry_max_s=1)
    site.take(*range(25))
    site.until_trouble("the folder is not there")
    assert site.sink.condition()[2:] == (10, 15)
    folder.mkdir()
    site.until_delivered()
    found = rows(folder / "r.csv")
    lost, *others = found
    assert [lost[name] for name in ("device", "signal", "value", "quality")] == ["", "_lost", "1-15", "invalid"]
    assert lost["epoch"] == others[0]["epoch"]
    assert [row["sequence"] for row in others] == [str(number) for number in range(16, 26)]
    assert site.heard("the oldest are lost: ")
    site.take("later")
    site.until_delivered()
    assert [row["signal"] for row in rows(folder / "r.csv")].count("_lost") == 1


def test_a_pipe_or_a_device_is_no_file(tmp_path: Path, sites: Any) -> None:
    os.mkfifo(tmp_path / "r.csv")
    site = sites()
    site.take(1)
    site.until_trouble("is no file; name one that meterd may write")


def test_two_processes_do_not_mix_their_rows(tmp_path: Path, sites: Any) -> None:
    path = tmp_path / "r.csv"
    path.write_text(HEADER + "\n")
    holds = (
        "import posix, sys\nfd = posix.open(sys.argv[1], 2)\nposix.lockf(fd, posix.F_LOCK, 0)\nprint(1, flush=True)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", holds + "sys.stdin.read()", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"1\n"
        site = sites(retry_max_s=1)
        site.take(1)
        site.until_trouble("another process writes there; give each a file of its own")
        other.communicate()
        site.until_delivered()
        assert values(path) == ["1"]
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "csv.path: "),
        ({"path": "readings.csv"}, 'csv.path: found "readings.csv", allowed: the whole path of a file'),
        ({"path": "/mnt/"}, 'csv.path: found "/mnt/", allowed: the whole path of a file'),
        ({"path": "/x", "compress": 1, "rotate": "none", "rotate_kb": 0}, "csv.compress: packs files that are done"),
        ({"path": "/x", "rotate": "week"}, 'csv.rotate: found "week", allowed: one of none, hour, day, month'),
    ],
)
def test_slips(given: dict[str, Any], said: str) -> None:
    found: list[str] = []
    read_publish({"csv": given}, lambda name, text: found.append(f"{name}: {text}"))
    assert len(found) == 1
    assert found[0].startswith(said)
