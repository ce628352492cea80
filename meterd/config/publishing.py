"""The `publish` part of the configuration: which sinks there are, by the same tables as everything else.

`{"stdout": "json", "file": {"path": …, "format": "lines"}, "socket": {"path": …}, "events": {"path": …, "size": …},
"status_interval_s": 60}`. Where no sink is named, readings leave as JSON lines on stdout.
"""

from __future__ import annotations

from ..parameters import BOTH, INTEGER, STRING, Parameter
from .validation import Table, did_you_mean, is_comment, read_value, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .validation import Complain, Row

FORMATS = ("json", "lines")
MAX_SOCKET_PATH = 107  # sockaddr_un holds 108 bytes, the last of them 0

GENERAL = (
    Parameter(
        "stdout",
        STRING,
        "Readings on standard output: JSON lines, WCC Lite lines, or none (the default where another sink is named)",
        choices=(*FORMATS, "none"),
        origin="meterd",
    ),
    Parameter(
        "status_interval_s",
        INTEGER,
        "How often the whole status of every device is published, s; changes are published at once",
        default=60,
        low=1,
        high=86400,
        origin="meterd",
    ),
)
SECTIONS = {
    "file": (
        Parameter("path", STRING, "File that readings are appended to", low=1, high=4095, origin="meterd", **BOTH),
        Parameter("format", STRING, "JSON or WCC Lite lines", default="json", choices=FORMATS, origin="meterd"),
    ),
    "socket": (
        Parameter(
            "path",
            STRING,
            "Local Unix socket that streams readings as msgpack maps",
            low=1,
            high=MAX_SOCKET_PATH,
            origin="meterd",
            **BOTH,
        ),
    ),
    "events": (
        Parameter("path", STRING, "File of the event log; absent: in memory only", high=4095, origin="meterd"),
        Parameter("size", INTEGER, "Events kept, of all signals", default=1000, low=1, high=100000, origin="meterd"),
    ),
}


def read_publish(found: Any, complain: Complain) -> dict[str, Any]:
    """Every sink's checked parameters by its name (None: no such sink), and `status_interval_s`.

    `complain` gets names such as `file.path`.
    """
    given: Row = found if isinstance(found, dict) else {}
    if found is not None and not isinstance(found, dict):
        complain(None, f"found {shown(found)}, allowed: an object")
    publish: dict[str, Any] = {}
    for parameter in GENERAL:
        value = given.get(parameter.name)
        publish[parameter.name] = parameter.default if value is None else read_value(parameter, value, complain)
    for name, parameters in SECTIONS.items():
        # The event log needs no configuration: `log` > 0 is enough.
        publish[name] = _section(name, parameters, given.get(name, {} if name == "events" else None), complain)
    known = [*SECTIONS, *(parameter.name for parameter in GENERAL)]
    for name in given:
        if name not in known and not is_comment(name):
            complain(name, f"is not known here{did_you_mean(name, known)}")
    if publish["stdout"] is None and not (publish["file"] or publish["socket"]):
        publish["stdout"] = "json"
    elif publish["stdout"] == "none":
        publish["stdout"] = None
    return publish


def _section(name: str, parameters: tuple[Parameter, ...], found: Any, complain: Complain) -> Row | None:
    if found is None:
        return None
    if not isinstance(found, dict):
        complain(name, f"found {shown(found)}, allowed: an object")
        return None

    def within(parameter: str | None, message: str) -> None:
        complain(f"{name}.{parameter}" if parameter else name, message)

    return Table(parameters).read(found, False, "", within)
