"""The process that runs one target: `python -m tests.fuzz.worker TARGET SLATE RUNS SECONDS SEED`.

Before each input it writes the input's number and bytes onto the slate, a small file mapped into memory, so that
whoever watches knows what it died of or hangs on.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
import traceback
from collections.abc import Callable

from . import engine

HEADER = struct.Struct("<QI")
SLATE = HEADER.size + 65536
UNEXPECTED = 3  # exit code: an exception came out of the target
CLOCK_EVERY = 512


def main() -> int:
    name, slate, runs, seconds, seed = sys.argv[1:]
    target = engine.load(name)
    kept = [*target.SEEDS, *engine.corpus(name)]
    with open(slate, "r+b") as file, mmap.mmap(file.fileno(), SLATE) as board:
        try:
            return run(target.one, kept, board, int(runs), float(seconds), int(seed))
        except Exception:
            traceback.print_exc()
            return UNEXPECTED


def run(one: Callable[[bytes], None], kept: list[bytes], board: mmap.mmap, runs: int, seconds: float, seed: int) -> int:
    mutate = engine.Mutator(kept, seed)
    pack, offset = HEADER.pack_into, HEADER.size
    deadline = time.monotonic() + seconds
    count = 0
    while count < runs:
        if count % CLOCK_EVERY == 0 and time.monotonic() > deadline:
            break
        data = kept[count] if count < len(kept) else mutate()
        pack(board, 0, count, len(data))
        board[offset : offset + len(data)] = data
        one(data)
        count += 1
    print(count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
