"""One descriptor that is written without ever waiting: what is not taken at once is kept, up to a bound.

A stream is non-blocking and belongs to one owner in the loop, who is told of three things: what came in (`on_data`),
that the other side will say no more but may listen on (`on_data(b"")`, once), and that the stream has ended by itself
(`on_end(error or None)`), because the other side hung up or the descriptor failed. It is closed by then.
The dirt to survive: others who read slowly or never, who vanish between two calls, who hang up in the middle.
"""

from __future__ import annotations

import posix
from select import POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._loop import Loop

# poll tells these whether they were asked for or not.
GONE = POLLHUP | POLLERR | POLLNVAL
BLOCK = 4096


def _nobody(_: object) -> None:
    """Stands where nothing is to be told."""


class Stream:
    """Owns `fd`. `waiting` are the bytes that it has not taken yet, at most `bound` of them."""

    __slots__ = ("_events", "_finishing", "_loop", "bound", "fd", "on_data", "on_end", "waiting")

    def __init__(
        self,
        loop: Loop,
        fd: int,
        bound: int,
        on_data: Callable[[bytes], object] = _nobody,
        on_end: Callable[[OSError | None], object] = _nobody,
    ) -> None:
        self._loop = loop
        self.fd = fd
        self.bound = bound
        self.on_data = on_data
        self.on_end = on_end
        self.waiting = bytearray()
        self._finishing = False
        self._events = POLLIN
        loop.register(fd, POLLIN, self._on_event)

    def is_open(self) -> bool:
        return self.fd >= 0

    def put(self, data: bytes) -> bool:
        """Keep these for the next flush. False, and none is kept, where that would pass the bound or it is closed."""
        if self.fd < 0 or len(self.waiting) + len(data) > self.bound:
            return False
        self.waiting += data
        return True

    def send(self, data: bytes) -> bool:
        """The same as `put` and `flush`. False, and none is sent, where what waits would pass the bound."""
        if self.waiting or self.fd < 0:
            if not self.put(data):
                return False
            self._write()
            return True
        try:
            sent = posix.write(self.fd, data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._end(error)
            return True
        if sent < len(data):
            self.waiting += data[sent:]
            self._poll_for(self._events | POLLOUT)
        return True

    def flush(self) -> None:
        """Write what waits, as far as it goes; the rest leaves by itself when there is room."""
        if self.waiting and self.fd >= 0:
            self._write()

    def finish(self, last: bytes = b"") -> None:
        """Close once all that waits has left, and these last bytes, be they beyond the bound: no more can follow."""
        self.waiting += last
        self._finishing = True
        self._poll_for(self._events & ~POLLIN)
        if self.waiting:
            self._write()
        else:
            self.close()

    def close(self) -> None:
        """At once. `on_end` is not called: whoever closes knows."""
        if self.fd >= 0:
            self._loop.unregister(self.fd)
            posix.close(self.fd)
            self.fd = -1
            self.waiting.clear()

    def _on_event(self, revents: int) -> None:
        if revents & GONE:
            self._end(None)
            return
        if revents & POLLOUT:
            self._write()
        if revents & POLLIN and self.fd >= 0:
            self._read()

    def _read(self) -> None:
        try:
            data = posix.read(self.fd, BLOCK)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        if not data:  # that it hangs up altogether poll tells unasked
            self._poll_for(self._events & ~POLLIN)
        self.on_data(data)

    def _write(self) -> None:
        try:
            del self.waiting[: posix.write(self.fd, self.waiting)]
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(error)
            return
        if self._finishing and not self.waiting:
            self._end(None)
            return
        events = self._events | POLLOUT if self.waiting else self._events & ~POLLOUT
        self._poll_for(events)

    def _poll_for(self, events: int) -> None:
        if events != self._events and self.fd >= 0:
            self._events = events
            self._loop.modify(self.fd, events)

    def _end(self, error: OSError | None) -> None:
        self.close()
        self.on_end(error)
