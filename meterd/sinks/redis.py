"""Readings to a Redis server as on a WCC Lite: what may be configured, and the sink opened.

The WCC Lite's manual (1.4.0, page 128): every signal has a key `tag/<device_alias>/<signal_alias>/<direction>` with the
last `value,ms,flags`; direction `rin` is the value as the meter gave it, `out` as it leaves the gateway. Whether its
programs read the key, the channel of that name, or both, it does not tell; so both are written.
Why not the redis package: its import costs more memory than the rest of meterd (docs/figures.md); what is needed of the
protocol is a page (`resp`).
"""

from __future__ import annotations

from ..parameters import BOOLEAN, BOTH, INTEGER, STRING, Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..ports._loop import Loop
    from .redis_sink import RedisSink

MAX_TEXT = 255
MAX_PASSWORD = 4096
MAX_SOCKET_PATH = 107
RAW, RECALCULATED = "rin", "out"
_DIRECTIONS = {RAW: (RAW,), RECALCULATED: (RECALCULATED,), "both": (RAW, RECALCULATED)}


def _place(value: str) -> str:
    if "://" in value or (not value.startswith("/") and (value.count(":") == 1 or any(map(str.isspace, value)))):
        raise ValueError(
            "an address, a name, or the path of a socket: no redis://; port, user and password have names of their own"
        )
    return value


def _prefix(value: str) -> str:
    if not value.isprintable() or any(letter.isspace() for letter in value):
        raise ValueError("text without blanks, such as tag")
    return value


def _text(name: str, help: str, high: int = MAX_TEXT, **columns: Any) -> Parameter:
    return Parameter(name, STRING, help, high=high, origin="meterd", **columns)


PARAMETERS = (
    _text("host", "The server's name or address, or the path of its Unix socket", low=1, check=_place, **BOTH),
    Parameter("port", INTEGER, "Its TCP port", default=6379, low=1, high=65535, origin="meterd"),
    _text("user", "User name (Redis 6 and later)"),
    _text("password", "Password", MAX_PASSWORD, secret=True, blanks=True),
    Parameter("database", INTEGER, "Number of the database", default=0, low=0, high=65535, origin="meterd"),
    _text("prefix", "How every key begins", 64, default="tag", low=1, check=_prefix),
    Parameter(
        "direction",
        STRING,
        "How keys end: rin, the value as the meter gave it; out, as it leaves; or both",
        default=RAW,
        choices=tuple(_DIRECTIONS),
        origin="meterd",
    ),
    Parameter(
        "publish",
        BOOLEAN,
        "Publish each value on the channel of the key's name, too",
        default=True,
        origin="meterd",
    ),
)


def agree(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """What does not go together: parameter and why."""
    wrong = []
    if parameters["user"] and not parameters["password"]:
        wrong.append(("user", "needs a password"))
    if parameters["host"].startswith("/") and len(parameters["host"].encode()) > MAX_SOCKET_PATH:
        wrong.append(("host", f"is too long for a socket's path, allowed: {MAX_SOCKET_PATH} bytes"))
    return wrong


def open_sink(parameters: dict[str, Any], loop: Loop) -> RedisSink:
    from .redis_sink import RedisSink

    return RedisSink(parameters, _DIRECTIONS[parameters["direction"]], loop)
