"""A workbook as a third kind of source beside JSON and UCI: its rows, and for each fault the sheet and cell."""

from __future__ import annotations

import warnings
from copy import copy
from io import BytesIO

from openpyxl import load_workbook

from ...errors import ConfigError
from ...paths import read_up_to
from ..nearest import did_you_mean
from ..source import Source
from .archive import MAX_FILE, Layout, Unreadable, layouts, opened
from .columns import PARTS, Columns
from .reading import MAX_COLUMNS, MAX_ROWS, Sheet, letters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ports.work import Work
    from ..json_places import Steps

DEVICES, SIGNALS, PORTS = "Devices", "Signals", "Ports"
_NO_SUCH_DEVICE = "allowed: the alias of a device"  # and no near one
ABOUT = "About"  # the template's own words
LOSES_ZEROS = "; a number loses its leading zeros: format the column as text, then type it again"


class Workbook(Source):
    """`sheets` those that were read, in their order; `warnings` what is odd and yet taken, with its place.

    `directory` is where files named in cells are looked for: that of the configuration that is made of it.
    """

    __slots__ = ("_columns", "_rows", "_wrong", "sheets", "warnings")

    def __init__(self, path: str, directory: str) -> None:
        self.sheets: list[Sheet] = []
        self.warnings: list[str] = []
        self._columns = {part: Columns(part) for part in PARTS}
        # (part, number or name) → (sheet's number, row)
        self._rows: dict[Steps, tuple[int, int]] = {}
        # (sheet's number or -1, row, column, sheet's name, message): what is wrong before any table is asked
        self._wrong: list[tuple[int, int, int, str, str]] = []
        super().__init__(path, True)
        self.directory = directory

    # ---- reading

    def _read(self, careful: bool) -> Work[bool]:
        yield
        try:
            data = read_up_to(self.path, MAX_FILE + 1)
        except OSError as error:
            self.absent = True
            return self._refuse(f"cannot be read: {error.strerror}")
        if len(data) > MAX_FILE:
            return self._refuse(f"is larger than {MAX_FILE >> 20} MB")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what openpyxl does not keep: nothing that is read here
                self._sheets(data)
        except Unreadable as error:
            return self._refuse(str(error))
        except Exception as error:  # openpyxl lets through whatever a damaged part makes it stumble over
            return self._refuse(
                f"is damaged ({type(error).__name__}): open it in the spreadsheet program and save it anew"
            )
        self._take_rows()
        return True

    def _refuse(self, message: str) -> bool:
        self._wrong.append((-1, 0, 0, "", message))
        return False

    def _sheets(self, data: bytes) -> None:
        with opened(data) as archive:
            layout = layouts(archive)
        book = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        worksheets = {sheet.title: sheet for sheet in book.worksheets}
        kept = {title: sheet for title, sheet in worksheets.items() if kind_of(title)}
        self._look_for_sheets(list(worksheets), kept)
        formulas = _formulas(data, [title for title in kept if title in layout and layout[title].formulas])
        for title, worksheet in kept.items():
            if worksheet.sheet_state != "visible":
                self.warnings.append(f"{self.path}, {title}: this hidden sheet is read, too")
            columns = self._columns.get(kind_of(title))
            sheet = Sheet(title, columns, layout.get(title) or Layout(b""), formulas.get(title, set()))
            worksheet.reset_dimensions()
            self.sheets.append(sheet.read(worksheet.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS + 1)))

    def _look_for_sheets(self, titles: list[str], kept: dict[str, Any]) -> None:
        kinds = [kind_of(title) for title in kept]
        if kinds.count("devices") != 1:
            near = did_you_mean(DEVICES, titles) if "devices" not in kinds else ""
            self._wrong.append((-1, 0, 0, "", f"has {kinds.count('devices')} sheets {DEVICES}, allowed: one{near}"))
        if "signals" not in kinds:
            near = did_you_mean(SIGNALS, [title for title in titles if title not in kept])
            self._wrong.append((-1, 0, 0, "", f"has no sheet whose name begins with {SIGNALS}{near}"))
        left = [title for title in titles if title not in kept and title != ABOUT]
        if left:
            self.warnings.append(
                f"{self.path}: left out, for their names are not {DEVICES} or {SIGNALS}…: {', '.join(left)}"
            )

    def _take_rows(self) -> None:
        content: dict[str, Any] = {"devices": [], "signals": []}
        for number, sheet in enumerate(self.sheets):
            self.warnings += [
                f"{self.path}, {sheet.title}!{words}"
                if words[0].isupper() and words[1:2].isdigit()
                else f"{self.path}, {sheet.title}: {words}"
                for words in sheet.warnings
            ]
            self._wrong += [(number, row, column, sheet.title, message) for row, column, message in sheet.faults]
            kind = kind_of(sheet.title)
            if kind == "ports":
                content["ports"] = self._ports(number, sheet)
                continue
            for row, values in sheet.rows:
                self._rows[kind, len(content[kind])] = (number, row)
                content[kind].append(values)
        if not content["devices"] and not self._wrong:
            self._wrong.append((-1, 0, 0, DEVICES, "has no row: nothing is configured"))
        self.content = content

    def _ports(self, number: int, sheet: Sheet) -> dict[str, Any]:
        ports: dict[str, Any] = {}
        for row, values in sheet.rows:
            name = str(values.get("port", ""))
            if not name or name in ports:
                fault = "is given twice" if name else "is missing: the name of a port, such as PORT1"
                self._wrong.append(
                    (number, row, sheet.column_of({"port"}), sheet.title, f"port {name} {fault}".replace("  ", " "))
                )
            else:
                ports[name] = values.get("node", "")
                self._rows["ports", name] = (number, row)
        return ports

    # ---- places

    def words_of(self, steps: Steps) -> str:
        """A cell says it all."""
        return ""

    def located(self, steps: Steps, place: str, message: str) -> ConfigError:
        return ConfigError(", ".join(filter(None, (self._place_in(*self._cell(steps)), place))), message)

    def _cell(self, steps: Steps) -> tuple[int, int, int]:
        """Sheet's number, row and column of a place; 0 where there is none."""
        number, row = self._rows.get(steps[:2], (-1, 0))
        if number < 0 or len(steps) < 3:
            return number, row, self.sheets[number].column_of({"node"}) if steps[:1] == ("ports",) else 0
        name = str(steps[2])
        columns = self._columns.get(str(steps[0]))
        sheet = self.sheets[number]
        column = sheet.column_of({name})
        return number, row, column or sheet.column_of(columns.others(name) if columns else set())

    def _place_in(self, number: int, row: int, column: int) -> str:
        if number < 0:
            return self.path
        sheet = self.sheets[number].title
        return f"{self.path}, {sheet}" + (f"!{letters(column)}{row}" if column else f", row {row}" if row else "")

    # ---- what is wrong

    def telling(self) -> Work[list[ConfigError]]:
        """Every fault with its cell, in the order of sheets, rows and columns; a missing column is told once."""
        yield
        told = [
            (
                number,
                row,
                column,
                ConfigError(
                    self._place_in(number, row, column) + (f", {title}" if number < 0 and title else ""), message
                ),
            )
            for number, row, column, title, message in self._wrong
        ]
        cells = {place[:3] for place in told}
        cells |= {(number, *cell) for number, sheet in enumerate(self.sheets) for cell in sheet.covered}
        uncertain = self._aliases_are_uncertain()
        lacking: dict[tuple[int, str, str], list[int]] = {}
        for steps, place, message in self.faults:
            number, row, column = self._cell(steps)
            if column and (number, row, column) in cells:
                continue
            if uncertain and steps[0] == "signals" and message.endswith(_NO_SUCH_DEVICE):
                continue
            if number >= 0 and not column and len(steps) == 3:
                lacking.setdefault((number, str(steps[2]), message), []).append(row)
                continue
            if column and message.startswith("found ") and (row, column) in self.sheets[number].numbers:
                message += LOSES_ZEROS
            told.append((number, row, column, self.located(steps, place, message)))
        for (number, name, message), rows in lacking.items():
            many = f"rows {rows[0]} to {rows[-1]} ({len(rows)})" if len(rows) > 1 else f"row {rows[0]}"
            where = f"{self._place_in(number, 0, 0)}, column {name}"
            told.append(
                (
                    number,
                    rows[0],
                    0,
                    ConfigError(
                        where,
                        f"{message}; there is no such column, and {many} {'needs' if len(rows) == 1 else 'need'} it",
                    ),
                )
            )
        told.sort(key=lambda each: each[:3])
        return [error for *_, error in told]

    def _aliases_are_uncertain(self) -> bool:
        """Whether a device's alias cannot be read: then its signals look as if they had no device."""
        devices = [number for number, sheet in enumerate(self.sheets) if kind_of(sheet.title) == "devices"]
        if not devices or not self.sheets[devices[0]].names:
            return True
        if any(steps[0] == "devices" and steps[2:] == ("device_alias",) for steps, _, _ in self.faults):
            return True
        column = self.sheets[devices[0]].column_of({"device_alias"})
        return any(place[0] == devices[0] and place[2] in (0, column) for place in self._wrong)

    def sound_rows(self) -> Workbook:
        """The same without the rows in which something is wrong, so that others can be looked at further."""
        bad = {steps[:2] for steps, _, _ in self.faults}
        places = {(number, row) for number, row, *_ in self._wrong}
        bad |= {steps for steps, place in self._rows.items() if place in places}
        other = copy(self)
        other.faults, other._wrong, other._rows, other.packages = [], [], {}, set()
        other.content = {**self.content, "devices": [], "signals": []}
        known = set()
        for part in PARTS:
            for number, row in enumerate(self.content[part]):
                alias = row.get("device_alias")
                if (part, number) in bad or (part == "signals" and alias not in known):
                    continue
                known.add(alias)
                other._rows[part, len(other.content[part])] = self._rows[part, number]
                other.content[part].append(row)
        return other


def kind_of(title: str) -> str:
    """The part of a configuration that a sheet holds; empty where it is none of ours."""
    name = title.strip().lower()
    if name.startswith(SIGNALS.lower()):
        return "signals"
    return {DEVICES.lower(): "devices", PORTS.lower(): "ports"}.get(name, "")


def _formulas(data: bytes, titles: list[str]) -> dict[str, set[tuple[int, int]]]:
    """The cells of these sheets in which formulas stand."""
    if not titles:
        return {}
    book = load_workbook(BytesIO(data), read_only=True, keep_links=False)
    found = {}
    for title in titles:
        book[title].reset_dimensions()
        rows = book[title].iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS + 1)
        found[title] = {
            (row, column)
            for row, cells in enumerate(rows, 1)
            for column, cell in enumerate(cells, 1)
            if cell.data_type == "f"
        }
    return found
