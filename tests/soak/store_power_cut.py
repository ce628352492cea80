"""`python -m tests.soak.store_power_cut [--images 40]`: the store after a power cut that took or mixed unsynced writes.

Two runs of a store are recorded system call by system call (`recorded_disk`): several commits each, readings that are
acknowledged and deleted, checkpoints. At every call of the second run the power is cut, and what the disk may then
hold is laid down and opened: nothing of what was not synced, all of it, each write alone, all but each, and so many
more by chance, reordered and torn. Each time the store must open and give every reading of which it had said that it
is written, as it was taken, under the key that it had, in order; where something is missing it must say so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from meterd import log
from meterd.sinks import store_file
from tests.unit.store_case import Rig

from .recorded_disk import Disk, Image, Operation, record
from .store_damage import NAME, Trial

TOLD = "told"
RUNS, SCANS, SIGNALS = 2, 8, 4
CHECKPOINT_PAGES = 8  # often, for a checkpoint is where two files hang together


def fill(folder: Path, synchronous: str) -> None:
    """In the process that is recorded. Tells whenever something is settled: what was taken, written, acknowledged."""
    changed = {"wal_autocheckpoint": str(CHECKPOINT_PAGES), "synchronous": synchronous}
    names = [one.partition("=")[0] for one in store_file.PRAGMAS]
    store_file.PRAGMAS = tuple(
        f"{name}={changed[name]}" if name in changed else one
        for name, one in zip(names, store_file.PRAGMAS, strict=True)
    )
    value = 0
    with open(folder / TOLD, "wb", buffering=0) as told:
        for run in range(RUNS):
            rig = Rig(folder / NAME)
            rig.all_of(acknowledge=False)
            _tell(told, "begins", run)
            for scan in range(SCANS):
                values = [*range(value, value + SIGNALS)]
                value += SIGNALS
                rig.put(*values)
                numbers = [*range(rig.store.last - SIGNALS + 1, rig.store.last + 1)]
                _tell(
                    told, "taken", [[*rig.outbox.key(number), one] for number, one in zip(numbers, values, strict=True)]
                )
                rig.far.take(SIGNALS)
                rig.written()
                _tell(told, "written", values)
                if scan == SCANS // 2:
                    _tell(told, "acknowledged", values)
                    rig.outbox.drop_these(numbers)
            if run < RUNS - 1:
                rig.close()
    os._exit(0)


def _tell(told: Any, what: str, content: object) -> None:
    told.write(json.dumps([what, content]).encode())


class Cut:
    """What is known at one moment: by what it said itself."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int], int] = {}
        self.written: set[int] = set()
        self.acknowledged: set[int] = set()
        self.run = -1

    def hear(self, data: bytes) -> None:
        what, content = json.loads(data)
        if what == "begins":
            self.run = content
        elif what == "taken":
            self.taken.update({(epoch, sequence): value for epoch, sequence, value in content})
        elif what == "written":
            self.written.update(content)
        else:
            self.acknowledged.update(content)
            self.written.difference_update(content)

    def lost(self, values: set[int]) -> tuple[set[int], bool]:
        """What was written and is not there; and whether there is anything that must be said to be missing."""
        return self.written - values, bool({*self.taken.values()} - values - self.acknowledged)


def power_cuts(many: int, seed: int = 17, synchronous: str = "FULL") -> tuple[str, bool]:
    """With another `synchronous` than the store's own it must be found wanting: the judge can see."""
    chance = random.Random(seed)
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        folder = Path(name) / "store"
        folder.mkdir()
        recorded = record(
            [sys.executable, "-m", __spec__.name, "--fill", str(folder), "--synchronous", synchronous], folder, TOLD
        )
        tried, lost, bad = _cut_everywhere(recorded, Path(name) / "now", chance, many)
    log.configure()
    kinds = {kind: sum(one[0] == kind for one in recorded) for kind in ("write", "cut", "sync")}
    words = (
        f"{len(recorded)} calls ({kinds}), {tried} different disks after a power cut: at most {lost} readings that "
        "were written are lost"
    )
    return words + (f"; not sound {len(bad)}: {bad[:3]}" if bad else ""), not bad


def _cut_everywhere(
    recorded: list[Operation], folder: Path, chance: random.Random, many: int
) -> tuple[int, int, list[Any]]:
    disk, cut = Disk(), Cut()
    seen: set[int] = set()
    most_lost = 0
    bad = []
    for at, operation in enumerate(recorded):
        if operation[0] == "told":
            cut.hear(operation[2])
            continue
        disk.take(operation)
        if cut.run < 0:
            continue
        for image in disk.images(chance, many):
            mark = hash((tuple(sorted(image.items())), len(cut.written)))
            if mark in seen:
                continue
            seen.add(mark)
            trial = _try(image, folder, cut)
            lost, must_be_said = cut.lost({*trial.values})
            most_lost = max(most_lost, len(lost))
            is_sound = trial.true and trial.in_order and trial.goes_on and (trial.said or not must_be_said)
            if lost or not is_sound:
                bad.append((at, operation[:2], lost, vars(trial)))
    return len(seen), most_lost, bad


def _try(image: Image, folder: Path, cut: Cut) -> Trial:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in image.items():
        (folder / name).write_bytes(data)
    return Trial(folder / NAME, cut.taken)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.store_power_cut")
    parser.add_argument("--images", type=int, default=40, help="by chance, at every call")
    parser.add_argument("--fill", help=argparse.SUPPRESS)
    parser.add_argument("--synchronous", default="FULL", help="as SQLite has it; the store's own is FULL")
    arguments = parser.parse_args()
    if arguments.fill:
        fill(Path(arguments.fill), arguments.synchronous)
    words, sound = power_cuts(arguments.images, synchronous=arguments.synchronous)
    print(("      " if sound else "FAIL  ") + words)
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
