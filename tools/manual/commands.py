"""What each command says of itself, as data: the man page and the completions are made of the very rows of `--help`.

A command hands its operands, its text and its options to `meterd.cli.options.usage`, and nowhere else are they held
together: a table of all commands in the program would cost every gateway flash. So each is asked for its help with a
`usage` that keeps what it is given. That must stand in its place before a command's module is imported, so this is for
a process of its own.
"""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from importlib import import_module
from typing import NamedTuple

from meterd.cli import options
from meterd.cli.main import COMMANDS
from meterd.protocols import registry

FIRST_ASKED = "meterd.cli.check"


class Command(NamedTuple):
    name: str  # as typed: "meterd read", "dlms"
    summary: str  # one line
    operands: str
    about: str
    options: tuple[options.Option, ...]


def commands() -> list[Command]:
    """Every command of `meterd`, then the debug programs. Raises: RuntimeError where their help was imported before."""
    if FIRST_ASKED in sys.modules:
        raise RuntimeError("the commands were imported before their help could be heard")
    heard: list[tuple[str, str, str, tuple[options.Option, ...]]] = []

    def usage(program: str, operands: str, about: str, rows: tuple[options.Option, ...]) -> str:
        heard.append((program, operands, about, tuple(rows)))
        return ""

    options.usage = usage  # type: ignore[assignment]
    found = []
    for name, (module, summary) in COMMANDS.items():
        _ask(import_module(f"meterd.cli.{module}").main, [name, "--help"])
        found.append(Command(heard[-1][0], summary, *heard[-1][1:]))
    programs = import_module("meterd.cli.protocol_program")
    for program in sorted(registry.PROGRAMS):
        entry = getattr(programs, program.replace("-", "_"), None)
        if entry is not None:
            sys.argv = [program, "--help"]
            _ask(lambda _words, entry=entry: entry(), [])
            found.append(Command(heard[-1][0], "one protocol alone, in the foreground", *heard[-1][1:]))
    return found


def _ask(main, words: list[str]) -> None:  # type: ignore[no-untyped-def]
    with redirect_stdout(io.StringIO()):
        main(words)


def programs() -> list[str]:
    """What stands for PROTOCOL on the command line."""
    return sorted(registry.PROGRAMS)


def parameters(program: str) -> list[str]:
    """The names that `parameter=value` may have for a protocol, secrets left to their files."""
    rows = registry.tables(registry.PROGRAMS[program]).DEVICE
    return sorted({row.name + ("_file" if row.secret else "") for row in rows})
