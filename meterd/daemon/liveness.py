"""Whoever keeps the daemon alive learns when its loop no longer turns, and not merely when the process ends.

systemd is told by datagrams to the socket that NOTIFY_SOCKET names (sd_notify(3)): READY=1, WATCHDOG=1 while the loop
turns, STOPPING=1. procd has no such socket for whoever does not speak ubus; it learns that an instance has ended. So
the process itself ends when its loop has not turned for WATCHDOG_USEC: an alarm of the kernel, put off at every beat,
that nothing catches. Before that, faulthandler has written to the log where every thread stands. The alarm strikes in
an endless loop of C, too, where no Python would run any more. Without WATCHDOG_USEC nothing beats, and nothing wakes
up.

The dirt: the variables may be those of a parent (WATCHDOG_PID says so), or no numbers; a notification may be refused.
"""

from __future__ import annotations

import _signal as signals  # type: ignore[import-not-found]  # the signal module imports enum, which a gateway would feel
from posix import getpid

from .. import log
from ..paths import environment
from ..ports._timers import Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ports._loop import Loop

BEATS = 3  # within the time that the watchdog waits
LEAST_S = 1


class Liveness:
    """Beats from `begin` to `end` in the turns of `loop`, as far as the environment asks for it."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._path = environment("NOTIFY_SOCKET") or ""
        self._patience_s = _patience_s()
        self._timer = Timer(self._beat)

    def begin(self) -> None:
        self._tell("READY=1")
        if self._patience_s:
            import faulthandler

            signals.signal(signals.SIGALRM, signals.SIG_DFL)
            faulthandler.register(signals.SIGALRM, chain=True)
            self._beat()

    def end(self) -> None:
        self._timer.deadline = None
        if self._patience_s:
            signals.alarm(0)
        self._tell("STOPPING=1")

    def _beat(self) -> None:
        signals.alarm(self._patience_s)
        self._tell("WATCHDOG=1")
        self._loop.arm(self._timer, self._loop.time + self._patience_s / BEATS)

    def _tell(self, state: str) -> None:
        if not self._path:
            return
        from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, socket

        # An @ stands for the zero octet with which a name begins that is in no file system.
        path = "\0" + self._path[1:] if self._path[0] == "@" else self._path
        notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
        try:
            notify.sendto(state.encode(), path)
        except OSError as error:
            log.warning(f"{self._path}: systemd cannot be told of {state}: {error.strerror}", fold="notify")
        finally:
            notify.close()


def _patience_s() -> int:
    """WATCHDOG_USEC in whole seconds; 0 where nobody watches, or watches another process."""
    text, process = environment("WATCHDOG_USEC") or "", environment("WATCHDOG_PID")
    if not (text.isascii() and text.isdigit()) or (process is not None and process != str(getpid())):
        return 0
    return max(LEAST_S, int(text[:15]) // 1_000_000) if int(text[:15]) else 0
