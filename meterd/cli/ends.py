"""Commands that leave something behind unless they are let to clean up: a terminal that is closed, or a plain `kill`,
ends them as an interrupt does.
"""

from __future__ import annotations

import signal
import sys


def end_in_order() -> None:
    """SIGTERM and SIGHUP end the process by way of every `finally`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)


def _leave(number: int, frame: object) -> None:
    for also in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(also, signal.SIG_IGN)  # once is enough, and cleaning up takes its time
    sys.exit(128 + number)
