"""The parameter tables as a reference (docs/parameters.md) and as a JSON Schema: `python -m meterd.config.reference`.

Both come from the tables that check the configuration, so they cannot say anything else. The schema describes the plain
form of a file, for editors: numbers as numbers, choices spelled as in the tables. What meterd reads is wider: numbers
as text, decimal commas, any case.
"""

from __future__ import annotations

from ..parameters import BOOLEAN, INTEGER, Parameter
from ..protocols import registry
from ..sinks import registry as sinks
from .publishing import GENERAL
from .validation import names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Schema = dict[str, Any]

INTRODUCTION = """\
# Parameters

Made from the tables in the program by `python -m meterd.config.reference > docs/parameters.md`; do not edit.

A configuration file is `{"devices": [ … ], "signals": [ … ], "ports": { … }, "publish": { … }}`. Names are as in the
manual of the WCC Lite where the origin is `seed`; those of origin `meterd` are additions. Names that begin with `_` or
`#` are comments. Numbers may be text, choices may be in any case. A secret may also come from a file, which
`<name>_file` names. Where `ip` and `port` are given the serial settings are ignored.

## ports

`{"PORT1": "/dev/ttyATH0", "PORT2": "/dev/ttyUSB0"}`: which device node each port name stands for.
"""
TITLES = {
    "iec62056_21": "IEC 62056-21",
    "dlms": "DLMS/COSEM",
    "mbus": "M-Bus",
    "elgama": "Elgama",
    "p1": "P1",
    "dlms_push": "DLMS push",
}
COLUMNS = ("Parameter", "Type", "Description", "Required", "Default", "Range", "Origin")

# By whether it is required over TCP, and on a serial line.
REQUIRED = {(True, True): "yes", (True, False): "over TCP", (False, True): "on a serial line", (False, False): "no"}


def spellings(package: str) -> list[str]:
    """What a device's `protocol` may say for this package."""
    return [name for name, found in registry.PROTOCOL_NAMES.items() if found == package]


def publishing() -> tuple[list[Parameter], dict[str, tuple[Parameter, ...]]]:
    """What stands under `publish` by itself, and the tables of the sinks of this installation that have more."""
    general, sections = [], {}
    for name in filter(sinks.is_installed, sinks.SINKS):
        sink = sinks.table(name)
        if sinks.is_short(name, sink):
            general += sink.PARAMETERS
        else:
            sections[name] = sink.PARAMETERS
    return [*general, *GENERAL], sections


# ---- Markdown


def markdown() -> str:
    """The whole of docs/parameters.md."""
    general, sections = publishing()
    parts = [INTRODUCTION, "## publish\n", _table(general)]
    for name, parameters in sections.items():
        parts += [f"### publish.{name}\n", _table(parameters)]
    for package in registry.installed():
        tables = registry.tables(package)
        names = ", ".join(f"`{name}`" for name in spellings(package))
        parts += [f"## {TITLES[package]}\n", f"`protocol`: {names}\n"]
        parts += ["### Devices\n", _table(tables.DEVICE), "### Signals\n", _table(tables.SIGNAL)]
    return "\n".join(parts)


def _table(parameters: Iterable[Parameter]) -> str:
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, parameters)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(parameter: Parameter) -> tuple[str, ...]:
    description = parameter.help.replace("|", "\\|")
    if parameter.aliases:
        description += f" (also {', '.join(f'`{alias}`' for alias in parameter.aliases)})"
    if parameter.secret:
        description += f" (secret; or `{parameter.name}_file`)"
    default = parameter.default
    return (
        f"`{parameter.name}`",
        parameter.kind,
        description,
        REQUIRED[parameter.required_tcp, parameter.required_serial],
        "" if default is None or default == "" else str(int(default)) if parameter.kind == BOOLEAN else str(default),
        _range(parameter),
        parameter.origin,
    )


def _range(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(map(str, parameter.choices))
    if parameter.kind == BOOLEAN:
        return "0, 1"
    if parameter.low is None and parameter.high is None:
        return ""
    low = "" if parameter.low is None else str(parameter.low)
    high = "" if parameter.high is None else str(parameter.high)
    return f"{low}…{high}" if parameter.kind == INTEGER else f"{low}…{high} characters"


# ---- JSON Schema


def schema() -> Schema:
    """A JSON Schema (2020-12) of a configuration file."""
    definitions: Schema = {}
    choices = []
    for package in registry.installed():
        tables = registry.tables(package)
        definitions[f"{package}-device"] = _object(tables.DEVICE)
        definitions[f"{package}-signal"] = _object(tables.SIGNAL)
        named = {"properties": {"protocol": {"enum": spellings(package)}}}
        choices.append({"if": named, "then": {"$ref": f"#/$defs/{package}-device"}})
    names = [name for package in registry.installed() for name in spellings(package)]
    device = {"type": "object", "properties": {"protocol": {"enum": names}}, "required": ["protocol"], "allOf": choices}
    signal = {"anyOf": [{"$ref": f"#/$defs/{package}-signal"} for package in registry.installed()]}
    general, sections = publishing()
    publish = _object(general)
    publish["properties"] |= {name: _object(parameters) for name, parameters in sections.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "meterd configuration",
        **_closed(
            {
                "devices": {"type": "array", "items": device},
                "signals": {"type": "array", "items": signal},
                "ports": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
                "publish": publish,
            }
        ),
        "$defs": definitions,
    }


def _closed(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": {"^[_#]": {}},
        "additionalProperties": False,
    }


def _object(parameters: Iterable[Parameter]) -> Schema:
    parameters = tuple(parameters)
    properties = {name: _value(parameter, name) for parameter in parameters for name in names_of(parameter)}
    found = _closed(properties)
    # What only one transport requires no schema can tell, for a device's transport is what its row says.
    required = [each.name for each in parameters if each.required_tcp and each.required_serial and not each.aliases]
    if required:
        found["required"] = required
    if "ip" in properties and "port" in properties:
        found["dependentRequired"] = {"ip": ["port"], "port": ["ip"]}
    return found


def _value(parameter: Parameter, name: str) -> Schema:
    found: Schema = {"description": parameter.help}
    if name != parameter.name and name not in parameter.aliases:
        return {**found, "type": "string", "minLength": 1}
    if parameter.default is not None:
        found["default"] = parameter.default
    if parameter.choices:
        return {**found, "enum": list(parameter.choices)}
    if parameter.kind == BOOLEAN:
        return {**found, "enum": [0, 1, False, True]}
    low, high = ("minimum", "maximum") if parameter.kind == INTEGER else ("minLength", "maxLength")
    found["type"] = parameter.kind
    if parameter.low is not None:
        found[low] = parameter.low
    if parameter.high is not None:
        found[high] = parameter.high
    return found


def main() -> None:
    """Print the reference, or with --schema the JSON Schema."""
    import json
    import sys

    if "--schema" in sys.argv[1:]:
        print(json.dumps(schema(), indent=2, ensure_ascii=False))
    else:
        print(markdown(), end="")


if __name__ == "__main__":
    main()
