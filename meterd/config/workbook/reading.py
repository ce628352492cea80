"""One sheet read to its end: its columns, its rows of cells, and what is odd about it.

Dirt: sizes that the file declares wrongly, a million formatted rows without a value, rows behind an empty one (which
end the sheet on a WCC Lite, so they are counted aloud), merged cells, formulas that were never calculated.
"""

from __future__ import annotations

from .cells import value_of
from .columns import FOREIGN, header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .archive import Layout
    from .columns import Columns

MAX_ROWS = 65_536
MAX_COLUMNS = 256
UNCALCULATED = "holds a formula without a value: open the file in the spreadsheet program once and save it"
_NOTHING = "\u200b\ufeff\u00a0 \t\r\n"
_PRIVATE = "_"  # before the name of what is kept and has no effect


def letters(column: int) -> str:
    """F for 6."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


class Sheet:
    """`rows` (row number, values by name); `names` column number → name in the file; `faults` (row, column, message).

    `numbers` are cells of texts in which a number stood, `covered` those that are merged with another; `warnings` words
    behind the sheet's name.
    """

    def __init__(self, title: str, columns: Columns | None, layout: Layout, formulas: set[tuple[int, int]]) -> None:
        self.title = title
        self.names: dict[int, str] = {}
        self.rows: list[tuple[int, dict[str, Any]]] = []
        self.faults: list[tuple[int, int, str]] = []
        self.covered: set[tuple[int, int]] = set()
        self.numbers: set[tuple[int, int]] = set()
        self.warnings: list[str] = []
        self._columns = columns
        self._layout = layout
        self._formulas = formulas
        self._foreign: dict[str, list[int]] = {}
        self._last = 1

    def read(self, rows: Any) -> Sheet:
        """`rows` gives each row's cells in turn, from the first row on."""
        ended = behind = 0
        for number, cells in enumerate(rows, 1):
            if number == 1:
                self._header(cells)
                if not self.names:
                    break
            elif ended:
                behind += not self._is_empty(number, cells)
            elif self._is_empty(number, cells):
                ended = number
            elif number > MAX_ROWS:
                self.faults.append((number, 0, f"has more than {MAX_ROWS} rows"))
                break
            else:
                self._row(number, cells)
                self._last = number
        if behind:
            self.warnings.append(f"row {ended} is empty and ends the sheet: rows below it that are left out: {behind}")
        self._tell_layout()
        return self

    def column_of(self, names: set[str]) -> int:
        """The column that has one of the names; 0 where none has."""
        return next((column for column, name in self.names.items() if name in names), 0)

    def _is_empty(self, number: int, cells: Any) -> bool:
        for column, cell in enumerate(cells, 1):
            if cell.value is None and (number, column) in self._formulas:
                return False
            if cell.value is not None and str(cell.value).strip(_NOTHING):
                return False
        return True

    def _header(self, cells: Any) -> None:
        seen: dict[str, int] = {}
        for column, cell in enumerate(cells, 1):
            name = header(str(cell.value)) if cell.value is not None else ""
            if not name:
                continue
            if column > MAX_COLUMNS:
                self.faults.append((1, column, f"stands beyond column {letters(MAX_COLUMNS)}, where none is read"))
            elif name in seen:
                self.faults.append((1, column, f'column "{name}" is given twice, in {letters(seen[name])}1 already'))
            else:
                seen[name] = column
                self.names[column] = self._known(name, column)
        if not self.names:
            self.faults.append((1, 0, "is empty, allowed: the names of the columns, such as device_alias"))

    def _known(self, name: str, column: int) -> str:
        """The name in the file; what is no parameter is kept where it is of no effect."""
        if self._columns is None or name in self._columns.named or name[0] in "_#":
            return name
        meant = self._columns.slip(name)
        if meant:
            self.faults.append((1, column, f'column "{name}" is not known; did you mean {meant}?'))
            return meant if meant not in self.names.values() else _PRIVATE + name
        if name not in FOREIGN:
            self.warnings.append(
                f'{letters(column)}1: column "{name}" is not known, kept as {_PRIVATE}{name}: it has no effect'
            )
        return _PRIVATE + name

    def _row(self, number: int, cells: Any) -> None:
        row: dict[str, Any] = {}
        for column, cell in enumerate(cells, 1):
            name = self.names.get(column)
            if cell.value is None:
                if (number, column) in self._formulas:
                    self.faults.append((number, column, UNCALCULATED))
            elif name is None:
                self._nameless(number, column, cell)
            else:
                value = self._value(cell, number, column, name)
                if value is not None:
                    row[name] = value
        self.rows.append((number, row))

    def _nameless(self, number: int, column: int, cell: Any) -> None:
        taken = any(fault[0] == 1 and fault[1] in (0, column) for fault in self.faults)
        if str(cell.value).strip() and not taken:
            self.faults.append((number, column, "holds a value in a column without a name in row 1"))

    def _value(self, cell: Any, number: int, column: int, name: str) -> Any:
        parameter = self._columns.one(name) if self._columns else None
        try:
            value = value_of(cell, name, parameter)
        except ValueError as error:
            self.faults.append((number, column, str(error)))
            # An alias is kept for the sake of those that name it.
            return str(cell.value).strip() if name.endswith("_alias") else None
        if type(value) is str and not isinstance(cell.value, str):
            self.numbers.add((number, column))
        foreign = name.removeprefix(_PRIVATE)
        if value is not None and foreign in FOREIGN and str(value).lower() not in FOREIGN[foreign]:
            self._foreign.setdefault(foreign, []).append(number)
        return value

    def _tell_layout(self) -> None:
        self._tell_foreign()
        self._tell_merged()
        hidden = sorted(number for number, _ in self.rows if number in self._layout.hidden_rows)
        if hidden:
            more = ", …" if len(hidden) > 10 else ""
            self.warnings.append(f"hidden rows are read, too: {', '.join(map(str, hidden[:10]))}{more}")
        columns = [letters(column) for column in sorted(self._layout.hidden_columns) if column in self.names]
        if columns:
            self.warnings.append(f"hidden columns are read, too: {', '.join(columns)}")

    def _tell_foreign(self) -> None:
        for name, rows in self._foreign.items():
            column = self.column_of({_PRIVATE + name})
            self.warnings.append(
                f"{letters(column)}{rows[0]}: {name} has no effect: meterd hands values on as the meter tells them "
                f"({len(rows)} {'cell' if len(rows) == 1 else 'cells'}, kept as {_PRIVATE}{name})"
            )

    def _tell_merged(self) -> None:
        for merged in self._layout.merged:
            first, _, last = merged.partition(":")
            row, column = _place(first)
            if row > self._last:
                continue
            to_row, to_column = _place(last or first)
            rows, columns = range(row, min(to_row, self._last) + 1), range(column, min(to_column, MAX_COLUMNS) + 1)
            self.covered.update((row, column) for row in rows for column in columns)
            self.faults.append((row, column, f"is merged ({merged}): only its first cell has a value; unmerge it"))


def _place(cell: str) -> tuple[int, int]:
    """Row and column of F17."""
    column = 0
    for letter in cell.rstrip("0123456789"):
        column = column * 26 + ord(letter) - 64
    return int(cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")), column
