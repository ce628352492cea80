"""One descriptor in the loop that is written without ever waiting: what is not taken at once is kept, up to a bound.

A stream is non-blocking and belongs to one owner in the loop, who is told of three things: what came in (`on_data`),
that the other side will say no more but may listen on (`on_data(b"")`, once), and that the stream has ended by itself
(`on_end(error or None)`), because the other side hung up or the descriptor failed. It is closed by then.
The dirt to survive: others who read slowly or never, who vanish between two calls, who hang up in the middle.
"""

from __future__ import annotations

import posix
from select import POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT

from .._octets import Octets

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
    """Owns `fd`. At most `bound` bytes wait for it to take them."""

    __slots__ = ("_events", "_finishing", "_loop", "_octets", "bound", "fd", "on_data", "on_end")

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
        self._octets = Octets()
        self._finishing = False
        self._events = POLLIN
        loop.register(fd, POLLIN, self._on_event)

    @property
    def waiting(self) -> int:
        """Bytes that it has not taken yet."""
        return self._octets.waiting

    def is_open(self) -> bool:
        return self.fd >= 0

    def put(self, data: bytes) -> bool:
        """Keep these for the next flush. False, and none is kept, where that would pass the bound or it is closed."""
        if self.fd < 0 or self._octets.waiting + len(data) > self.bound:
            return False
        self._octets.put(data)
        return True

    def send(self, data: bytes) -> bool:
        """The same as `put` and `flush`. False, and none is sent, where what waits would pass the bound."""
        octets = self._octets
        if self.fd < 0 or (octets.waiting and octets.waiting + len(data) > self.bound):
            return False
        try:
            octets.send(self.fd, data)
        except OSError as error:
            self._end(error)
            return True
        if octets.waiting or self._events & POLLOUT:
            self._written()
        return True

    def flush(self) -> None:
        """Write what waits, as far as it goes; the rest leaves by itself when there is room."""
        if self._octets.waiting and self.fd >= 0:
            self._write()

    def finish(self, last: bytes = b"") -> None:
        """Close once all that waits has left, and these last bytes, be they beyond the bound: no more can follow."""
        self._octets.put(last)
        self._finishing = True
        self._poll_for(self._events & ~POLLIN)
        if self._octets.waiting:
            self._write()
        else:
            self.close()

    def close(self) -> None:
        """At once. `on_end` is not called: whoever closes knows."""
        if self.fd >= 0:
            self._loop.unregister(self.fd)
            posix.close(self.fd)
            self.fd = -1
            self._octets.clear()

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
            self._octets.flush(self.fd)
        except OSError as error:
            self._end(error)
        else:
            self._written()

    def _written(self) -> None:
        waits = self._octets.waiting > 0
        if self._finishing and not waits:
            self._end(None)
        else:
            self._poll_for(self._events | POLLOUT if waits else self._events & ~POLLOUT)

    def _poll_for(self, events: int) -> None:
        if events != self._events and self.fd >= 0:
            self._events = events
            self._loop.modify(self.fd, events)

    def _end(self, error: OSError | None) -> None:
        self.close()
        self.on_end(error)
