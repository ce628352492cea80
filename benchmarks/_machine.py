"""What benchmarks of processes need: one core for all, what a process has used, the middle of many rounds."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

# What a benchmark prints: what, figure, unit, requirement; below zero the requirement is an upper bound.
Row = tuple[str, float, str, float | None]


@contextlib.contextmanager
def before_others() -> Iterator[None]:
    """What is begun in this block comes before all else that the machine does, where that is allowed.

    Beside others each change of processes empties the caches, which costs whoever has more code more.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        print("other work of this machine is in the next figures: priority needs root", file=sys.stderr)
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Whatever is begun in this block shares one core, as on a gateway, and comes before what others do there.

    Across two, whoever writes pays for waking the other core, which on a virtual machine costs more than a reading.
    """
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        with before_others():
            yield
    finally:
        os.sched_setaffinity(0, cores)


def allow_descriptors() -> None:
    """As many as this process and those that it begins may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_s(pid: int) -> float:
    """User and system time of all threads of a process, as the scheduler counts it."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def status_kb(pid: int | str, name: str) -> int:
    """VmRSS, VmHWM … of a process, in kB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name + ":"))


def is_stopped(pid: int) -> bool:
    """Whether every thread of a process stands still after SIGSTOP."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(thread.read_text().rpartition(") ")[2][0] in "Tt" for thread in threads)


def ratio(these: Sequence[float], those: Sequence[float]) -> float:
    """The median of how many times more these took than those, round by round: what disturbs a round hits both."""
    return statistics.median(mine / other for mine, other in zip(these, those, strict=True))
