"""What must never be shown, taken out of text and bytes in one pass.

The problem: with thousands of ciphered meters there are ten thousand secrets, and to look for each of them in each line
makes a log line dearer with every meter. Here a line is walked once, and only secrets that begin as it goes on from
there are held against it.
Dirt it must survive: secrets that contain one another (the longest is masked first), and such of one character.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    # How secrets begin → their length, the longest first → those of that length.
    _Secrets = dict[Any, dict[int, set[Any]]]

LEAST_TEXT = 3  # no sentence would survive that a secret of one or two characters is taken out of it
MASK = "***"


class Masks:
    """Secrets, and what is shown instead of them."""

    __slots__ = ("_octets", "_texts")

    def __init__(self) -> None:
        self._octets: _Secrets = {}  # by the first octet
        self._texts: _Secrets = {}  # by the first three characters

    def hide(self, secrets: Iterable[bytes]) -> None:
        """Never show these again: as octets, as text, or in hex."""
        for secret in secrets:
            if not secret:
                continue
            _add(self._octets, secret, 1)
            if len(secret) >= LEAST_TEXT:
                for shown in (secret.decode("utf-8", "replace"), secret.hex(), secret.hex(" ")):
                    _add(self._texts, shown, LEAST_TEXT)
                    _add(self._texts, shown.upper(), LEAST_TEXT)

    def text(self, text: str) -> str:
        """Each secret becomes three asterisks, whatever its length."""
        pieces = _split(text, self._texts, LEAST_TEXT)
        return MASK.join(kept for kept, _ in pieces) if pieces else text

    def octets(self, data: bytes) -> bytes:
        """Each octet of a secret becomes an asterisk: what stands behind it keeps its place."""
        pieces = _split(data, self._octets, 1)
        return b"".join(kept + b"*" * size for kept, size in pieces) if pieces else data


def _add(secrets: _Secrets, secret: Any, width: int) -> None:
    by_length = secrets.setdefault(secret[:width], {})
    if len(secret) not in by_length:
        by_length[len(secret)] = set()
        secrets[secret[:width]] = by_length = dict(sorted(by_length.items(), reverse=True))
    by_length[len(secret)].add(secret)


def _split(text: Any, secrets: _Secrets, width: int) -> list[tuple[Any, int]]:
    """What stands before each secret, with that one's length; 0 behind the last. Empty where there is no secret."""
    pieces: list[tuple[Any, int]] = []
    at = begin = 0
    while secrets and at < len(text):
        size = _secret_at(text, at, secrets.get(text[at : at + width]))
        if size:
            pieces.append((text[begin:at], size))
            begin = at + size
        at += size or 1
    return [*pieces, (text[begin:], 0)] if pieces else []


def _secret_at(text: Any, at: int, by_length: dict[int, set[Any]] | None) -> int:
    """The length of the secret that begins there, or 0."""
    if by_length is not None:
        for size, known in by_length.items():
            if text[at : at + size] in known:
                return size
    return 0
