"""Commands that leave something behind unless they are let to clean up: a terminal that is closed, or a plain `kill`,
ends them as an interrupt does, unless whoever started them (`nohup`) has it ignored.
"""

from __future__ import annotations

import signal
import sys

from ..ports._loop import Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def end_in_order() -> None:
    """SIGTERM and SIGHUP end the process by way of every `finally`."""
    _on_end(_leave)


def interruptible_loop() -> Loop:
    """The loop of a command that says goodbye, and keeps what it has found, when it is interrupted in any way."""
    _on_end(signal.default_int_handler)
    loop = Loop()
    wake_for_signals(loop)
    return loop


def wake_for_signals(loop: Loop) -> None:
    """Have a signal heard, too, that comes just as the loop goes to sleep, and so does not wake it."""
    signal.set_wakeup_fd(loop.wakeup_fd(), warn_on_full_buffer=False)


def _on_end(handler: Callable[[int, Any], Any]) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _leave(number: int, frame: object) -> None:
    for also in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(also, signal.SIG_IGN)  # once is enough, and cleaning up takes its time
    sys.exit(128 + number)
