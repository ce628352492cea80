"""One row of configuration held against the table that declares it.

Every value is checked, and every fault is kept with where it stands; nothing stops at the first. Wordings live here
too: what was found (never a secret), what is allowed, and the nearest known name.
"""

from __future__ import annotations

from ..parameters import RECALCULATED
from ..paths import join, read_up_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping
    from typing import Any

    from ..parameters import Parameter

    Row = dict[str, Any]
    # (parameter or None for the row itself, what is wrong)
    Complain = Callable[[str | None, str], None]
    _Mapping = Mapping[str, Any]
else:
    _Mapping = object

MAX_SHOWN = 60
MAX_SEEN = 64
MAX_ROWS = 256
MAX_SECRET_FILE = 4096
# Set over TCP, these are ignored, wrong or not: an old workbook carries both.
SERIAL_ONLY = frozenset(("device", "flowcontrol", "serial_close_delay"))
# So are these where they are wrong; else they say how the line behind a converter is.
LINE_FORMAT = frozenset(("baudrate", "databits", "stopbits", "parity"))
_ABSENT = (None, "")


class Shape:
    """What rows in which the same parameters are given have in common: where each value stands, and the defaults."""

    __slots__ = ("defaults", "names", "places", "recalculates")

    def __init__(self, names: tuple[str, ...], defaults: Row) -> None:
        self.names = names
        self.places = {name: place for place, name in enumerate(names)}
        self.defaults = defaults
        self.recalculates = not RECALCULATED.isdisjoint(names)  # of a signal: it does not leave as it comes


class Parameters(_Mapping):
    """The values of one row, which nobody changes: such as are not the default, and the defaults that all rows share.

    A site of thousands of meters holds little more of each so than what sets it apart. `shape.names` are those given.
    """

    __slots__ = ("_values", "shape")

    def __init__(self, shape: Shape, values: tuple[Any, ...]) -> None:
        self.shape = shape
        self._values = values

    def __getitem__(self, name: str) -> Any:
        shape = self.shape
        return self._values[shape.places[name]] if name in shape.places else shape.defaults[name]

    def get(self, name: str, otherwise: Any = None) -> Any:
        shape = self.shape
        return self._values[shape.places[name]] if name in shape.places else shape.defaults.get(name, otherwise)

    def __contains__(self, name: object) -> bool:
        return name in self.shape.defaults or name in self.shape.places

    def __iter__(self) -> Iterator[str]:
        return iter(self._together())

    def __len__(self) -> int:
        return len(self._together())

    def keys(self) -> KeysView[str]:
        return self._together().keys()

    def items(self) -> ItemsView[str, Any]:
        return self._together().items()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters):
            return NotImplemented
        if self.shape.names == other.shape.names and self._values == other._values:
            return self.shape is other.shape or self.shape.defaults == other.shape.defaults
        return self._together() == other._together()

    def _together(self) -> Row:
        return {**self.shape.defaults, **dict(zip(self.shape.names, self._values, strict=True))}


class Table:
    """A protocol's Device or Signal table, ready for many rows.

    A row in order is read straight: its own cells, and nothing of what they leave out. Any other is gone through again,
    one parameter after the other, for all that is to be said. Of each parameter the first `MAX_SEEN` good texts are
    remembered, and of rows the first `MAX_ROWS`: a thousand rows hold few different cells, and what they share is then
    also kept once. The column `apart` is not kept with a row's values: whoever holds them says it.
    """

    __slots__ = (
        "_apart", "_by_name", "_defaults", "_held", "_known", "_last", "_last_way", "_required", "_rows", "_seen",
        "_shapes", "parameters",
    )  # fmt: skip

    def __init__(self, parameters: Iterable[Parameter], apart: str = "") -> None:
        self.parameters = tuple(parameters)
        self._apart = apart
        self._by_name = {parameter.name: parameter for parameter in self.parameters}
        # By whether it is read over TCP, which most sites know in one way only (`_prepare`).
        self._required: dict[bool, list[str]] = {}
        self._defaults: dict[bool, Row] = {}
        self._held: dict[bool, Row] = {}  # the defaults of rows that are held
        self._seen: dict[bool, dict[str, dict[str, Any]]] = {}
        self._shapes: dict[tuple[bool, tuple[str, ...]], Shape] = {}
        self._rows: dict[Shape, dict[tuple[Any, ...], Parameters]] = {}
        self._last = Shape((), {})  # mostly one row is as the one before
        self._last_way: bool | None = None
        self._known: set[str] = set()

    def _prepare(self, over_tcp: bool) -> dict[str, dict[str, Any]]:
        """For the first row of its way. Returns: the cells that were seen, by the name of their column."""
        required = [p.name for p in self.parameters if (p.required_tcp if over_tcp else p.required_serial)]
        defaults = {parameter.name: parameter.default for parameter in self.parameters if not parameter.seldom}
        defaults |= dict.fromkeys(required)  # what must be given has no default, so that its absence shows
        self._required[over_tcp] = required
        self._defaults[over_tcp] = defaults
        self._held[over_tcp] = {name: value for name, value in defaults.items() if name != self._apart}
        seen = self._seen[over_tcp] = {parameter.name: {} for parameter in self.parameters}
        return seen

    def read(self, row: Row, over_tcp: bool, directory: str, complain: Complain) -> Row:
        """Every parameter's value, defaults filled in; None stands where it is missing, wrong, or has no default.

        Only those that are `seldom` given are not there at all.
        """
        given = self.straight(row, over_tcp)
        if given is None:
            return self._thoroughly(row, over_tcp, directory, complain)
        return {**self._defaults[over_tcp], **given}

    def kept(self, row: Row, over_tcp: bool, directory: str, complain: Complain) -> Parameters:
        """The same as it is held for good."""
        given = self.straight(row, over_tcp)
        if given is None:
            defaults, values = self._defaults[over_tcp], self._thoroughly(row, over_tcp, directory, complain)
            given = {name: value for name, value in values.items() if name not in defaults or value != defaults[name]}
        return self.shared(given, over_tcp)

    def shared(self, given: Row, over_tcp: bool) -> Parameters:
        """What `straight` gave, as it is held for good: one object for rows that are equal."""
        given.pop(self._apart, None)
        names, values = tuple(given), tuple(given.values())
        if names != self._last.names or over_tcp != self._last_way:
            self._last, self._last_way = self._shape(names, over_tcp), over_tcp
        shape = self._last
        rows = self._rows[shape]
        known = rows.get(values)
        if known is None:
            known = Parameters(shape, values)
            if len(rows) < MAX_ROWS:
                rows[values] = known
        return known

    def _shape(self, names: tuple[str, ...], over_tcp: bool) -> Shape:
        shape = self._shapes.get((over_tcp, names))
        if shape is None:
            shape = self._shapes[over_tcp, names] = Shape(names, self._held[over_tcp])
            self._rows[shape] = {}
        return shape

    def straight(self, row: Row, over_tcp: bool) -> Row | None:
        """What a row gives that is not the default, if there is nothing to complain about; None of any other row."""
        all_seen = self._seen.get(over_tcp)
        if all_seen is None:
            all_seen = self._prepare(over_tcp)
        given: Row = {}
        for name, found in row.items():
            seen = all_seen.get(name)
            if seen is None:
                if is_comment(name):
                    continue
                return None  # an older name, a file with a secret, or a slip
            value = seen.get(found) if type(found) is str else None
            if value is None:
                value = self._new(name, found, over_tcp, seen)
                if value is _WRONG:
                    return None
            if value is not _DEFAULT:
                given[name] = value
        for name in self._required[over_tcp]:
            if name not in given:
                return None
        return given

    def _new(self, name: str, found: Any, over_tcp: bool, seen: Row) -> Any:
        """The value of a cell that was not seen before; _DEFAULT where it need not be kept, or says nothing; _WRONG."""
        if found is None or found == "" or (over_tcp and name in SERIAL_ONLY):
            return _DEFAULT
        parameter, defaults = self._by_name[name], self._defaults[over_tcp]
        value = _lenient(parameter, found, over_tcp)
        if name in defaults and value == defaults[name]:
            value = _DEFAULT
        if type(found) is str and len(seen) < MAX_SEEN and value is not _WRONG:
            seen[found] = value
        return value

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
        if not row.keys() <= self._by_name.keys():
            self._refuse_unknown(row, complain)
        return values

    def _refuse_unknown(self, row: Row, complain: Complain) -> None:
        known = self._known = self._known or {name for parameter in self.parameters for name in names_of(parameter)}
        for name in row:
            if name not in known and not is_comment(name):
                complain(name, f"is not known here{did_you_mean(name, known)}")


_WRONG = object()  # stands for a value that has been complained about already, or is to be
_DEFAULT = object()  # and this for one that need not be kept


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, or nothing."""
    from . import nearest  # most sites are in order

    return nearest.did_you_mean(name, known)


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
