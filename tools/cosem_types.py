"""The numbers of COSEM's data types for the compiled decoder, made of the one table that there is.

C's constants cannot be read from Python, nor Python's at compile time. `python -m tools.cosem_types` writes those of
`meterd/protocols/dlms/enumerations.py` into `meterd/_axdr.pxd`, anew after each change; a test holds that it was done.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
TABLE = PROJECT / "meterd" / "protocols" / "dlms" / "enumerations.py"
DECLARATIONS = PROJECT / "meterd" / "_axdr.pxd"
FIRST, LAST = "NULL", "DONT_CARE"
# Names that are something else in C.
IN_C = {"NULL": "NULL_DATA", "UNSIGNED": "UNSIGNED8", "TIME": "TIME_OF_DAY"}
HEAD = "# Made by `python -m tools.cosem_types` of protocols/dlms/enumerations.py.\ncdef enum:\n"
_MADE = re.compile(re.escape(HEAD) + r"(?:    \w+ = \w+\n)+")


def data_types(table: str) -> dict[str, int]:
    """The data types in the source of the enumerations, as they come there."""
    numbers = {
        target.id: node.value.value
        for node in ast.parse(table).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names = list(numbers)
    return {name: numbers[name] for name in names[names.index(FIRST) : names.index(LAST) + 1]}


def written(declarations: str, table: str) -> str:
    """The declarations with the numbers of the table."""
    rows = "".join(f"    {IN_C.get(name, name)} = {number}\n" for name, number in data_types(table).items())
    made, found = _MADE.subn(HEAD + rows, declarations)
    if found != 1:
        raise SystemExit(f"{DECLARATIONS}: there is no place for the data types, or more than one")
    return made


if __name__ == "__main__":
    DECLARATIONS.write_text(written(DECLARATIONS.read_text(), TABLE.read_text()))
