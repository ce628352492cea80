"""How two ways of doing the same thing are compared: interleaved in one process, the middle of many short rounds.

What is taken is CPU time: on a busy machine a round is interrupted as often as not, and what others did meanwhile is
neither side's.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

ROUNDS = 15
ROUND_S = 0.004  # long enough for the clock, short enough that a busy neighbour disturbs few rounds


def repetitions(task: Callable[[], object]) -> int:
    """How often `task` has to run to fill one round."""
    count = 1
    while True:
        elapsed = measure(task, count)
        if elapsed >= ROUND_S:
            return count
        count = max(count + 1, int(count * min(10.0, 1.2 * ROUND_S / max(elapsed, 1e-7))))


def measure(task: Callable[[], object], count: int) -> float:
    """CPU seconds for `count` runs of `task`."""
    numbers = range(count)
    start = time.process_time()
    for _ in numbers:
        task()
    return time.process_time() - start


def compare(*tasks: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Seconds for one run of each task: the median of `rounds` rounds, taken in turn."""
    counts = [repetitions(task) for task in tasks]
    taken: list[list[float]] = [[] for _ in tasks]
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for task, count, seconds in zip(tasks, counts, taken, strict=True):
                seconds.append(measure(task, count) / count)
    finally:
        gc.enable()
    return [statistics.median(seconds) for seconds in taken]
