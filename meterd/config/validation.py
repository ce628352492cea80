"""One row of configuration held against the table that declares it.

Every value is checked, and every fault is kept with where it stands; nothing stops at the first. Wordings live here
too: what was found (never a secret), what is allowed, and the nearest known name.
"""

from __future__ import annotations

from ..paths import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..parameters import Parameter

    Row = dict[str, Any]
    # (parameter or None for the row itself, what is wrong)
    Complain = Callable[[str | None, str], None]

MAX_SHOWN = 60
MAX_SEEN = 4096
MAX_SECRET_FILE = 4096
# Set over TCP, these are ignored, wrong or not: an old workbook carries both.
SERIAL_ONLY = ("device", "baudrate", "databits", "stopbits", "parity", "flowcontrol", "serial_close_delay")
_ABSENT = (None, "")


class Table:
    """A protocol's Device or Signal table, ready for many rows.

    Texts that were found good are remembered, `MAX_SEEN` of them: a thousand rows hold few different cells, and what
    they share is then also kept once.
    """

    __slots__ = ("_seen", "known", "parameters")

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self.known = {name for parameter in self.parameters for name in names_of(parameter)}
        self._seen: dict[tuple[str, str], Any] = {}

    def read(self, row: Row, over_tcp: bool, directory: str, complain: Complain) -> Row:
        """Every parameter's value, defaults filled in; None stands where it is missing, wrong, or has no default."""
        values: Row = {}
        for parameter in self.parameters:
            name = parameter.name
            found = row.get(name)
            if found in _ABSENT and (parameter.aliases or parameter.secret):
                found = _otherwise(parameter, row, directory, complain)
            if found is _WRONG:
                values[name] = None
            elif found in _ABSENT or (over_tcp and name in SERIAL_ONLY):
                values[name] = parameter.default
                if parameter.required_tcp if over_tcp else parameter.required_serial:
                    transport = "" if parameter.required_tcp == parameter.required_serial else _over(over_tcp)
                    complain(name, f"is missing{transport}, allowed: {parameter.allowed()}")
            elif type(found) is str:
                values[name] = self._text(parameter, found, complain)
            else:
                values[name] = read_value(parameter, found, complain)
        if not row.keys() <= self.known:
            self._refuse_unknown(row, complain)
        return values

    def _text(self, parameter: Parameter, found: str, complain: Complain) -> Any:
        key = (parameter.name, found)
        value = self._seen.get(key)
        if value is None:
            value = read_value(parameter, found, complain)
            if value is not None and len(self._seen) < MAX_SEEN:
                self._seen[key] = value
        return value

    def _refuse_unknown(self, row: Row, complain: Complain) -> None:
        for name in row:
            if name not in self.known and not is_comment(name):
                complain(name, f"is not known here{did_you_mean(name, self.known)}")


_WRONG = object()  # stands for a value that has been complained about already


def _over(over_tcp: bool) -> str:
    return " (required over TCP)" if over_tcp else " (required on a serial line)"


def names_of(parameter: Parameter) -> tuple[str, ...]:
    """Under which names a value may be given."""
    names = (parameter.name, *parameter.aliases)
    return (*names, parameter.name + "_file") if parameter.secret else names


def is_comment(name: str) -> bool:
    """Names that begin so are left to whoever writes the file."""
    return name[:1] in ("_", "#", "")


def read_value(parameter: Parameter, found: Any, complain: Complain) -> Any:
    """The value, or None and a complaint."""
    try:
        return parameter.read(found)
    except ValueError as error:
        allowed = str(error)
        if parameter.secret and isinstance(found, (str, int)) and str(found):
            allowed = allowed.replace(str(found), "***")
        hint = ""
        if parameter.choices and isinstance(found, str):
            hint = did_you_mean(found, map(str, parameter.choices))
        complain(parameter.name, f"found {shown(found, parameter.secret)}, allowed: {allowed}{hint}")
        return None


def _otherwise(parameter: Parameter, row: Row, directory: str, complain: Complain) -> Any:
    """The value under an older name, or out of the file that `<name>_file` names."""
    for alias in parameter.aliases:
        if row.get(alias) not in _ABSENT:
            return row[alias]
    if not parameter.secret or row.get(parameter.name + "_file") in _ABSENT:
        return None
    name = parameter.name + "_file"
    path = join(directory, str(row[name]))
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_SECRET_FILE + 1)
        secret = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        complain(name, f'found "{path}", whose content is no text')
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        complain(name, f'found "{path}", which cannot be read: {cause}')
    else:
        if secret and len(content) <= MAX_SECRET_FILE:
            return secret
        fault = "is too long" if secret else "is empty"
        complain(name, f'found "{path}", which {fault}')
    return _WRONG


def shown(found: Any, secret: bool = False) -> str:
    """What was found, in words fit for a log."""
    if secret:
        return "a value"
    if isinstance(found, dict):
        return "an object"
    if isinstance(found, list):
        return "a list"
    if found is None or isinstance(found, bool):
        return {None: "null", True: "true", False: "false"}[found]
    text = str(found)
    if len(text) > MAX_SHOWN:
        text = text[:MAX_SHOWN] + "…"
    return f'"{text}"' if isinstance(found, str) else text


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, if any is near."""
    from difflib import get_close_matches  # dear to import, and needed only to word an error

    by_lower = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), by_lower, 1, 0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean {near}?" if near else ""
