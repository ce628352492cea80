"""`python -m tests.soak.store_damage [--step 1]`: the store's files cut and flipped at every byte.

A store is filled in several commits and ended as kill -9 does, so that both its file and its WAL hold something; then
each of the two is cut at, or has one byte turned round at, every place. Each time it must open, give what it gives as
it was taken, under the key it had, in order; and where something is not there, say so: by a loss that is told, or in
the log.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from meterd import log
from tests.unit.store_case import Rig

READINGS = 24
NAME = "readings.store"
SAID = ("damaged", "cut off", "sent again", "not readable")


def fill(folder: Path) -> dict[tuple[str, int], int]:
    """Returns: what was taken, by key."""
    for half in range(2):  # the first ends politely: it lies in the file; the second is still in the WAL
        rig = Rig(folder / NAME)
        for begin in range(half * READINGS // 2, (half + 1) * READINGS // 2, 4):
            rig.put(*range(begin, begin + 4))
            rig.written()
        rig.all_of(acknowledge=False)
        keys = {key: reading.value for key, reading in rig.far.got}
        if half:
            rig.kill()
        else:
            rig.close()
    return keys


class Trial:
    """What became of one damage."""

    def __init__(self, path: Path, taken: dict[tuple[str, int], int]) -> None:
        rig = Rig(path)
        self.trouble = ""
        rig.until(lambda: rig.store.is_open or rig.store.trouble)
        if not rig.store.is_open:
            self.trouble = rig.store.trouble
            self.lost, self.true, self.in_order, self.said, self.goes_on = len(taken), False, False, False, False
            self.values: list[int] = []
            rig.close()
            return
        rig.all_of()
        found = [(key, reading.value) for key, reading in rig.far.got]
        self.lost = len(taken) - len(found)
        self.true = all(taken.get(key) == value for key, value in found)
        values = self.values = [value for _, value in found]
        self.in_order = values == sorted(set(values))
        self.said = bool(rig.outbox.lost or rig.outbox.losses() or any(rig.says(words) for words in SAID))
        rig.put(99)
        self.goes_on = rig.all_of() == [99]
        rig.close()

    def is_sound(self) -> bool:
        return self.true and self.in_order and self.goes_on and (self.said or not self.lost)


def damaged(step: int) -> tuple[str, bool]:
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        folder = Path(name)
        whole = folder / "whole"
        whole.mkdir()
        taken = fill(whole)
        files = sorted(path for path in whole.iterdir() if path.stat().st_size)
        trials = harmless = 0
        most = 0
        bad = []
        for path in files:
            data = path.read_bytes()
            for way in ("cut", "flip"):
                for place in range(0, len(data), step):
                    changed = data[:place] if way == "cut" else _flipped(data, place)
                    shutil.rmtree(folder / "now", ignore_errors=True)
                    shutil.copytree(whole, folder / "now")
                    (folder / "now" / path.name).write_bytes(changed)
                    trial = Trial(folder / "now" / NAME, taken)
                    trials += 1
                    harmless += not trial.lost
                    most = max(most, trial.lost)
                    if not trial.is_sound():
                        bad.append((path.name, way, place, vars(trial)))
        log.configure()
        sizes = ", ".join(f"{path.name} {path.stat().st_size} B" for path in files)
        words = f"{trials} trials on {sizes} with {READINGS} readings: nothing lost in {harmless}, {most} at most"
        return words + (f"; not sound {len(bad)}: {bad[:3]}" if bad else ""), not bad


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.store_damage")
    parser.add_argument("--step", type=int, default=1, help="at every so many bytes")
    words, sound = damaged(parser.parse_args().step)
    print(("      " if sound else "FAIL  ") + words)
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
