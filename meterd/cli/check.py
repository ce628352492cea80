"""`meterd check`: validates configuration files and prints them as they take effect, secrets masked."""

from __future__ import annotations

import sys

from ..config.effective import effective
from ..config.files import load
from ..errors import ConfigError
from ..protocols import registry
from .exit_codes import NOTHING_TO_RUN, OK
from .options import CONFIG, FLAG, HELP, Option, UsageError, parse, usage

QUIET = Option(("-q", "--quiet"), FLAG, "only say what is wrong")
OPTIONS = (CONFIG, QUIET, HELP)


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd check", "FILE…", "Validates configuration; exit code 3 if anything is wrong.", OPTIONS))
        return OK
    paths = arguments.values("config") + arguments.operands
    if not paths:
        raise UsageError("name the configuration files")
    configuration = load(paths, careful=True)
    errors = [*configuration.errors, *_unreadable(configuration)]
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    for warning in configuration.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if not arguments.has("quiet"):
        import json

        print(json.dumps(effective(configuration), indent=2, ensure_ascii=False))
    if errors:
        print(
            f"{len(errors)} {'error' if len(errors) == 1 else 'errors'}; {_consequence(configuration)}", file=sys.stderr
        )
        return NOTHING_TO_RUN
    return OK


def _unreadable(configuration) -> list[ConfigError]:  # type: ignore[no-untyped-def]
    """What only the drivers can tell: parameters that do not go together, signals that cannot be read so."""
    errors = []
    for device in configuration.devices:
        try:
            plan = registry.driver(device.protocol).plan(device, configuration.signals.get(device.alias, []))
        except ConfigError as error:
            errors.append(error if error.place else ConfigError(device.place or device.alias, error.message))
            continue
        errors += [ConfigError(signal.place or signal.alias, message) for signal, message in plan.refused]
    return errors


def _consequence(configuration) -> str:  # type: ignore[no-untyped-def]
    if configuration.broken:
        return f"these protocols would not start: {', '.join(sorted(configuration.broken))}"
    return "what they concern would not be read"
