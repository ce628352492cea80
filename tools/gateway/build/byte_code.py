"""Byte code files as a gateway gets them: without time stamps, docstrings, annotations and columns.

Docstrings, types and the column of every instruction are more than half of a byte code file and of no use on a gateway,
where each start pays for carrying them out; line numbers stay, so a traceback still says where. Leaving out columns is
an interpreter's start-up option, hence the child process: `python -X no_debug_ranges byte_code.py`, a marshalled job on
stdin, the files on stdout. Python then still has an entry for each instruction; one for each line
says the same (Objects/locations.md of its source), and is a sixteenth of an ipk less.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import CodeType

# Legacy .pyc: flags say that a hash stands where the time would, and that nobody need check it; so any hash will do,
# and eight zeros compress.
_UNCHECKED_HASH = (0b01).to_bytes(4, "little") + bytes(8)
# An entry of a table of lines begins with this bit, a kind and how many code units it is for, less one.
_ENTRY, _LINE_ALONE, _NO_LINE = 0x80, 13 << 3, 15 << 3
_MOST_UNITS = 8
_UNIT = 2  # bytes
_MORE = 0x40  # six bits of a number in each byte, the lowest first
# marshal's format: what says that an object may be referred to; octets of kinds of one size; and a code object, which
# is numbers, objects up to its qualified name, its first line, and two tables.
_MARK = 0x80
_FIXED = {**dict.fromkeys("0NFTS.", 0), "i": 4, "I": 8, "g": 8, "y": 16}
_NUMBERS_OF_CODE, _BEFORE_FIRST_LINE, _BEHIND_FIRST_LINE = 5, 8, 2
# OpenWrt 25.12's; this file is run by it, alone, and so has the number, too.
NEXT = "3.14"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class _WithoutTypes(ast.NodeTransformer):
    """Takes out what only a type checker reads: annotations, what is imported for them, asserted types.

    What goes leaves no `pass` behind, which would be an instruction and a line in its own right.
    """

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.copy_location(ast.Pass(), node)]  # type: ignore[attr-defined]
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        return None if node.value is None else ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if any(map(_says_type_checking, node.targets)) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        if _says_type_checking(node.test):
            return [self.visit(each) for each in node.orelse]
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node


def _says_type_checking(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"


def byte_code(sources: Mapping[str, Path], documented: tuple[str, ...], version: str) -> dict[str, bytes]:
    """Installed path → .pyc for each source; those whose path contains one of `documented` keep their docstrings.

    Raises: RuntimeError where there is no Python of the version that is to run it: byte code fits no other.
    """
    if sys.version.startswith(version + "."):
        compiler = [sys.executable]
    elif version == NEXT:
        from .next_python import program

        compiler = program()
    else:
        raise RuntimeError(f"only Python {version} makes its byte code; this is {sys.version.split()[0]}")
    job = {name: (path.read_bytes(), any(part in name for part in documented)) for name, path in sources.items()}
    # As a file: the room around it is for this machine's Python, the job in a form that both of them read.
    command = [*compiler, "-X", "no_debug_ranges", "-BP", __file__]
    done = subprocess.run(command, input=marshal.dumps(job, 4), stdout=subprocess.PIPE, check=True)
    files: dict[str, bytes] = marshal.loads(done.stdout)
    return files


def _compile(source: bytes, name: str, documented: bool) -> bytes:
    tree = ast.parse(source, name)
    if not documented:
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
    tree = _WithoutTypes().visit(tree)
    code = compile(ast.fix_missing_locations(tree), name, "exec", dont_inherit=True, optimize=1)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + with_few_references(marshal.dumps(_shortened(code)))


def _shortened(code: CodeType) -> CodeType:
    """The same code with a line told once, and functions called by their own name where they are shown."""
    inner = tuple(_shortened(each) if isinstance(each, type(code)) else each for each in code.co_consts)
    return code.replace(co_consts=inner, co_linetable=line_table(code), co_qualname=code.co_name)


def line_table(code: CodeType) -> bytes:
    """The code's table of lines with as few entries as there can be.

    What the compiler adds of its own accord, and has no line, goes by the line before it; at the beginning, behind it.
    """
    runs: list[tuple[int, int | None]] = []
    for begin, end, line in code.co_lines():
        units = (end - begin) // _UNIT
        if runs and (line is None or runs[-1][1] in (line, None)):
            earlier, found = runs.pop()
            units, line = units + earlier, found if line is None else line
        runs.append((units, line))
    table = bytearray()
    before = code.co_firstlineno
    for units, line in runs:
        for taken in (*[_MOST_UNITS] * ((units - 1) // _MOST_UNITS), (units - 1) % _MOST_UNITS + 1):
            kind = _NO_LINE if line is None else _LINE_ALONE
            table.append(_ENTRY | kind | taken - 1)
            if line is not None:
                table += _signed(line - before)
                before = line
    return bytes(table)


def _signed(number: int) -> bytes:
    """A number in as few bytes as it takes, its sign in the lowest bit."""
    left = -number << 1 | 1 if number < 0 else number << 1
    octets = bytearray()
    while left >= _MORE:
        octets.append(_MORE | left & _MORE - 1)
        left >>= 6
    octets.append(left)
    return bytes(octets)


class _Marshalled:
    """Where marks and references are in what marshal wrote (Python/marshal.c of its source)."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0
        self.marks: list[int] = []  # the number of each is its index
        self.references: list[tuple[int, int]] = []  # (position, number of the mark)
        self._object()

    def _number(self, size: int) -> int:
        self.place += size
        return int.from_bytes(self.data[self.place - size : self.place], "little", signed=size == 4)

    def _objects(self, count: int) -> None:
        for _ in range(count):
            self._object()

    def _object(self) -> bool:
        """False for the one that ends a dictionary."""
        octet = self.data[self.place]
        if octet & _MARK:
            self.marks.append(self.place)
        self.place += 1
        kind = chr(octet & ~_MARK)
        if kind == "r":
            self.references.append((self.place, self._number(4)))
        elif kind in _FIXED:
            self.place += _FIXED[kind]
        elif kind in "lstuaAzZ":
            self._pass_over(kind)
        else:
            self._compound(kind)
        return kind != "0"

    def _pass_over(self, kind: str) -> None:
        """A number of many digits, or text."""
        length = self._number(1 if kind in "zZ" else 4)
        self.place += 2 * abs(length) if kind == "l" else length

    def _compound(self, kind: str) -> None:
        if kind in "()[<>":
            self._objects(self._number(1 if kind == ")" else 4))
        elif kind == "{":
            while self._object():
                self._object()
        elif kind == "c":
            self._code()
        elif kind == ":":
            self._objects(3)
        else:
            raise ValueError(f"marshal has something new: {kind!r}")

    def _code(self) -> None:
        self.place += _NUMBERS_OF_CODE * 4
        self._objects(_BEFORE_FIRST_LINE)
        self.place += 4
        self._objects(_BEHIND_FIRST_LINE)


def with_few_references(data: bytes) -> bytes:
    """The same objects, marked for a later reference only where there is one.

    marshal marks whatever somebody else holds as well, which every name is; so numbers of references are large, and
    each start keeps a list of everything it reads.
    """
    found = _Marshalled(data)
    used = sorted({number for _, number in found.references})
    numbers = {number: new for new, number in enumerate(used)}
    octets = bytearray(data)
    for number, place in enumerate(found.marks):
        if number not in numbers:
            octets[place] &= ~_MARK
    for place, number in found.references:
        octets[place : place + 4] = numbers[number].to_bytes(4, "little")
    return bytes(octets)


def main() -> int:
    job = marshal.loads(sys.stdin.buffer.read())
    files = {name: _compile(source, name, documented) for name, (source, documented) in job.items()}
    sys.stdout.buffer.write(marshal.dumps(files, 4))
    return 0


if __name__ == "__main__":
    sys.exit(main())
