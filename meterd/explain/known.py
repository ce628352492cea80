"""What later frames need of earlier ones: keys, system titles, and messages of which only a part has come.

Keys are held here and shown nowhere. Bounds: a message that is joined has at most MAX_JOINED bytes.
"""

from __future__ import annotations

MAX_JOINED = 1 << 20
MAX_TITLES = 16


class Known:
    """`key`, `authentication_key` of the meter or b""; `dedicated` of the association, once it was heard."""

    def __init__(self, key: bytes = b"", authentication_key: bytes = b"", title: bytes = b"") -> None:
        self.key = key
        self.authentication_key = authentication_key
        self.dedicated = b""
        self.titles: list[bytes] = [title] if title else []
        self.identity: bytes | None = None  # of an M-Bus meter whose short headers follow
        self._parts: dict[str, bytes] = {}

    def heard_title(self, title: bytes) -> None:
        """A system title that may have made the initialisation vector of what follows; the last one first."""
        if len(title) == 8:
            self.titles = [title, *(other for other in self.titles if other != title)][:MAX_TITLES]

    def join(self, of: str, part: bytes) -> bytes:
        """What has come of a message, with this part at its end."""
        self._parts[of] = (self._parts.get(of, b"") + part)[:MAX_JOINED]
        return self._parts[of]

    def joined(self, of: str) -> bool:
        return of in self._parts

    def forget(self, of: str) -> None:
        self._parts.pop(of, None)
