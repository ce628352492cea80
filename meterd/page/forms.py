"""The fields of a request: of its query, of a form in its body, plain or multipart (RFC 7578), of JSON.

Bounds: MOST_FIELDS of MAX_VALUE characters; the body is bounded by the server. Dirt: broken escapes stay as they are,
a form without its boundary has no fields.
"""

from __future__ import annotations

from ..gateway.json_text import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ports.http_server import Request

MOST_FIELDS = 32
MAX_VALUE = 1024
_HEX = frozenset("0123456789abcdefABCDEF")


def unquoted(text: str) -> str:
    """`%41` and `+` resolved; what is no UTF-8 then becomes a mark."""
    first, *rest = text.replace("+", " ").split("%")
    out = bytearray(first.encode("utf-8", "replace"))
    for piece in rest:
        if len(piece) >= 2 and _HEX.issuperset(piece[:2]):
            out.append(int(piece[:2], 16))
            out += piece[2:].encode("utf-8", "replace")
        else:
            out += b"%" + piece.encode("utf-8", "replace")
    return out.decode("utf-8", "replace")


def query(text: str) -> dict[str, str]:
    """Of `a=1&b=2`; the first of each name."""
    found: dict[str, str] = {}
    for pair in text.split("&")[:MOST_FIELDS]:
        name, equals, value = pair.partition("=")
        if equals:
            found.setdefault(unquoted(name), unquoted(value)[:MAX_VALUE])
    return found


def form(request: Request) -> dict[str, str]:
    """The fields of the query and of a form in the body."""
    found = query(request.query)
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        found.update(query(request.body.decode("ascii", "replace")))
    elif kind.startswith("multipart/form-data"):
        boundary = _parameter(kind, "boundary")
        if boundary:
            found.update(_multipart(request.body, boundary.encode("latin-1", "replace")))
    return found


def json_object(request: Request) -> dict[str, object]:
    """The body's JSON object; empty where it is something else."""
    try:
        found = loads(request.body.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _parameter(header: str, name: str) -> str:
    for piece in header.split(";")[1:]:
        key, _, value = piece.strip().partition("=")
        if key.lower() == name:
            return value.strip('"')
    return ""


def _multipart(body: bytes, boundary: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in body.split(b"--" + boundary)[1 : MOST_FIELDS + 1]:
        head, blank, content = part.partition(b"\r\n\r\n")
        if not blank:
            continue
        for line in head.split(b"\r\n"):
            text = line.decode("utf-8", "replace")
            if text.lower().startswith("content-disposition:"):
                name = _parameter(text, "name")
                if name:
                    found.setdefault(name, content.removesuffix(b"\r\n").decode("utf-8", "replace")[:MAX_VALUE])
    return found
