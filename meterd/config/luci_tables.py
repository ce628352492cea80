"""The parameter tables for LuCI's forms: `python -m meterd.config.luci_tables` writes luci-app-meterd's tables.js.

A parameter that several protocols have is one field there, with a row for each way in which their tables tell of it;
where the same words hold for several protocols the row stands once. Made from the tables that check the configuration,
so a form asks for nothing else; tests/unit/test_luci.py says when it has to be made anew.
"""

from __future__ import annotations

from ..protocols import registry
from .reference import TITLES
from .uci import NAMED
from .validation import names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..parameters import Parameter

PLACE = "openwrt/luci-app-meterd/htdocs/luci-static/resources/meterd/tables.js"
FILE_HELP = "A file that holds it, in place of the parameter itself"
HEAD = """\
'use strict';
'require baseclass';

/* Made from meterd's parameter tables by `python -m meterd.config.luci_tables`; do not edit. */

return baseclass.extend("""


def tables() -> dict[str, Any]:
    """What tables.js holds."""
    packages = registry.installed()
    return {
        "protocols": {name: package for name, package in registry.PROTOCOL_NAMES.items() if package in packages},
        "titles": {package: TITLES[package] for package in packages},
        "device": _fields((package, registry.tables(package).DEVICE) for package in packages),
        "signal": _fields((package, registry.tables(package).SIGNAL) for package in packages),
    }


def _fields(of_packages: Iterable[tuple[str, Iterable[Parameter]]]) -> list[dict[str, Any]]:
    fields: dict[str, dict[str, Any]] = {}
    for package, parameters in of_packages:
        for parameter in parameters:
            _add(fields, package, parameter)
    return list(fields.values())


def _add(fields: dict[str, dict[str, Any]], package: str, parameter: Parameter) -> None:
    name = parameter.name
    known = {name for names in NAMED.values() for name in names}
    field = fields.setdefault(name, {"name": name, "named": name in known, "secret": False, "also": [], "variants": []})
    field["secret"] = field["secret"] or parameter.secret
    field["also"] += [other for other in names_of(parameter)[1:] if other not in field["also"]]
    row = _row(parameter)
    for variant in field["variants"]:
        if all(variant[key] == value for key, value in row.items()):
            variant["protocols"].append(package)
            break
    else:
        field["variants"].append({"protocols": [package], **row})
    if parameter.secret:
        other = type(parameter)(f"{name}_file", "string", FILE_HELP)
        _add(fields, package, other)


def _row(parameter: Parameter) -> dict[str, Any]:
    return {
        "kind": parameter.kind,
        "help": parameter.help,
        "low": _bound(parameter.low),
        "high": _bound(parameter.high),
        "choices": list(parameter.choices) or None,
        "default": parameter.default,
        "tcp": parameter.required_tcp,
        "serial": parameter.required_serial,
    }


def _bound(number: int | None) -> int | str | None:
    """JavaScript's numbers hold no more than 53 bits; what has more is a text there."""
    return number if number is None or abs(number) < 1 << 53 else str(number)


def text() -> str:
    """The whole of tables.js."""
    import json

    return HEAD + json.dumps(tables(), indent="\t") + ");\n"


def main() -> None:
    from pathlib import Path

    (Path(__file__).parents[2] / PLACE).write_text(text(), encoding="ascii")


if __name__ == "__main__":
    main()
