"""When two spellings of an OBIS code are one: `1.8.0`, `1-0:1.8.0`, `1-0:1.8.0*255` (IEC 62056-61, reduced codes)."""

from __future__ import annotations

ALL_VALUES = ("*255", "&255")


def is_short_for(short: str, full: str) -> bool:
    """Whether `full` says what `short` leaves out: medium and channel, or the F of present values, and nothing else."""
    if short == full:
        return True
    if ":" not in short:
        full = full.rpartition(":")[2]
    if not any(mark in short for mark in "*&"):
        for ending in ALL_VALUES:
            full = full.removesuffix(ending)
    return short == full
