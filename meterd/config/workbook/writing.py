"""A workbook written: rows as they are configured (export), or none yet (template).

What a spreadsheet would spoil is guarded: texts are cells of text, so that 1.8.0 stays what it is and zeros stay in
front; a text that begins with = is no formula; choices are drop-downs, numbers have their range, headers say the rest.
"""

from __future__ import annotations

import os
from io import BytesIO

from openpyxl import Workbook as Book
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from ...errors import ConfigError
from ...parameters import BOOLEAN, INTEGER, STRING, Parameter
from ...protocols import registry
from ..validation import shown
from .columns import FOREIGN, Columns
from .reading import letters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from openpyxl.worksheet.worksheet import Worksheet

    from ..validation import Row

READY_ROWS = 2000  # for which the template's drop-downs and formats reach
MAX_LIST = 255  # characters of a drop-down's own list
_MOST = 10**15
_HEAD = PatternFill("solid", fgColor="DDE7F0")
_NEEDED = PatternFill("solid", fgColor="FFE7B3")
PORT_COLUMNS = ("port", "node")
ABOUT = (
    "Devices: one row for each meter. Signals: one row for each value, of the device that device_alias names.",
    "An empty row ends a sheet. Columns may stand in any order and be left out; more sheets may be named Signals….",
    "Yellow headers must be given (some over TCP or on a serial line alone): their notes say what is allowed.",
    "Ports: which device node a port's name stands for on the gateway; it may stay empty.",
    "Numbers of more than 15 digits, zeros in front, codes with points: as text, as these columns are formatted.",
    "Then: meterd import FILE.xlsx -o DIR",
)


def template(packages: Sequence[str] = ()) -> bytes:
    """An empty workbook for the protocols named, or for all."""
    packages = packages or registry.installed()
    book = Book()
    aliases = ""
    for part, title in (("devices", "Devices"), ("signals", "Signals")):
        columns = Columns(part, packages)
        sheet = book.active if part == "devices" else book.create_sheet(title)
        sheet.title = title
        _dress(sheet, columns, columns.order, READY_ROWS, aliases)
        aliases = _aliases(columns.order, READY_ROWS)
    _ports(book, {})
    about = book.create_sheet("About")
    for row, text in enumerate(ABOUT, 1):
        about.cell(row, 1, text)
    about.column_dimensions["A"].width = 110
    return _bytes(book)


def exported(content: Row) -> bytes:
    """The rows of a configuration as a workbook. Raises: ConfigError for what no cell can hold."""
    book = Book()
    aliases = ""
    for part, title in (("devices", "Devices"), ("signals", "Signals")):
        columns = Columns(part)
        rows = content.get(part, [])
        names = _names(columns, rows)
        sheet = book.active if part == "devices" else book.create_sheet(title)
        sheet.title = title
        headers = [header for _, header in names]
        _dress(sheet, columns, headers, len(rows) + 1, aliases)
        aliases = _aliases(headers, len(rows) + 1)
        for number, row in enumerate(rows, 2):
            for column, (name, _) in enumerate(names, 1):
                _write(sheet, number, column, row.get(name), columns.one(name), f"{part}[{number - 2}], {name}")
    if content.get("ports"):
        _ports(book, content["ports"])
    return _bytes(book)


def _aliases(headers: Sequence[str], rows: int) -> str:
    """Where the Devices sheet has the aliases that signals name."""
    if "device_alias" not in headers:
        return ""
    letter = letters(headers.index("device_alias") + 1)
    return f"Devices!${letter}$2:${letter}${rows}"


def _names(columns: Columns, rows: Iterable[Row]) -> list[tuple[str, str]]:
    """(name in the rows, header): what tables have in their order, then the rest; `_units` was the column units."""
    used = dict.fromkeys(name for row in rows for name in row)
    place = {name: number for number, name in enumerate(columns.order)}
    ordered = sorted(used, key=lambda name: place.get(name, len(place)))
    if not ordered:
        ordered = columns.order[:5]
    return [(name, name[1:] if name[:1] == "_" and name[1:] in FOREIGN else name) for name in ordered]


def _write(sheet: Worksheet, row: int, column: int, value: Any, parameter: Parameter | None, place: str) -> None:
    if value is None or value == "":
        return
    if not isinstance(value, (str, int, float)):
        raise ConfigError(place, f"holds {shown(value)}, which no cell can hold")
    cell = sheet.cell(row, column)
    is_text = isinstance(value, str) or abs(value) >= _MOST or (parameter is not None and parameter.kind == STRING)
    try:
        cell.value = (
            str(value) if is_text and not isinstance(value, bool) else int(value) if isinstance(value, bool) else value
        )
    except ValueError:
        raise ConfigError(place, "holds control characters, which no cell can hold") from None
    if is_text:
        cell.data_type = "s"  # also what begins with =
        cell.number_format = "@"


# ---- what makes a sheet a form


def _dress(sheet: Worksheet, columns: Columns, names: Sequence[str], rows: int, aliases: str) -> None:
    """Headers with notes, formats, drop-downs and ranges down to row `rows`; `aliases`: where those of devices are."""
    for column, name in enumerate(names, 1):
        head = sheet.cell(1, column, name)
        head.data_type, head.number_format = "s", "@"
        head.font, head.fill, head.alignment = Font(bold=True), _HEAD, Alignment(vertical="top")
        letter = letters(column)
        sheet.column_dimensions[letter].width = max(12, min(len(name) + 4, 34))
        named = columns.named.get(name)
        if named is None:
            continue
        head.comment = _comment(name, named)
        if all(each.required_tcp or each.required_serial for each in named.values()):
            head.fill = _NEEDED
        if _is_text(named.values()):
            sheet.column_dimensions[letter].number_format = "@"
        if name == "device_alias" and aliases:
            rule: DataValidation | None = _worded(DataValidation(type="list", formula1=aliases), name, "one of Devices")
        else:
            rule = _rule(name, list(named.values()), list(named))
        if rule is not None and rows > 1:
            sheet.add_data_validation(rule)
            rule.add(f"{letter}2:{letter}{rows}")
    sheet.freeze_panes = "A2"


def _is_text(parameters: Iterable[Parameter]) -> bool:
    """Texts, and numbers that may have more digits than a spreadsheet keeps."""
    return any(each.kind == STRING or (each.kind == INTEGER and (each.high or 0) >= _MOST) for each in parameters)


def _comment(name: str, named: dict[str, Parameter]) -> Comment:
    told: dict[str, list[str]] = {}
    for package, parameter in named.items():
        told.setdefault(_about(parameter), []).append(registry.program(package))
    text = "\n\n".join(f"{', '.join(programs)}:\n{about}" for about, programs in told.items())
    comment = Comment(f"{name}\n{text}", "meterd")
    comment.width, comment.height = 420, min(60 + 18 * (text.count("\n") + len(text) // 60), 600)
    return comment


def _about(parameter: Parameter) -> str:
    needed = {
        (True, True): "Required. ", (True, False): "Required over TCP. ", (False, True): "Required on a serial line. ",
    }.get((parameter.required_tcp, parameter.required_serial), "")  # fmt: skip
    default = parameter.default
    absent = (
        ""
        if default is None or default == ""
        else f" Default: {int(default) if parameter.kind == BOOLEAN else default}."
    )
    return f"{needed}{parameter.help}. Allowed: {parameter.allowed()}.{absent}"


def _rule(name: str, parameters: list[Parameter], packages: list[str]) -> DataValidation | None:
    """The drop-down or range of a column; none where a text is free or a number may be written in other ways."""
    first = parameters[0]
    if name == "protocol":
        choices = [each for each, package in registry.PROTOCOL_NAMES.items() if package in packages]
        return _list(name, ",".join(choices))
    if all(each.choices for each in parameters):
        return _list(name, ",".join(dict.fromkeys(str(choice) for each in parameters for choice in each.choices)))
    if first.kind == BOOLEAN:
        return _list(name, "0,1")
    if first.kind == INTEGER and not _is_text(parameters):
        return _range(name, parameters)
    return None


def _list(name: str, choices: str) -> DataValidation | None:
    if len(choices) > MAX_LIST:
        return None
    rule = DataValidation(type="list", formula1=f'"{choices}"', allow_blank=True)
    return _worded(rule, name, choices.replace(",", ", "))


def _range(name: str, parameters: list[Parameter]) -> DataValidation | None:
    """Bounds that hold for all protocols together. A warning, not a wall: 0x10 is a number here, too."""
    lows = [each.low for each in parameters if each.low is not None]
    highs = [each.high for each in parameters if each.high is not None]
    if len(lows) < len(parameters):
        return None
    bounded = len(highs) == len(parameters)
    rule = DataValidation(type="whole", operator="between" if bounded else "greaterThanOrEqual", allow_blank=True)
    rule.formula1 = str(min(lows))
    rule.formula2 = str(max(highs)) if bounded else None
    rule.errorStyle = "warning"
    return _worded(
        rule, name, f"a whole number, {min(lows)} to {max(highs)}" if bounded else f"a whole number from {min(lows)} on"
    )


def _worded(rule: DataValidation, name: str, allowed: str) -> DataValidation:
    rule.errorTitle, rule.error = name[:32], f"allowed: {allowed}"[:225]
    rule.showErrorMessage = True
    return rule


def _ports(book: Book, ports: dict[str, str]) -> None:
    sheet = book.create_sheet("Ports")
    for column, name in enumerate(PORT_COLUMNS, 1):
        sheet.cell(1, column, name).font = Font(bold=True)
        sheet.column_dimensions[letters(column)].width = 30
    for row, (name, node) in enumerate(ports.items(), 2):
        _write(sheet, row, 1, name, None, f"ports.{name}")
        _write(sheet, row, 2, node, None, f"ports.{name}")


def _bytes(book: Book) -> bytes:
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def write_whole(path: str, data: bytes) -> None:
    """The file with this content, or as it was: never a part. Passwords may be in it. Raises: ConfigError."""
    aside = f"{path}.{os.getpid()}.new"
    try:
        mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o600
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        if os.path.exists(aside):
            os.unlink(aside)
        raise ConfigError(path, f"cannot be written: {error.strerror}") from None
