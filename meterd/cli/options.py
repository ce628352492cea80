"""Reads a command line of a few options; the modules made for it cost a gateway more than the whole start-up may."""

from __future__ import annotations

from ..errors import MeterdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FLAG, VALUE, LIST = "flag", "value", "list"


class UsageError(MeterdError):
    """The command line is wrong; the message says what, in one sentence."""


class Option:
    """`names` such as ('-c', '--config'); `kind` FLAG, VALUE or LIST (takes all operands up to the next option)."""

    __slots__ = ("help", "kind", "metavar", "names")

    def __init__(self, names: tuple[str, ...], kind: str, help: str, metavar: str = "") -> None:
        self.names = names
        self.kind = kind
        self.help = help
        self.metavar = metavar

    def key(self) -> str:
        return self.names[-1].lstrip("-")


class Arguments:
    """What was given: `get(key)` → str, list of str, True, or None; `operands` the rest in order."""

    __slots__ = ("_values", "operands")

    def __init__(self, values: dict[str, list[str]], operands: list[str]) -> None:
        self._values = values
        self.operands = operands

    def has(self, key: str) -> bool:
        return key in self._values

    def count(self, key: str) -> int:
        """How often a flag was given."""
        return len(self._values.get(key, []))

    def value(self, key: str) -> str | None:
        values = self._values.get(key)
        return values[-1] if values else None

    def values(self, key: str) -> list[str]:
        return self._values.get(key, [])

    def number(self, key: str, default: int) -> int:
        """Raises: UsageError where the value is no whole number."""
        value = self.value(key)
        if value is None:
            return default
        if not value.isdigit():
            raise UsageError(f"--{key} takes a whole number, not {value!r}")
        return int(value)


def parse(arguments: Sequence[str], options: Sequence[Option]) -> Arguments:
    """Short options may carry their value attached (`-d7`) and stand together (`-rf`), long ones have it behind `=`.

    Raises: UsageError.
    """
    by_name = {name: option for option in options for name in option.names}
    values: dict[str, list[str]] = {}
    operands: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            operands += rest
            break
        if not word.startswith("-") or word == "-":
            operands.append(word)
            continue
        option, attached = _find(word, by_name)
        given = values.setdefault(option.key(), [])
        if option.kind == FLAG:
            given.append("")
            if attached and word.startswith("--"):
                raise UsageError(f"{option.names[0]} takes no value")
            if attached:  # `-rfd7`: the next of several
                rest.insert(0, f"-{attached}")
            continue
        if not attached and (not rest or rest[0].startswith("-")):
            raise UsageError(f"{option.names[0]} needs {option.metavar}")
        given.append(attached or rest.pop(0))
        while option.kind == LIST and rest and not rest[0].startswith("-"):
            given.append(rest.pop(0))
    return Arguments(values, operands)


def shard_number(arguments: Arguments) -> str:
    """Of `--shard 3/16`, or of a mere 3, the 3; '' without it. Raises: UsageError."""
    text = arguments.value("shard")
    if text is None:
        return ""
    number, slash, count = text.partition("/")
    if not (number.isdigit() and (count.isdigit() or not slash)):
        raise UsageError(f"--shard takes the number of a shard, such as 3 or 3/16, not {text!r}")
    if slash and not 1 <= int(number) <= int(count):
        raise UsageError(f"--shard {text}: {count} shards are numbered 1 to {count}")
    return number


def _find(word: str, by_name: dict[str, Option]) -> tuple[Option, str]:
    name, _, attached = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
    if name not in by_name:
        from difflib import get_close_matches

        near = get_close_matches(name, by_name, 1)
        raise UsageError(f"there is no option {name}" + (f"; {near[0]} perhaps?" if near else ""))
    return by_name[name], attached


def usage(program: str, operands: str, about: str, options: Sequence[Option]) -> str:
    """The text of --help."""
    rows = [
        (", ".join(option.names) + (f" {option.metavar}" if option.metavar else ""), option.help) for option in options
    ]
    width = max((len(row[0]) for row in rows), default=0)
    lines = [f"usage: {program} {operands}".rstrip(), "", about, ""]
    return "\n".join(lines + [f"  {left:<{width}}  {right}" for left, right in rows])


HELP = Option(("-h", "--help"), FLAG, "show this help")
VERSION = Option(("-V", "--version"), FLAG, "show the version")
CONFIG = Option(("-c", "--config"), LIST, "configuration files; several are joined", "FILE…")
DEBUG = Option(("-d", "--debug"), VALUE, "how much to say: 0 emergencies … 5 notices (default) … 7 everything", "LEVEL")
VERBOSE = Option(("-v", "--verbose"), FLAG, "say more; twice: everything")
JSON = Option(("--json",), FLAG, "print the answer as JSON")
PORT = Option(("-p", "--port"), VALUE, "show output for one port only", "PORT")
RAW = Option(("-r", "--raw"), FLAG, "show raw telegrams as they pass")
FRAMES = Option(("-f", "--frame"), FLAG, "show frames as they are decoded")
READY = Option(("-R", "--readyfile"), VALUE, "write this file when ready", "FILE")
RECORD = Option(("--record",), VALUE, "write a wire log, secrets masked", "FILE")
STATE = Option(("--state",), VALUE, "directory for what must survive a restart", "DIR")
SYSLOG = Option(("--syslog",), FLAG, "log to syslog instead of stderr")
SHARD = Option(("--shard",), VALUE, "one of several daemons that share a configuration, such as 3/16", "NUMBER/COUNT")
CONTROL = Option(("--control",), VALUE, "the daemon's control socket", "PATH")
STOPPED = Option(("--stopped",), LIST, "protocols that wait for `meterd start PROTOCOL`", "PROTOCOL…")
