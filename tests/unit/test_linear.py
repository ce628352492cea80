"""What grows with the meters grows with them and no faster: operations are counted, at 100, 1,000 and 3,000 of them.

What is counted are bytecodes and calls, of Python and of C, which say the same on any machine however busy it is.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meterd import log
from meterd.config.files import load
from meterd.config.nearest import Names
from meterd.daemon.control import Client, Control

from .runtime_rig import Rig, tcp_device

SIZES = (100, 1000, 3000)


def calls_of(work: Callable[[], object]) -> int:
    """How many functions, of Python and of C, were called for it."""
    count = 0

    def look(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def assert_linear(counts: list[int]) -> None:
    """Each device more costs no more among many than among few."""
    few, more, many = counts
    slopes = [(more - few) / (SIZES[1] - SIZES[0]), (many - more) / (SIZES[2] - SIZES[1])]
    assert slopes[0] > 0.5, "else nothing was counted"
    assert slopes[1] <= 1.3 * slopes[0], counts


class SilentRig(Rig):
    """Lines of which none ever opens: the loop is not turned."""

    def site(self, size: int, port: int) -> list[Any]:
        return [tcp_device(f"m{number}", port + number) for number in range(size)]


@pytest.fixture
def rigs(monkeypatch, said):
    made: list[SilentRig] = []

    def rig() -> SilentRig:
        made.append(SilentRig(monkeypatch))
        return made[-1]

    yield rig
    for each in made:
        each.close()


def test_a_reload_that_changes_nothing(rigs):
    counts = []
    for size in SIZES:
        rig = rigs()
        rig.configure(*rig.site(size, 10_000))
        again = rig.configuration(*rig.site(size, 10_000))
        counts.append(calls_of(lambda rig=rig, again=again: rig.daemon.configure(again)))
    assert_linear(counts)


def test_a_reload_that_moves_every_line(rigs):
    counts = []
    for size in SIZES:
        rig = rigs()
        rig.configure(*rig.site(size, 10_000))
        moved = rig.configuration(*rig.site(size, 20_000))
        counts.append(calls_of(lambda rig=rig, moved=moved: rig.daemon.configure(moved)))
        assert len(rig.daemon.lines) == size and min(rig.daemon.lines) >= "127.0.0.1:20000"
    assert_linear(counts)


def test_many_devices_that_leave_one_line(rigs):
    counts = []
    for size in SIZES:
        rig = rigs()
        rig.configure(*(tcp_device(f"m{number}", 10_000) for number in range(size)))
        fewer = rig.configuration(*(tcp_device(f"m{number}", 10_000) for number in range(0, size, 2)))
        counts.append(calls_of(lambda rig=rig, fewer=fewer: rig.daemon.configure(fewer)))
        [line] = rig.daemon.lines.values()
        assert len(line.jobs) == size // 2
    assert_linear(counts)


def test_the_status(rigs):
    counts = []
    for size in SIZES:
        rig = rigs()
        rig.configure(*rig.site(size, 10_000))
        answer: list[dict[str, Any]] = []
        counts.append(calls_of(lambda rig=rig, answer=answer: answer.append(rig.daemon.status())))
        assert len(answer[0]["devices"]) == len(answer[0]["lines"]) == size
    assert_linear(counts)


def test_a_trace_of_all_lines_from_its_begin_to_its_end(rigs, tmp_path):
    counts = []
    for size in SIZES:
        rig = rigs()
        rig.configure(*rig.site(size, 10_000))
        control = Control(rig.daemon, rig.hub, str(tmp_path / f"{size}.sock"), lambda then: None)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        client = Client(control, ours.detach())

        def trace(rig=rig, client=client, size=size) -> None:
            client._take(b"trace\n")
            client._work.finish()
            assert sum(len(line.player.observers) for line in rig.daemon.lines.values()) == size
            client.close()

        counts.append(calls_of(trace))
        assert not any(line.player.observers for line in rig.daemon.lines.values())
        theirs.close()
        control.close()
    assert_linear(counts)


def test_the_log_folds_as_many_faults_as_there_are_devices(said):
    counts = []
    for size in SIZES:

        def fail(size=size) -> None:
            for number in range(size):
                log.warning(f"of{size}-{number}: no answer within {number} ms", fold=f"of{size}-{number}")

        fail()
        assert len(said) == size
        counts.append(calls_of(fail))
        assert len(said) == size, "all of it was told already"
        del said[:]
    assert_linear(counts)


def names(size: int) -> list[str]:
    return [f"meter-{number % 40}-floor-{number:05}" for number in range(size)]


def test_the_search_for_the_nearest_of_many_names():
    counts = []
    for size in SIZES:
        wrong = [f"{name}x" for name in names(size)]

        def search(size=size, wrong=wrong) -> None:
            known = Names(names(size))
            assert known.nearest(wrong[7]) == names(size)[7]
            for name in wrong:
                known.nearest(name)

        counts.append(calls_of(search))
    assert counts[2] / counts[1] < 3.3
    assert counts[1] / counts[0] < 11


def site_file(path: Path, size: int, wrong: bool) -> str:
    devices, signals = [], []
    for name in names(size):
        devices.append({"name": name, "device_alias": name, "protocol": "DLMS", "ip": "10.0.0.1", "port": 4059,
                        "client_address": 16, "physical_address": 1, "type": "LN"})  # fmt: skip
        signals.append({"signal_name": "E", "device_alias": f"{name}x" if wrong else name, "signal_alias": "E",
                        "obis_job": "1.0.1.8.0.255"})  # fmt: skip
    path.write_text(json.dumps({"devices": devices, "signals": signals}, indent=1))
    return str(path)


@pytest.mark.parametrize("wrong", [False, True])
def test_a_file_with_right_or_with_wrong_rows_is_read(tmp_path, wrong):
    counts = []
    for size in SIZES:
        path = site_file(tmp_path / f"{size}.json", size, wrong)
        found: list[Any] = []
        counts.append(calls_of(lambda path=path, found=found: found.append(load([path]))))
        assert len(found[0].errors) == (size if wrong else 0)
        assert len(found[0].devices) == (0 if wrong else size)
    # Where all rows are wrong, the hints of the first few hundred cost more than the rest.
    if wrong:
        assert counts[2] < 3.3 * counts[1]
    else:
        assert_linear(counts)


def test_work_is_cut_into_pieces_that_do_not_grow(rigs, tmp_path):
    """No single portion of a reload costs more with 3,000 lines than with 100, but for reading the text itself."""
    largest = []
    for size in (SIZES[0], SIZES[2]):
        rig = rigs()
        rig.configure(*rig.site(size, 10_000))
        work = rig.daemon._configuring(rig.configuration(*rig.site(size, 20_000)))
        pieces = []

        def one(work=work) -> bool:
            return next(work, work) is not work

        over = False
        while not over:
            done: list[bool] = []
            pieces.append(calls_of(lambda one=one, done=done: done.append(one())))
            over = not done[0]
        largest.append(sorted(pieces)[-4:])
    # The sharing of descriptors, and what the sinks are told, look once at all lines, briefly.
    assert largest[1][0] <= largest[0][0] + 20, largest
    assert largest[1][-1] <= 4 * SIZES[2], largest
