"""One row of configuration held against the table that declares it.

Every value is checked, and every fault is kept with where it stands; nothing stops at the first. Wordings live here
too: what was found (never a secret), what is allowed, and the nearest known name.
"""

from __future__ import annotations

from ..paths import join, read_up_to
from .nearest import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..parameters import Parameter

    Row = dict[str, Any]
    # (parameter or None for the row itself, what is wrong)
    Complain = Callable[[str | None, str], None]

MAX_SHOWN = 60
MAX_SEEN = 64
MAX_SECRET_FILE = 4096
# Set over TCP, these are ignored, wrong or not: an old workbook carries both.
SERIAL_ONLY = frozenset(("device", "flowcontrol", "serial_close_delay"))
# So are these where they are wrong; else they say how the line behind a converter is.
LINE_FORMAT = frozenset(("baudrate", "databits", "stopbits", "parity"))
_ABSENT = (None, "")


class Table:
    """A protocol's Device or Signal table, ready for many rows.

    A row in order is read straight: its own cells over a copy of the defaults. Any other is gone through again, one
    parameter after the other, for all that is to be said. Of each parameter the first `MAX_SEEN` good texts are
    remembered: a thousand rows hold few different cells, and what they share is then also kept once.
    """

    __slots__ = ("_by_name", "_defaults", "_required", "_seen", "known", "parameters")

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self.known = {name for parameter in self.parameters for name in names_of(parameter)}
        self._by_name = {parameter.name: parameter for parameter in self.parameters}
        required = {
            True: [parameter.name for parameter in self.parameters if parameter.required_tcp],
            False: [parameter.name for parameter in self.parameters if parameter.required_serial],
        }
        defaults = {parameter.name: parameter.default for parameter in self.parameters if not parameter.seldom}
        # By whether it is read over TCP. What must be given has no default, so that its absence shows.
        self._required = required
        self._defaults = {over_tcp: {**defaults, **dict.fromkeys(names)} for over_tcp, names in required.items()}
        self._seen: dict[str, dict[str, Any]] = {parameter.name: {} for parameter in self.parameters}

    def read(self, row: Row, over_tcp: bool, directory: str, complain: Complain) -> Row:
        """Every parameter's value, defaults filled in; None stands where it is missing, wrong, or has no default.

        Only those that are `seldom` given are not there at all.
        """
        values = self.straight(row, over_tcp)
        return self._thoroughly(row, over_tcp, directory, complain) if values is None else values

    def straight(self, row: Row, over_tcp: bool) -> Row | None:
        """The values of a row in which there is nothing to complain about; None of any other."""
        by_name, all_seen = self._by_name, self._seen
        values = self._defaults[over_tcp].copy()
        for name, found in row.items():
            parameter = by_name.get(name)
            if parameter is None:
                if is_comment(name):
                    continue
                return None  # an older name, a file with a secret, or a slip
            if found is None or found == "" or (over_tcp and name in SERIAL_ONLY):
                continue
            seen = all_seen[name]
            value = seen.get(found) if type(found) is str else None
            if value is None:
                value = _lenient(parameter, found, over_tcp)
                if value is _WRONG:
                    return None
                if type(found) is str and len(seen) < MAX_SEEN:
                    seen[found] = value
            values[name] = value
        for name in self._required[over_tcp]:
            if values[name] is None:
                return None
        return values

    def _thoroughly(self, row: Row, over_tcp: bool, directory: str, complain: Complain) -> Row:
        values: Row = {}
        for parameter in self.parameters:
            name = parameter.name
            found = row.get(name)
            if found in _ABSENT and (parameter.aliases or parameter.secret):
                found = _otherwise(parameter, row, directory, complain)
            if found is _WRONG:
                values[name] = None
            elif found in _ABSENT or (over_tcp and name in SERIAL_ONLY):
                if not parameter.seldom:
                    values[name] = parameter.default
                if parameter.required_tcp if over_tcp else parameter.required_serial:
                    transport = "" if parameter.required_tcp == parameter.required_serial else _over(over_tcp)
                    allowed = parameter.allowed()
                    allowed += f" ({parameter.help})" if allowed == "text" else ""
                    complain(name, f"is missing{transport}, allowed: {allowed}")
            elif over_tcp and name in LINE_FORMAT:
                values[name] = _lenient(parameter, found, over_tcp)
            else:
                values[name] = read_value(parameter, found, complain)
        if not row.keys() <= self.known:
            self._refuse_unknown(row, complain)
        return values

    def _refuse_unknown(self, row: Row, complain: Complain) -> None:
        for name in row:
            if name not in self.known and not is_comment(name):
                complain(name, f"is not known here{did_you_mean(name, self.known)}")


_WRONG = object()  # stands for a value that has been complained about already, or is to be


def _lenient(parameter: Parameter, found: Any, over_tcp: bool) -> Any:
    """The value of a cell; where it is wrong, _WRONG, or the default of what counts on serial lines."""
    try:
        return parameter.read(found)
    except ValueError:
        return parameter.default if over_tcp and parameter.name in LINE_FORMAT else _WRONG


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
        content = read_up_to(path, MAX_SECRET_FILE + 1)
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


def cell(row: Row, name: str) -> str:
    """An identifying cell as text, so that a row with a wrong one can still be named."""
    found = row.get(name)
    if type(found) is str:
        return found.strip()
    return str(found).strip() if isinstance(found, (str, int, float)) else ""


def is_over_tcp(row: Row, protocol: str) -> bool:
    """Either of ip and port set, or a protocol that is TCP by its name, makes all serial settings void."""
    return bool(cell(row, "ip")) or cell(row, "port") not in ("", "0") or protocol.lower().endswith(" tcp")


def _without_login(text: str) -> str:
    """user:password@host, with a scheme or without, as people write it where a host is wanted: no password is shown."""
    login, at, host = text.rpartition("@")
    scheme, sign, rest = login.rpartition("://")
    return f"{scheme}{sign}***@{host}" if at and ":" in rest else text


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
    text = _without_login(str(found))
    if len(text) > MAX_SHOWN:
        text = text[:MAX_SHOWN] + "…"
    return f'"{text}"' if isinstance(found, str) else text
