"""Requests that only their sender can have made, and that are done once.

A request is `{"body": "…", "mac": "…"}`; the body is JSON in text, the mac HMAC-SHA256 (RFC 2104, FIPS 180-4) in hex of
what it is for, the gateway's name and the body, under this gateway's own key. So neither a broker nor whoever has taken
it over can ask anything, and what was meant for one gateway is nothing to another. The body holds `n`, which rises from
request to request (the sender's clock in ms will do): the last one is on record before anything is done, and what is
not above it is a repeat. Answers are signed in the same way, for another purpose.
The dirt: anything at all on the topic. What is not signed gets no answer: who could not sign is told nothing.
"""

from __future__ import annotations

import hmac

from ..gateway.json_text import dumps, encode, loads
from ..paths import read_up_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_REQUEST = 300_000  # bytes; a configuration fits
KEY_OCTETS = 32
HIGHEST = (1 << 53) - 1
REQUEST, ANSWER = "meterd request", "meterd answer"


class Refused(Exception):
    """A request of the right sender that is not done; why in words."""


class Unsigned(Exception):
    """Whoever sent it has not shown that he may; why in words, for the log alone."""


def read_key(path: str) -> bytes:
    """The key of a file: 64 hexadecimal digits. Raises: ValueError, OSError."""
    text = read_up_to(path, 200).decode("ascii", "replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_OCTETS:
        raise ValueError(f"{path}: a key is {2 * KEY_OCTETS} hexadecimal digits: openssl rand -hex {KEY_OCTETS}")
    return key


def mac(key: bytes, purpose: str, gateway: str, body: str) -> str:
    return hmac.new(key, encode(f"{purpose}\0{gateway}\0{body}"), "sha256").hexdigest()


def sealed(key: bytes, purpose: str, gateway: str, content: dict[str, Any]) -> bytes:
    body = dumps(content)
    return encode(dumps({"body": body, "mac": mac(key, purpose, gateway, body)}))


def opened(key: bytes, purpose: str, gateway: str, payload: bytes) -> dict[str, Any]:
    """The content of a sealed message. Raises: Unsigned."""
    if len(payload) > MAX_REQUEST:
        raise Unsigned(f"{len(payload)} bytes, and {MAX_REQUEST} are the most")
    envelope = _object(payload)
    body, shown = envelope.get("body"), envelope.get("mac")
    if not isinstance(body, str) or not isinstance(shown, str):
        raise Unsigned("no body and mac")
    if not hmac.compare_digest(mac(key, purpose, gateway, body).encode(), encode(shown)):
        raise Unsigned("the mac does not fit: another key, another gateway, or somebody tries")
    content = _object(encode(body))
    if not content:
        raise Unsigned("the body is no JSON object")
    return content


def _object(data: bytes) -> dict[str, Any]:
    try:
        content = loads(data)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


class Numbers:
    """The number of the last request, on record before that is done. `put` writes it for good, or says why not."""

    def __init__(self, path: str, put: Callable[[str, bytes], str]) -> None:
        self._path = path
        self._put = put

    def last(self) -> int:
        """Raises: Refused where it is not known, for then a repeat could not be told."""
        try:
            text = read_up_to(self._path, 32).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise Refused(f"{self._path}: {error.strerror}; without it nothing is done") from None
        if not text.isdigit():
            raise Refused(f"{self._path} is damaged; without it nothing is done: write the last number there by hand")
        return int(text)

    def spend(self, number: object) -> None:
        """Raises: Refused."""
        if type(number) is not int or not 0 < number <= HIGHEST:
            raise Refused("n: allowed: a whole number that rises with each request, 1 to 2^53 - 1")
        last = self.last()
        if number <= last:
            raise Refused(f"n: found {number}, and {last} was done already: it rises with each request")
        cause = self._put(self._path, f"{number}\n".encode())
        if cause:
            raise Refused(f"{self._path}: {cause}; nothing is done that is not on record")
