"""Commands that leave something behind unless they are let to clean up: a terminal that is closed, or a plain `kill`,
ends them as an interrupt does. What a `kill -9` leaves no time for another process does.
"""

from __future__ import annotations

import os
import signal
import sys
from select import POLLIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ports._loop import Loop

FIRST_OF_OURS = 3  # descriptors behind the three that every process has


def end_in_order() -> None:
    """SIGTERM and SIGHUP end the process by way of every `finally`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)


def _leave(number: int, frame: object) -> None:
    for also in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(also, signal.SIG_IGN)  # once is enough, and cleaning up takes its time
    sys.exit(128 + number)


def wake_for_signals(loop: Loop) -> None:
    """Have a signal heard that comes just as the loop goes to sleep: its handler waits for byte code to run."""
    wakes, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def woken(revents: int) -> None:
        os.read(wakes, 4096)

    loop.register(wakes, POLLIN, woken)


def outlived_by_no_link(link: str) -> None:
    """Have `link` taken away when this process is gone, however it ends: the terminal that it leads to may then be
    another meter's. A process of its own waits for that; one that has the link by then keeps it.
    """
    target = os.readlink(link)
    ours, _ = os.pipe()  # nothing passes through it: it ends when this process does
    if os.fork():
        os.close(ours)
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(ours, FIRST_OF_OURS)
    os.closerange(FIRST_OF_OURS + 1, os.sysconf("SC_OPEN_MAX"))
    os.read(FIRST_OF_OURS, 1)
    try:
        if os.readlink(link) == target:
            os.unlink(link)
    except OSError:
        pass  # it is gone already
    os._exit(0)
