"""Who may call, and for how long: the bounds of a listener, of each caller and in all.

Anybody may call. So that nobody can take the room or the time of others:

| bound | of each | in all |
|---|---|---|
| connections | strangers give way first, of the address with most of them | MOST_CALLS, or as descriptors allow |
| time until a known name was told | STRANGER_S | |
| octets of a half telegram | 65,535 and a header | MOST_HELD: the caller with most is hung up on |
| time of a half telegram | TELEGRAM_S, and 10 s between two octets | |
| idle time | IDLE_S | |
| one that does not take what it is sent | 10 s | |
| unknown callers remembered | | 32 |
| work in a turn of the loop | 4096 octets, or 16 datagrams | 64 datagrams, one new connection |

A caller who is known gives way to none but its own meter's next call.
"""

from __future__ import annotations

from .. import log
from ..ports._timers import Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ports._loop import Loop
    from .call import Call

MOST_CALLS = 2048
MOST_HELD = 1 << 20
STRANGER_S = 60.0
TELEGRAM_S = 60.0
IDLE_S = 3600.0
SWEEP_S = 5.0


class Room:
    """Those who call at the listener `key`; `held` octets of half telegrams in all."""

    def __init__(self, loop: Loop, key: str) -> None:
        self.key = key
        self.calls: dict[Call, None] = {}  # the oldest first
        self.held = 0
        self._most = MOST_CALLS
        self._loop = loop
        self._strangers: dict[str, dict[Call, None]] = {}  # by address
        self._sweeping = Timer(self._sweep)

    def open(self) -> None:
        """As many as there are descriptors for; from now on who is too slow is hung up on."""
        from ..ports.descriptors import RESERVE, limit

        self._most = min(MOST_CALLS, max(limit() - 2 * RESERVE, 1))
        self._loop.arm(self._sweeping, self._loop.time + SWEEP_S)

    def close(self) -> None:
        self._sweeping.deadline = None

    def has_place(self) -> bool:
        """Whether one more is let in; if need be somebody who has not told who it is makes room."""
        if len(self.calls) < self._most:
            return True
        if not self._strangers:
            log.warning(f"{self.key}: {self._most} meters have called; more are not let in", fold=self.key)
            return False
        oldest = next(iter(self._strangers[max(self._strangers, key=self._count)]))
        oldest.end("others call, and it has not told who it is")
        self.let_go(oldest)
        return True

    def _count(self, address: str) -> int:
        return len(self._strangers[address])

    def add(self, call: Call) -> None:
        self.calls[call] = None
        self.is_stranger(call)

    def is_stranger(self, call: Call) -> None:
        self._strangers.setdefault(call.address, {})[call] = None

    def is_known(self, call: Call) -> None:
        of_address = self._strangers.get(call.address)
        if of_address is not None:
            of_address.pop(call, None)
            if not of_address:
                del self._strangers[call.address]

    def let_go(self, call: Call) -> None:
        """It does not count any more."""
        self.calls.pop(call, None)
        self.is_known(call)

    def hold(self, count: int) -> None:
        """So many octets more of half telegrams, or fewer."""
        self.held += count
        while self.held > MOST_HELD and self.calls:
            worst = max(self.calls, key=_held)
            log.warning(
                f"{self.key}: half telegrams come to more than {MOST_HELD} octets; {worst.address}, which sent the "
                "most of them, is hung up on",
                fold=f"{self.key} held",
            )
            worst.end("it holds the most octets of a half telegram")
            self.let_go(worst)
            self.held -= worst.held
            worst.held = 0

    def _sweep(self) -> None:
        now = self._loop.time
        for call in list(self.calls):
            why = ""
            if not call.jobs and now - call.called > STRANGER_S:
                why = f"it has not told a known name for {STRANGER_S:g} s"
            elif call.held and now - call.begun > TELEGRAM_S:
                why = f"its telegram is not whole after {TELEGRAM_S:g} s"
            elif now - call.heard > IDLE_S:
                why = f"it has said nothing for {IDLE_S:g} s"
            if why:
                call.end(why)
                self.let_go(call)
        self._loop.arm(self._sweeping, now + SWEEP_S)


def _held(call: Call) -> int:
    return call.held
