"""`meterd import`, `meterd export`, `meterd template`: the WCC Lite's workbook to configuration, and back.

All or nothing, as on a WCC Lite: one error, and nothing is written; but every error is told, with sheet and cell.
"""

from __future__ import annotations

import json
import os
import sys

from ..config.files import load
from ..config.source import Given, Source, part_of
from ..daemon.mistakes import unreadable
from ..errors import ConfigError, needs
from ..protocols import registry
from .exit_codes import NOTHING_TO_RUN, OK
from .options import CONFIG, FLAG, HELP, VALUE, Option, UsageError, parse, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..config.validation import Row
    from ..config.workbook.source import Workbook
    from .options import Arguments

FOLDER = Option(("-o", "--output"), VALUE, "folder for the configuration; default: this one", "DIR")
ONLY_CHECK = Option(("--check",), FLAG, "say what is wrong and what would change; write nothing")
FILE = Option(("-o", "--output"), VALUE, "write this workbook", "FILE.xlsx")
# command → (operands, what it does, options)
COMMANDS = {
    "import": (
        "FILE.xlsx [-o DIR]",
        "Checks a workbook (sheets Devices and Signals…) and writes DIR/FILE.json; nothing if anything is wrong.",
        (FOLDER, ONLY_CHECK, HELP),
    ),
    "export": (
        "FILE… -o FILE.xlsx",
        "Writes the devices and signals of configuration files as a workbook.",
        (CONFIG, FILE, HELP),
    ),
    "template": (
        "[PROTOCOL…] -o FILE.xlsx",
        "Writes an empty workbook with drop-downs, ranges and notes, for all protocols or those named.",
        (FILE, HELP),
    ),
}
LACKING = "workbooks need openpyxl: pip install 'meterd[workbook]'; on OpenWrt the package meterd-import"
MAX_NAMED = 10


def main(words: list[str]) -> int:
    operands, about, options = COMMANDS[words[0]]
    arguments = parse(words[1:], options)
    if arguments.has("help"):
        print(usage(f"meterd {words[0]}", operands, about, options))
        return OK
    try:
        return {"import": _import, "export": _export, "template": _template}[words[0]](arguments)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "openpyxl" and not (error.name or "").startswith(
            "meterd.config.workbook"
        ):
            raise
        raise ConfigError("", LACKING) from None


# ---- import


def _import(arguments: Arguments) -> int:
    if len(arguments.operands) != 1:
        raise UsageError("name one workbook")
    from ..config.workbook.source import Workbook
    from ..config.workbook.writing import write_whole

    path = arguments.operands[0]
    folder = arguments.value("output") or "."
    target = os.path.join(folder, os.path.basename(path).rpartition(".")[0] + ".json")
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ConfigError(folder, "is no folder")
    before = _before(target)
    source = Workbook(path, folder)
    errors = _errors(source, before.get("ports", {}))
    for warning in source.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    if errors:
        print(f"{len(errors)} {'error' if len(errors) == 1 else 'errors'}; nothing is written", file=sys.stderr)
        return NOTHING_TO_RUN
    after = {**before, **source.content}
    for line in _changes(before, after):
        print(line, file=sys.stderr)
    if not arguments.has("check"):
        os.makedirs(folder, exist_ok=True)
        write_whole(target, as_text(after).encode())
        print(f"{target}: devices {len(after['devices'])}, signals {len(after['signals'])}", file=sys.stderr)
    return OK


def _before(target: str) -> Row:
    """What an earlier import left there; its parts that no workbook has are kept."""
    if not os.path.exists(target):
        return {}
    source = Source(target, careful=True)
    if source.errors() or not source.readable:
        told = source.errors()
        raise ConfigError("", f"{told[0] if told else target}; it is not replaced: mend it, or move it away")
    return dict(source.content)


def _errors(source: Workbook, ports: Row) -> list[ConfigError]:
    """Everything that is wrong; what is doubtful is added to the source's warnings."""
    unmapped = {} if "ports" in source.content else _unmapped(source, ports)
    mapped = [] if "ports" in source.content else [Given({"ports": {**unmapped, **ports}})]
    if unmapped:
        source.warnings.append(
            f"{', '.join(unmapped)}: no device node is known here: a sheet Ports (port, node) would name it, or "
            '"ports" in a file beside this one'
        )
    configuration = load([source, *mapped], careful=True)
    errors = list(configuration.errors)
    if errors and source.readable:  # what only drivers can tell of the other rows
        configuration = load([source.sound_rows(), *mapped], careful=True)
    errors += unreadable(configuration)
    source.warnings += configuration.warnings
    return errors


def _unmapped(source: Workbook, ports: Row) -> dict[str, str]:
    """PORT1 and the like that rows name: a WCC Lite knows them by itself. Here they stand for nodes of that name."""
    known = {name.upper() for name in ports}
    names = {str(row.get("device", "")).strip().upper() for row in part_of(source, "devices")}
    found = sorted(name for name in names if name[:4] == "PORT" and name[4:].isdecimal() and name not in known)
    return {name: f"/dev/{name}" for name in found}


def _changes(before: Row, after: Row) -> list[str]:
    """What the new rows change about those that were there, by alias; and aliases that pass to another meter."""
    old, new = ({row.get("device_alias"): row for row in content.get("devices", [])} for content in (before, after))
    if not before:
        return []
    lines = []
    for word, aliases in (
        ("added", [alias for alias in new if alias not in old]),
        ("removed", [alias for alias in old if alias not in new]),
        ("changed", [alias for alias in new if alias in old and new[alias] != old[alias]]),
    ):
        if aliases:
            more = ", …" if len(aliases) > MAX_NAMED else ""
            lines.append(f"devices {word}: {len(aliases)} ({', '.join(map(str, aliases[:MAX_NAMED]))}{more})")
    for alias, row in new.items():
        for name in ("serial_number", "serialnumber", "id", "address"):
            was = old.get(alias, {}).get(name)
            if was is not None and row.get(name) is not None and str(row[name]) != str(was):
                lines.append(
                    f"warning: {alias} is another meter now ({name} {was} before, {row[name]} now): same alias"
                )
    counts = [sum(1 for _ in content.get("signals", [])) for content in (before, after)]
    if before.get("signals") != after.get("signals"):
        lines.append(f"signals: {counts[0]} before, {counts[1]} now")
    return lines


def as_text(content: dict[str, Any]) -> str:
    """JSON with a line for each row, so that what changed can be seen line by line."""
    parts = []
    for name, part in content.items():
        if isinstance(part, list) and part:
            rows = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in part)
            parts.append(f" {json.dumps(name)}: [\n{rows}\n ]")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(part, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


# ---- export and template


def _export(arguments: Arguments) -> int:
    paths = arguments.values("config") + arguments.operands
    if not paths:
        raise UsageError("name the configuration files")
    target = _target(arguments)
    from ..config.workbook.writing import exported, write_whole

    sources = [Source(path, careful=True) for path in paths]
    configuration = load(sources, careful=True)
    for error in configuration.errors:
        print(f"error: {error}", file=sys.stderr)
    if configuration.errors:
        print("nothing is written", file=sys.stderr)
        return NOTHING_TO_RUN
    content: dict[str, Any] = {"devices": [], "signals": [], "ports": {}}
    for source in sources:
        content["devices"] += part_of(source, "devices")
        content["signals"] += part_of(source, "signals")
        content["ports"] |= part_of(source, "ports")
        left = [name for name in source.content if name not in content and source.content[name]]
        if left:
            print(f"{source.path}: no workbook has {', '.join(left)}: left out", file=sys.stderr)
    write_whole(target, exported(content))
    print(f"{target}: devices {len(content['devices'])}, signals {len(content['signals'])}", file=sys.stderr)
    return OK


def _template(arguments: Arguments) -> int:
    target = _target(arguments)
    from ..config.workbook.writing import template, write_whole

    packages = []
    for name in arguments.operands:
        package = registry.PROGRAMS.get(name.lower()) or registry.find(name)
        if package is not None and not registry.is_installed(package):
            raise ConfigError("", needs(f"protocol {name}", registry.brought_by(package)))
        if package is None:
            raise UsageError(f"{name!r} is no protocol here: {', '.join(registry.PROGRAMS)}")
        packages.append(package)
    if os.path.exists(target):
        raise ConfigError(target, "is there already, and a template would replace it: name another file")
    write_whole(target, template(packages))
    print(f"{target}: fill Devices and Signals, then meterd import {target} -o DIR", file=sys.stderr)
    return OK


def _target(arguments: Arguments) -> str:
    target = arguments.value("output")
    if not target or not target.endswith(".xlsx"):
        raise UsageError("name the workbook to write: -o FILE.xlsx")
    return target
