"""`meterd check`: validates configuration and profile files, prints the former as they take effect, secrets masked.

It says what `meterd run` would say, in the same sentences, and ends with 3 where that one would.
"""

from __future__ import annotations

import json
import os
import sys

from ..config.effective import effective
from ..config.files import load
from ..config.profiles import Profiles, package_of
from ..config.source import Source
from ..daemon.mistakes import nothing_to, unreadable
from ..daemon.sharing import shortage
from ..errors import ConfigError
from ..log import printable
from ..protocols import registry
from ..sinks import registry as sinks
from .exit_codes import NOTHING_TO_RUN, OK
from .options import CONFIG, FLAG, HELP, JSON, SHARD, Option, UsageError, parse, usage
from .run import shard_named

WORKBOOK = ".xlsx"
QUIET = Option(("-q", "--quiet"), FLAG, "only say what is wrong")
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..config.files import Configuration

OPTIONS = (CONFIG, QUIET, JSON, SHARD, HELP)


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd check", "FILE…", "Validates configuration; exit code 3 if anything is wrong.", OPTIONS))
        return OK
    paths = arguments.values("config") + arguments.operands
    if not paths:
        raise UsageError("name the configuration files; - is standard input")
    if len(paths) == 1 and paths[0].lower().endswith(WORKBOOK) and not arguments.has("json"):
        from .workbook import main as workbook

        return workbook(["import", "--check", paths[0]])
    profiles = {path: package for path in paths if os.path.isfile(path) and (package := package_of(path)) is not None}
    configuration = load([Source(path, careful=True) for path in paths if path not in profiles], careful=True)
    configuration.warnings += shortage(configuration.devices) + _of_sinks(configuration.publish)
    errors = [*configuration.errors, *unreadable(configuration), *_profile_errors(configuration, profiles)]
    takes_effect = len(profiles) < len(paths) and (configuration.devices or not errors)
    if takes_effect and not configuration.devices:
        errors.append(ConfigError("", nothing_to("run", configuration)))
    shard = shard_named(arguments.value("shard"))
    errors += shard.checked(configuration) if shard is not None else []
    shown = effective(configuration) if takes_effect and not arguments.has("quiet") else None
    if arguments.has("json"):
        _print_json(errors, configuration.warnings, shown)
    else:
        _print_words(errors, configuration, shown)
    return NOTHING_TO_RUN if errors else OK


def _of_sinks(publish: dict[str, Any]) -> list[str]:
    """What they say at their start of what is allowed and yet rarely meant."""
    told: list[str] = []
    for name, parameters in publish.items():
        if name in sinks.SINKS and parameters is not None:
            told += getattr(sinks.table(name), "doubts", lambda parameters: [])(parameters)
    return told


def _print_json(errors: list[ConfigError], warnings: list[str], shown: Any) -> None:
    told = [{"place": error.place, "message": error.message} for error in errors]
    print(_json({"errors": told, "warnings": warnings, "configuration": shown}))


def _json(content: Any) -> str:
    """As people write it, but for what a terminal would obey or nobody see."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def _print_words(errors: list[ConfigError], configuration: Configuration, shown: Any) -> None:
    for error in errors:
        print(printable(f"error: {error}"), file=sys.stderr)
    for warning in configuration.warnings:
        print(printable(f"warning: {warning}"), file=sys.stderr)
    if shown is not None:
        print(_json(shown))
    wrong = sum(bool(error.place) for error in errors)
    if wrong:
        print(f"{wrong} {'error' if wrong == 1 else 'errors'}; {_consequence(configuration, wrong)}", file=sys.stderr)


def _profile_errors(configuration: Configuration, profiles: dict[str, str]) -> list[ConfigError]:
    """What is wrong with the profile files named, and with all others of the protocols that are configured."""
    look = Profiles(careful=True)
    for path, package in profiles.items():
        look.load(package, os.path.abspath(path))
    configured = {device.protocol for device in configuration.devices} | configuration.broken
    for package in filter(registry.is_installed, sorted(configured)):
        if hasattr(registry.tables(package), "profile_faults"):
            look.check_all(package)
    told = {str(error) for error in configuration.errors}
    return [error for error in look.errors if str(error) not in told]


def _consequence(configuration: Configuration, wrong: int) -> str:
    if configuration.broken:
        names = sorted(registry.program(package) for package in configuration.broken)
        return f"these protocols would not start: {', '.join(names)}"
    return f"what {'it concerns' if wrong == 1 else 'they concern'} would not be read"
