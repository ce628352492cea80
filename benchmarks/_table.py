"""The table of what is to be reached, in its order: `python -m benchmarks --table`, ready for docs/figures.md.

Each line names the benchmark that has the figure and what its judged row says; where that row is left out, for a
program is missing, the line says so.
"""

from __future__ import annotations

# What is wanted, the benchmark, and what its judged row holds: of what it says and its unit.
LINES = (
    ("DLMS register singly, real daemon and file", "against_c", "DLMS register singly"),
    ("list of 40, one meter at 1 ms scans, per register", "daemon_lists", "list of 40"),
    ("scan of one list of 5 in a daemon of 1,000 meters", "against_c", "scan of one list"),
    ("on the 24Kc: a scan besides its registers", "gateway_reading", "a scan besides"),
    ("on the 24Kc: a register in lists", "gateway_reading", "in lists"),
    ("system calls: a single reading with a sink", "system_calls", "a register read singly"),
    ("system calls: a scan of one list, one meter", "system_calls", "one meter"),
    ("system calls: a scan of one list, 1,000 meters", "system_calls", "1,000 meters"),
    ("M-Bus frame to values, built-in telegrams", "mbus", "built-in telegrams, records printed"),
    ("M-Bus frame to values, recorded telegrams", "mbus", "recorded telegrams, records printed"),
    ("IEC read-out, a household's", "codecs", "a household's read-out"),
    ("IEC read-out, an industrial", "codecs", "an industrial read-out"),
    ("IEC read-out of 1,664 bytes", "codecs", "a read-out of 1664"),
    ("local socket per reading, one subscriber", "local_socket", "subscribers: 1"),
    ("local socket per reading, sixteen", "local_socket", "subscribers: 16"),
    ("one register, whole `meterd read`", "one_reading", "whole process"),
    ("memory for each signal", "memory", "each further signal"),
    ("memory of 3,000 TCP meters × 5", "memory", "3,000 TCP meters"),
    ("3,000 meters at 10 s, busiest half second of a period", "spread", "3,000 meters"),
)
