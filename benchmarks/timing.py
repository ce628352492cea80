"""How two ways of doing the same thing are compared: interleaved in one process, the best round of each."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

ROUNDS = 15
ROUND_S = 0.004  # long enough for the clock, short enough to fall between two interruptions


def repetitions(task: Callable[[], object]) -> int:
    """How often `task` has to run to fill one round."""
    count = 1
    while True:
        elapsed = measure(task, count)
        if elapsed >= ROUND_S:
            return count
        count = max(count + 1, int(count * min(10.0, 1.2 * ROUND_S / max(elapsed, 1e-7))))


def measure(task: Callable[[], object], count: int) -> float:
    """Seconds for `count` runs of `task`."""
    numbers = range(count)
    start = time.perf_counter()
    for _ in numbers:
        task()
    return time.perf_counter() - start


def compare(*tasks: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Seconds for one run of each task: the least of `rounds` rounds, taken in turn."""
    counts = [repetitions(task) for task in tasks]
    best = [float("inf")] * len(tasks)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for index, task in enumerate(tasks):
                best[index] = min(best[index], measure(task, counts[index]) / counts[index])
    finally:
        gc.enable()
    return best
