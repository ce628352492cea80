"""`meterd read`: one scan of meters, from a configuration or described by parameters; an exit code that tells why it
failed.

On a terminal a table, else one JSON line per reading. A device described on the command line has no number types: a
value that is no number is read once more as text.
"""

from __future__ import annotations

import sys

from .. import log
from .._clock import wall_clock_ms
from ..config.command_line import ALIAS, make_configuration
from ..errors import ConfigError
from ..protocols import registry
from ..sinks.hub import Hub
from .beginning import say_problems, set_up_log, state_directory
from .described import plain_plan, read_once
from .exit_codes import FAILED, OK, READ_FAILED
from .options import (
    CONFIG,
    DEBUG,
    FRAMES,
    HELP,
    JSON,
    PORT,
    RAW,
    RECORD,
    STATE,
    VERBOSE,
    Option,
    UsageError,
    parse,
    usage,
)
from .printing import Printer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..config.files import Configuration
    from .options import Arguments

TROUBLE = [READ_FAILED[reason] for reason in READ_FAILED if reason not in ("type", "not_found", "clock")]
AS_JSON = Option(JSON.names, JSON.kind, "JSON lines on a terminal, too")
OPTIONS = (CONFIG, AS_JSON, DEBUG, VERBOSE, PORT, RAW, FRAMES, RECORD, STATE, HELP)
OPERANDS = "(-c FILE… [-- DEVICE [SIGNAL…]] | PROTOCOL parameter=value… -- ADDRESS…)"
ABOUT = (
    "Scans once: a table on a terminal, else one JSON line per reading. Without a file the device is described by the\n"
    "parameters of its table: meterd read dlms ip=192.0.2.7 port=4059 -- 1.0.1.8.0.255\nExit codes: 0 all good, "
)


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        codes = ", ".join(f"{code} {reason}" for reason, code in READ_FAILED.items())
        print(usage("meterd read", OPERANDS, ABOUT + codes, OPTIONS))
        return OK
    described = not arguments.has("config")
    set_up_log(arguments, log.ERROR if described else log.NOTICE)
    configuration = _described(words, arguments) if described else _configured(arguments)
    say_problems(configuration)
    printer = _printer_for(arguments)
    printer.holds_texts = described
    code = _scan(configuration, arguments, printer)
    if printer.texts:  # what is no number
        for signals in configuration.signals.values():
            signals[:] = [signal for signal in signals if signal.alias in printer.texts]
            for signal in signals:
                signal.parameters = {**signal.parameters, "number_type": "STRING"}
        printer.holds_texts = False
        code = _scan(configuration, arguments, printer)
    printer.done()
    if described and code in TROUBLE:
        described_by = arguments.operands[: len(arguments.operands) - len(_addresses(words))]
        print(f"`meterd doctor {_retold(described_by)}` says why", file=sys.stderr)
    return code


def _printer_for(arguments: Arguments) -> Printer:
    """A table on a terminal, unless JSON is asked for."""
    if arguments.has("json") or not sys.stdout.isatty():
        return Printer()
    from .reading_table import TablePrinter

    return TablePrinter()


def _retold(described_by: list[str]) -> str:
    """The same words for another command, to be shown: what is secret is for the person to put in again."""
    secret = {
        name
        for parameter in registry.tables(registry.PROGRAMS[described_by[0]]).DEVICE
        if parameter.secret
        for name in (parameter.name, *parameter.aliases)
    }
    shown = []
    for word in described_by:
        name, equals, _ = word.partition("=")
        shown.append(f"{name}=…" if equals and name in secret else word)
    return " ".join(shown)


def _scan(configuration: Configuration, arguments: Arguments, printer: Printer) -> int:
    hub = Hub([printer], wall_clock_ms)
    state = state_directory(arguments, brief=True)
    described = None if arguments.has("config") else plain_plan(configuration, arguments)
    if described is None:
        from .configured import read_all

        code = read_all(configuration, arguments, printer, hub, state)
    else:
        code = read_once(*described, configuration.ports, state, printer, hub)
    hub.close()
    if state.folder is not None:
        state.folder.release()
    if code is not None:
        return code
    return OK if printer.reason is None and printer.count else READ_FAILED.get(printer.reason or "", FAILED)


def _configured(arguments: Arguments) -> Configuration:
    from .configured import chosen  # a device that is described does without

    return chosen(arguments)


def _described(words: list[str], arguments: Arguments) -> Configuration:
    """The device and the addresses on the command line. Raises: ConfigError, every mistake; UsageError."""
    operands = arguments.operands
    programs = ", ".join(registry.PROGRAMS)
    if not operands or operands[0] not in registry.PROGRAMS:
        raise UsageError(f"say what to read: -c FILE, or a protocol and its parameters: {programs}")
    addresses = _addresses(words)
    if not addresses:
        raise UsageError(
            f"say which addresses to read, behind --; `meterd scan {_retold(operands)}` shows what the meter has"
        )
    given = {}
    for word in operands[1 : len(operands) - len(addresses)]:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"{word!r} is not parameter=value; addresses stand behind --")
        given[name] = value
    configuration = make_configuration(operands[0], given, addresses, log.enabled(log.WARNING))
    if configuration.errors:
        told = [str(error) for error in configuration.errors]
        raise ConfigError("", "\n".join(one.partition(f", device {ALIAS}, ")[2] or one for one in told))
    return configuration


def _addresses(words: list[str]) -> list[str]:
    return words[words.index("--") + 1 :] if "--" in words else []
