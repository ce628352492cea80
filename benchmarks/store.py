"""Bytes written per reading by the store, for page sizes and journals: `python -m benchmarks.store`.

Scans of 40 readings, committed one by one and ten at a time, as they are while a broker is away; then acknowledged and
deleted ten at a time. Bytes are those of all write calls (`/proc/self/io`, wchar).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from meterd._number import Number
from meterd._reading import Reading, Signal
from meterd.sinks import store_file
from meterd.sinks.store_rows import pack

from ._machine import Row

SCANS, SIGNALS = 200, 40
START_MS = 1_795_000_000_000


def written() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        name, value = line.split(": ")
        if name == "wchar":
            return int(value)
    raise RuntimeError("the kernel counts no writes")


def measure(page: int, journal: str, per_commit: int) -> tuple[float, float]:
    """Bytes per reading: to keep it, and to delete it."""
    kept = store_file.PRAGMAS
    store_file.PRAGMAS = tuple(
        f"page_size={page}" if one.startswith("page_size") else
        f"journal_mode={journal}" if one.startswith("journal_mode") else
        f"wal_autocheckpoint={store_file.WAL_BYTES // page}" if one.startswith("wal_auto") else one
        for one in kept
    )  # fmt: skip
    signals = [Signal("meter", f"signal_{number}", {}) for number in range(SIGNALS)]
    with tempfile.TemporaryDirectory() as folder:
        file = store_file.StoreFile(f"{folder}/store", 1 << 30)
        begun = written()
        for scan in range(0, SCANS, per_commit):
            file.begin()
            for one in range(scan, scan + per_commit):
                first = 1 + one * SIGNALS
                taken = [
                    (
                        first + at,
                        Reading(signal, Number(14723800 + one * 7 + at, -2), "kWh", START_MS + one * 10_000 + at),
                    )
                    for at, signal in enumerate(signals)
                ]
                file.put(first, first + SIGNALS - 1, pack(taken, file.names, "0badcafe", 0, 0, None))
            file.commit({"last": scan, "sinks": {"mqtt": [[0], []]}}, 0)
        keeping = written() - begun
        for scan in range(0, SCANS, 10):
            file.begin()
            file.commit({"last": scan, "sinks": {"mqtt": [[scan], []]}}, (scan + 10) * SIGNALS)
        deleting = written() - begun - keeping
        file.close()
    store_file.PRAGMAS = kept
    return keeping / SCANS / SIGNALS, deleting / SCANS / SIGNALS


def run() -> list[Row]:
    """As the store is set."""
    rows: list[Row] = []
    for per_commit in (1, 10):
        keeping, deleting = measure(store_file.PAGE, "WAL", per_commit)
        what = "a scan" if per_commit == 1 else f"{per_commit} scans"
        rows.append((f"to disk per reading of a scan of {SIGNALS}, {what} a commit", keeping, "bytes", None))
        rows.append(("  and to delete it when it has arrived", deleting, "bytes", None))
    return rows


def main() -> None:
    print("page journal   one scan a commit   ten scans a commit   deleting   (bytes per reading)")
    for page in (512, 1024, 4096):
        for journal in ("WAL", "TRUNCATE"):
            (one, deleting), (ten, _) = measure(page, journal, 1), measure(page, journal, 10)
            print(f"{page:4} {journal:9} {one:17.0f} {ten:20.0f} {deleting:10.0f}")


if __name__ == "__main__":
    main()
