"""Exit codes: scripts can tell why a read failed, and an init system when there is nothing to respawn."""

from __future__ import annotations

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130  # by Ctrl-C before it was through, as shells say it
NOTHING_TO_RUN = 3  # configuration missing or wrong, nothing left to run: respawning would not help

# `meterd read`: the first reason among the readings that failed.
READ_FAILED = {
    "no_bytes": 10,
    "bad_frame": 11,
    "timeout": 12,
    "refused": 13,
    "auth": 14,
    "key": 15,
    "not_found": 16,
    "type": 17,
    "clock": 18,
    "disconnected": 19,
    "not_read_yet": 20,
    "wrong_meter": 21,
}
