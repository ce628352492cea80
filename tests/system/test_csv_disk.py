"""CSV files on disks that are full or hang, and under processes that are killed: no half row, no silent loss."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd.sinks import batches, csv_file
from meterd.sinks.ranges import Ranges
from tests.unit.batch_case import Site

KILLS = 12
# Takes readings as fast as they leave, with a store behind: values beginning with its argument.
WRITER = """
import sys
from meterd.config.publishing import read_publish
from meterd.model import Reading, Signal
from meterd.ports._loop import Loop
from meterd.ports._timers import Timer
from meterd.sinks.registry import open_sinks
path, store, begin = sys.argv[1], sys.argv[2], int(sys.argv[3])
slips = []
publish = read_publish(
    {"csv": {"path": path, "gather_ms": 5, "rotate_kb": 8, "keep_files": 0, "compress": 1},
     "store": {"path": store, "durable_ms": 10}},
    lambda *words: slips.append(words))
assert not slips, slips
loop = Loop()
sinks = open_sinks(publish, loop)
signal = Signal("M1", "E", {})
def more():
    global begin
    for _ in range(3):
        begin += 1
        for sink in sinks:
            sink.accept(Reading(signal, begin, "kWh", 1_795_867_200_000 + begin))
    loop.arm(timer, loop.time + 0.002)
timer = Timer(more)
more()
for sink in sinks:
    loop.turn_ends.append(sink.flush)
print("begun", flush=True)
loop.run()
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "meterd-test", disk], check=False)
    if done.returncode:
        pytest.skip("a small disk needs the right to mount one (root)")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def found(folder: Path) -> list[dict[str, str]]:
    """The rows of all files in the order of their numbers, after gunzip."""
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob("*.csv*"), key=lambda path: (path.name == "r.csv", path.name)):
        if path.name.endswith(".part"):
            continue
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = subprocess.run(["gzip", "-dc", path], capture_output=True, check=True).stdout
            if path.with_suffix("").exists():
                continue  # not deleted yet: the same rows
        assert data.endswith(b"\n"), path
        rows += csv.DictReader(data.decode().split("\n")[:-1], strict=True)
    return rows


def test_a_full_disk_has_whole_rows_and_gets_the_others_later(small_disk: Path) -> None:
    path = small_disk / "r.csv"
    site = Site("csv", path=str(path), gather_ms=0, rotate="none", rotate_kb=0, retry_max_s=1)
    try:
        site.take(*range(1500))
        site.until_trouble("the disk is full; readings wait")
        there = [row["value"] for row in found(small_disk)]
        assert there == [str(value) for value in range(len(there))]
        assert len(there) < 1500
        assert len(site.sink.outbox) == 1500 - len(there)
        subprocess.run(["mount", "-o", "remount,size=1M", small_disk], check=True)
        site.until_delivered()
        assert [row["value"] for row in found(small_disk)] == [str(value) for value in range(1500)]
        assert site.sink.condition()[1:] == ("", 0, 0)
    finally:
        site.close()


def test_a_disk_too_full_for_the_first_row_leaves_no_half_header(small_disk: Path) -> None:
    filler = small_disk / "filler"
    fd = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space"):
        while True:
            os.write(fd, bytes(4096))
    os.close(fd)
    site = Site("csv", path=str(small_disk / "r.csv"), gather_ms=0, retry_max_s=1)
    try:
        site.take(1)
        site.until_trouble("the disk is full")
        assert (small_disk / "r.csv").stat().st_size == 0
        filler.unlink()
        site.until_delivered()
        assert [row["value"] for row in found(small_disk)] == ["1"]
    finally:
        site.close()


def test_a_disk_that_hangs_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go, hangs = threading.Event(), threading.Event()

    def hang(fd: int) -> None:
        hangs.set()
        assert let_go.wait(60)

    monkeypatch.setattr(csv_file, "fdatasync", hang)
    monkeypatch.setattr(batches, "SLOW_S", 0.2)
    monkeypatch.setattr(batches, "CLOSE_S", 0.5)
    site = Site("csv", path=str(tmp_path / "r.csv"), gather_ms=0)
    try:
        site.take(1)
        site.until(hangs.is_set)
        site.take(2)
        site.until_trouble("has been busy for")
        assert site.sink.condition()[2:] == (2, 0)
        let_go.set()
        site.until_delivered()
        assert [row["value"] for row in found(tmp_path)] == ["1", "2"]
        let_go.clear()
        hangs.clear()
        site.take(3)
        site.until(hangs.is_set)
        site.sink.close()  # which waits for CLOSE_S at most
        assert site.heard("readings that were not delivered and end with this process")
    finally:
        let_go.set()
        site.close()


def test_killed_at_any_moment_rows_are_whole_and_none_is_missing_in_silence(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    chance = random.Random(11)
    for run in range(KILLS):
        words = [sys.executable, "-c", WRITER, str(folder / "r.csv"), str(tmp_path / "store"), str(run * 1_000_000)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        time.sleep(chance.random() * 0.6)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        process.stdout.close()
    rows: Any = found_after_a_last_run(folder, tmp_path)
    seen: dict[str, Ranges] = {}
    values: dict[tuple[str, int], str] = {}
    for row in rows:
        there = seen.setdefault(row["epoch"], Ranges())
        if row["signal"] == "_lost":
            there.add(*map(int, row["value"].split("-")))
            continue
        number = int(row["sequence"])
        there.add(number, number)
        assert values.setdefault((row["epoch"], number), row["value"]) == row["value"]
    assert len(values) > 300
    holes = {epoch: list(there) for epoch, there in seen.items() if len(there) > 1}
    assert holes == {}


def found_after_a_last_run(folder: Path, tmp_path: Path) -> list[dict[str, str]]:
    """What the killed runs left in the store is written by one more; the half row it may leave is cut off."""
    site = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder / "r.csv"), str(tmp_path / "store"), "999000000"],
        stdout=subprocess.PIPE,
    )
    limit = time.monotonic() + 60
    try:
        while not any(row["value"] > "999000000" for row in whole(folder)):
            assert time.monotonic() < limit, "the last run writes nothing"
            time.sleep(0.2)
    finally:
        site.kill()
        site.wait(20)
        assert site.stdout is not None
        site.stdout.close()
    path = folder / "r.csv"
    data = path.read_bytes()
    os.truncate(path, data.rfind(b"\n") + 1)
    return found(folder)


def whole(folder: Path) -> list[dict[str, str]]:
    """Of a file that grows, the rows that are whole."""
    try:
        data = (folder / "r.csv").read_bytes()
    except FileNotFoundError:
        return []
    return [row for row in csv.DictReader(data.decode().split("\n")[:-1]) if row["sequence"]]
