"""Taking out what comes back of what was sent.

Optical heads and two-wire converters return every byte that is sent, before the answer, in pieces of any size, and at
times late. Only a full echo is taken out: an answer that merely begins like the request is an answer. A single
character is no echo worth taking out, for ACK and NAK may come back as a meter's own answer.
"""

from __future__ import annotations

# More than this is not expected back at a time, however much is sent without listening.
MAX_ECHO = 4096


class Echo:
    """`expected` may come back still; `held` has come and may be the beginning of it."""

    __slots__ = ("expected", "held")

    def __init__(self) -> None:
        self.expected = b""
        self.held = b""

    def forget(self) -> None:
        self.expected = self.held = b""

    def sent(self, data: bytes) -> None:
        """From now on `data` may come back, behind what is still to come of what was sent just before."""
        if len(data) < 2:
            self.forget()
        elif 0 < len(self.expected) < MAX_ECHO:
            self.expected = self.expected[len(self.held) :] + data
            self.held = b""
        else:
            self.expected = data

    def strip(self, data: bytes) -> bytes:
        """What of `data` is no echo, as far as can be told yet."""
        expected = self.expected
        if self.held:
            data = self.held + data
        if data.startswith(expected):
            self.expected = self.held = b""
            return data[len(expected) :]
        if expected.startswith(data):
            self.held = data
            return b""
        self.expected = self.held = b""
        return data

    def give_up(self) -> bytes:
        """Time is over: what was held is no echo after all."""
        held = self.held
        self.forget()
        return held
