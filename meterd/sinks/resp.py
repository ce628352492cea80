"""Requests and replies of Redis, as far as one needs who only tells it things (RESP2, redis.io/docs "protocol spec").

A request is an array of bulk strings. Replies are taken apart as they come, cut anywhere; of those to what meterd asks
each is one line, and a bulk string or an array, which only something else than Redis would answer, ends it.
Bounds: MAX_LINE bytes of a line that has no end yet.
"""

from __future__ import annotations

from ..errors import Garbled

MAX_LINE = 4096


def request(*words: str) -> bytes:
    """One command."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode("utf-8", "backslashreplace")
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class Replies:
    """`take(data)` returns the replies that are whole by now: '' where it was carried out, else the error's text."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[str]:
        """Raises: Garbled where these are no replies."""
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        if len(self._rest) > MAX_LINE or any(len(line) > MAX_LINE for line in lines):
            raise Garbled("a reply without an end")
        return [_meaning(line) for line in lines]


def _meaning(line: bytes) -> str:
    kind, text = line[:1], line[1:].decode("utf-8", "replace")
    if kind == b"+" or (kind == b":" and text.lstrip("-").isdigit()):
        return ""
    if kind == b"-" and text:
        return text
    raise Garbled(f"no reply of Redis: {line[:40]!r}")
