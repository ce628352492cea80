"""One thread, one poll(2) a turn, one heap of timers; when nothing is due the process sleeps without end.

poll has no FD_SETSIZE and, unlike the selectors module, needs no import that a small gateway would feel. The clock is
read once a turn. A timer that is armed anew for later stays where it is in the heap and is moved when it comes up, so
the usual life of a time-out (armed, and disarmed by the answer) touches the heap hardly ever.
"""

from __future__ import annotations

import select
from _heapq import heappop, heappush, heapreplace  # heapq has the rest of it, in Python
from os import O_CLOEXEC, O_NONBLOCK, close, pipe2, read, write
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NEVER = float("inf")
# With hundreds of meters every turn finds hundreds of time-outs moved; to put all in their place then is dear.
MOVES_A_TURN = 8


class Timer:
    """Calls back once at `deadline` (seconds, monotonic); None while disarmed. Made once, armed as often as needed."""

    __slots__ = ("callback", "deadline", "queued")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.deadline: float | None = None
        self.queued = NEVER


class Loop:
    """`register(fd, events, callback)`: callback(revents) when poll reports any of `events`, an error or a hang-up."""

    def __init__(self) -> None:
        self.time = monotonic()
        self.running = False
        self.turn_ends: list[Callable[[], None]] = []
        self._poll = select.poll()
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._heap: list[tuple[float, int, Timer]] = []
        self._pushes = 0
        self._wake_read, self._wake_write = pipe2(O_NONBLOCK | O_CLOEXEC)
        self._woken: list[Callable[[], None]] = []
        self.register(self._wake_read, select.POLLIN, self._on_wake)

    def register(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        self._callbacks[fd] = callback
        self._poll.register(fd, events)

    def modify(self, fd: int, events: int) -> None:
        self._poll.modify(fd, events)

    def unregister(self, fd: int) -> None:
        if self._callbacks.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def arm(self, timer: Timer, deadline: float) -> None:
        timer.deadline = deadline
        if deadline < timer.queued:
            timer.queued = deadline
            self._pushes += 1
            heappush(self._heap, (deadline, self._pushes, timer))

    def call_soon_from_thread(self, callback: Callable[[], None]) -> None:
        """The one door for another thread or a signal handler: run `callback` in the loop's next turn."""
        self._woken.append(callback)
        try:
            write(self._wake_write, b"\0")
        except OSError:
            pass  # the pipe is full of wake-ups already; or the loop has ended, and nobody is left to wake

    def wakeup_fd(self) -> int:
        """Where `signal.set_wakeup_fd` may write, so that a signal ends the poll."""
        return self._wake_write

    def _on_wake(self, revents: int) -> None:
        try:
            read(self._wake_read, 4096)
        except BlockingIOError:
            pass
        woken, self._woken = self._woken, []
        for callback in woken:
            callback()

    def _next_deadline(self) -> float | None:
        """The earliest time that a timer is armed for, or an earlier one: some timers that moved are put in their place
        here, the others of a busy loop when their old time comes."""
        heap = self._heap
        for _ in range(MOVES_A_TURN):
            if not heap:
                return None
            queued, _, timer = heap[0]
            deadline = timer.deadline
            if queued != timer.queued:
                heappop(heap)
            elif deadline == queued:
                return queued
            elif deadline is None:
                timer.queued = NEVER
                heappop(heap)
            else:
                timer.queued = deadline
                self._pushes += 1
                heapreplace(heap, (deadline, self._pushes, timer))
        return heap[0][0] if heap else None

    def turn(self) -> None:
        """Wait for the next event, then serve all that are there and all timers that are due."""
        deadline = self._next_deadline()
        if deadline is None:
            events = self._poll.poll()
        elif deadline <= self.time:
            events = self._poll.poll(0)
        else:
            # poll rounds up to whole milliseconds, so that it never ends early and spins until the deadline.
            events = self._poll.poll(max(0.0, (deadline - monotonic()) * 1000.0))
        self.time = now = monotonic()
        callbacks = self._callbacks
        for fd, revents in events:
            callback = callbacks.get(fd)  # an earlier callback of this turn may have closed it
            if callback is not None:
                callback(revents)
        self._serve_timers(now)
        for turn_end in self.turn_ends:
            turn_end()

    def _serve_timers(self, now: float) -> None:
        """What is due. A timer that a callback arms for at once waits for the next turn: no turn is without end."""
        heap = self._heap
        newest = self._pushes
        while heap and heap[0][0] <= now and heap[0][1] <= newest:
            queued, _, timer = heappop(heap)
            if queued != timer.queued:
                continue
            timer.queued = NEVER
            deadline = timer.deadline
            if deadline is None:
                continue
            if deadline <= now:
                timer.deadline = None
                timer.callback()
            else:
                self.arm(timer, deadline)

    def run(self) -> None:
        """Turn until `stop()`."""
        self.running = True
        while self.running:
            self.turn()

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.unregister(self._wake_read)
        close(self._wake_read)
        close(self._wake_write)
