"""The `publish` part of the configuration: which sinks there are, by the tables that they declare themselves.

`{"stdout": "json", "file": {"path": …, "format": "lines"}, "socket": {"path": …}, "events": {"path": …, "size": …},
"status_interval_s": 60}`. Where no sink is named, readings leave as JSON lines on stdout.
"""

from __future__ import annotations

from ..errors import ConfigError
from ..parameters import INTEGER, Parameter
from ..sinks import registry
from .source import part_of
from .validation import Table, did_you_mean, is_comment, read_value, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .json_places import Steps
    from .source import Source
    from .validation import Complain, Row

GENERAL = (
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


def read_publish(found: Any, complain: Complain) -> dict[str, Any]:
    """Every sink's checked parameters by its name (None: no such sink), and `status_interval_s`.

    `complain` gets names such as `file.path`.
    """
    given: dict[str, Any] = found if isinstance(found, dict) else {}
    if found is not None and not isinstance(found, dict):
        complain(None, f"found {shown(found)}, allowed: an object")
    publish: dict[str, Any] = {}
    for parameter in GENERAL:
        value = given.get(parameter.name)
        publish[parameter.name] = parameter.default if value is None else read_value(parameter, value, complain)
    for name in registry.SINKS:
        publish[name] = _sink(name, given.get(name, {} if name in registry.UNASKED else None), complain)
    known = [*registry.SINKS, *(parameter.name for parameter in GENERAL)]
    for name in given:
        if name not in known and not is_comment(name):
            complain(name, f"is not known here{did_you_mean(name, known)}")
    ways_out = [name for name in registry.SINKS if name not in registry.NO_WAY_OUT and publish[name] is not None]
    if not ways_out:
        name, value = registry.DEFAULT
        publish[name] = value
    for name in ways_out:
        if publish[name] == "none":
            publish[name] = None
    _listen_apart(publish, complain)
    return publish


def published(sources: list[Source]) -> tuple[dict[str, Any], bool]:
    """The sinks of all files, each of which may be given once, and whether all that is said of them is in order."""
    together: Row = {}
    owner: dict[str, Source] = {}
    sound = True

    def wrong(source: Source, steps: Steps, place: str, message: str) -> None:
        nonlocal sound
        sound = False
        source.faults.append((("publish", *steps), place, message))

    def complain(name: str | None, message: str) -> None:
        # `file.path` stands in the part `file`; a name with a point of its own is unknown as a whole.
        name = name or ""
        steps = (name,) if name in owner else tuple(name.split(".", 1))
        wrong(owner[steps[0]], steps, f"publish, parameter {name}", message)

    for source in sources:
        for name, value in part_of(source, "publish").items():
            if name in together:
                wrong(source, (name,), f"publish.{name}", f"is given in {owner[name].path} already")
            together[name] = value
            owner[name] = source
        sound &= isinstance(source.content.get("publish", {}), dict)
    return read_publish(together, complain), sound


def _listen_apart(publish: dict[str, Any], complain: Complain) -> None:
    if publish["page"] and publish["metrics"]:
        from ..sinks.metrics import meeting  # of the package that both are made with

        for name, other, port in meeting(publish, 1):
            complain(f"{name}.port", f"found {port}, where {other} listens: give one of the two another port")


def _sink(name: str, found: Any, complain: Complain) -> Any:
    """One sink's parameters, or the one value of a sink that has only that."""
    if found is None:
        return None
    try:
        sink = registry.table(name)
    except ConfigError as error:
        complain(name, error.message)
        return None
    if registry.is_short(name, sink):
        return read_value(sink.PARAMETERS[0], found, complain)
    if not isinstance(found, dict):
        complain(name, f"found {shown(found)}, allowed: an object")
        return None

    complaints = 0

    def within(parameter: str | None, message: str) -> None:
        nonlocal complaints
        complaints += 1
        complain(f"{name}.{parameter}" if parameter else name, message)

    values = Table(sink.PARAMETERS).read(found, False, "", within)
    agree = getattr(sink, "agree", None)
    if agree is not None and not complaints:
        for parameter, message in agree(values):
            within(parameter, message)
    return values
