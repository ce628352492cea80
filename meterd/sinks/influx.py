"""Readings to InfluxDB: what may be configured, and the sink opened.

The parts: `batches` and `batch_thread` (a server may hang; nothing is forgotten before it has it), `influx_lines` (line
protocol), `influx_http` (one request after another, every refusal in words).
Why http.client of Python's own library: urllib3 costs 6 MB of memory more, requests 10 (docs/figures.md), and what
they add is not needed for one address and one kind of request.
"""

from __future__ import annotations

from .. import log
from ..parameters import BOOLEAN, BOTH, INTEGER, STRING, Parameter
from .batches import BatchSink, pace
from .influx_lines import FLOAT, INTEGERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..ports._loop import Loop

MAX_TEXT = 255
MAX_PATH = 4095
MAX_SECRET = 4096
V1, V2 = "v1", "v2"
GATHER_MS = 1000
SCHEMES = ("http://", "https://")


def _url(value: str) -> str:
    """Scheme, host and port; a path only where the server lies behind another one."""
    scheme = next((one for one in SCHEMES if value.lower().startswith(one)), "")
    rest = value[len(scheme) :].rstrip("/")
    host = rest.partition("/")[0].rpartition("]")[2].partition(":")
    if not scheme or not rest or set(rest) & set("@?#\\") or not rest.isascii() or not rest.isprintable():
        raise ValueError("http://HOST:PORT or https://HOST:PORT; user, password and token have names of their own")
    if " " in rest or (host[1] and not (host[2].isdigit() and 0 < int(host[2]) < 65536)):
        raise ValueError("http://HOST:PORT or https://HOST:PORT, without blanks, the port 1 to 65535")
    return scheme + rest


def _measurement(value: str) -> str:
    bare = value.replace("{device}", "").replace("{signal}", "")
    if not bare.isprintable() or set(bare) & set("{}\\") or value[0] in "#_":
        raise ValueError("a name in which {device} and {signal} may stand, not beginning with # or _")
    return value


def _name(value: str) -> str:
    if not value.isprintable():
        raise ValueError("text without control characters")
    return value


def _word(value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("letters, digits and signs of ASCII without blanks")
    return value


def _text(name: str, help: str, high: int = MAX_TEXT, **columns: Any) -> Parameter:
    return Parameter(name, STRING, help, high=high, origin="meterd", **columns)


def _choice(name: str, help: str, default: str, choices: tuple[str, ...]) -> Parameter:
    return Parameter(name, STRING, help, default=default, choices=choices, origin="meterd")


def _switch(name: str, help: str) -> Parameter:
    return Parameter(name, BOOLEAN, help, default=False, origin="meterd")


PARAMETERS = (
    _text("url", "The server: http://HOST:PORT; without a port 8086, https 443", low=8, check=_url, **BOTH),
    _choice("api", "v1: /write with a database; v2: /api/v2/write with a bucket and a token", V1, (V1, V2)),
    _text("database", "v1: the database, which must be there", low=1, check=_name),
    _text("retention_policy", "v1: the retention policy; absent: the database's own", check=_name),
    _text("user", "v1: user name", check=_name),
    _text("password", "v1: password", MAX_SECRET, secret=True, blanks=True),
    _text("bucket", "v2: the bucket, which must be there", low=1, check=_name),
    _text("org", "v2: the organisation; InfluxDB 3 needs none", check=_name),
    _text("token", "v2: a token that may write there", MAX_SECRET, secret=True, check=_word),
    _text("ca_file", "https: certificates of those who may sign the server's; absent: the system's", MAX_PATH),
    _text("measurement", "Name of the measurement", default="meterd", low=1, check=_measurement),
    _text("gateway", "A tag of this name on every point, for several gateways in one database", check=_name),
    _choice(
        "integers",
        "Whole numbers as InfluxDB's float, as all others; or as its integer, each signal in a measurement of its own",
        FLOAT,
        INTEGERS,
    ),
    _switch("states", "Also what each device says of itself: _connected, _reason and so on"),
    _switch("compress", "Send packed (gzip)"),
    Parameter("timeout_s", INTEGER, "Longest wait for the server, s", default=10, low=1, high=300, origin="meterd"),
    *pace(GATHER_MS),
)  # fmt: skip


def agree(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """What does not go together: parameter and why."""
    wrong = []
    own = {V1: ("database", "retention_policy", "user", "password"), V2: ("bucket", "org", "token")}
    api = parameters["api"]
    other = V2 if api == V1 else V1
    wrong += [(name, f"belongs to api {other}") for name in own[other] if parameters[name]]
    wrong += [(name, f"is needed with api {api}") for name in own[api][:1] if not parameters[name]]
    if parameters["password"] and not parameters["user"]:
        wrong.append(("password", "needs a user"))
    if parameters["ca_file"] and not parameters["url"].startswith("https"):
        wrong.append(("ca_file", "needs a url that begins with https"))
    if parameters["integers"] != FLOAT and not {"{device}", "{signal}"} <= _fields(parameters["measurement"]):
        wrong.append(("integers", "needs {device} and {signal} in measurement: one field has one type in InfluxDB"))
    return wrong


def _fields(template: str) -> set[str]:
    return {field for field in ("{device}", "{signal}") if field in template}


def open_sink(parameters: dict[str, Any], loop: Loop) -> BatchSink:
    from .influx_http import Server
    from .influx_lines import Writer

    for name in ("password", "token"):
        if parameters[name]:
            log.hide((parameters[name].encode(),))
    server = Server(parameters, Writer(parameters))
    return BatchSink(server.name, parameters, loop, server)
