"""Byte code files as a gateway gets them: without time stamps, docstrings, annotations and columns.

Docstrings, types and the column of every instruction are more than half of a byte code file and of no use on a gateway,
where each start pays for carrying them out; line numbers stay, so a traceback still says where. Leaving out columns is
an interpreter's start-up option, hence the child process: `python -X no_debug_ranges -m tools.gateway.build.byte_code`,
a marshalled job on stdin, the files on stdout. Python then still has an entry for each instruction; one for each line
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
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class _WithoutTypes(ast.NodeTransformer):
    """Takes out what only a type checker reads: annotations, what is imported for them, asserted types."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        return ast.copy_location(ast.Pass(), node) if node.module == "__future__" else node


def byte_code(sources: Mapping[str, Path], documented: tuple[str, ...], version: str) -> dict[str, bytes]:
    """Installed path → .pyc for each source; those whose path contains one of `documented` keep their docstrings.

    Raises: RuntimeError unless this Python is of the version that is to run it: byte code fits no other.
    """
    if not sys.version.startswith(version + "."):
        raise RuntimeError(f"only Python {version} makes its byte code; this is {sys.version.split()[0]}")
    job = {name: (path.read_bytes(), any(part in name for part in documented)) for name, path in sources.items()}
    command = [sys.executable, "-X", "no_debug_ranges", "-m", __name__]
    done = subprocess.run(command, input=marshal.dumps(job), stdout=subprocess.PIPE, check=True)
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
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + marshal.dumps(_shortened(code))


def _shortened(code: CodeType) -> CodeType:
    """The same code with a line told once, and functions called by their own name where they are shown."""
    inner = tuple(_shortened(each) if isinstance(each, type(code)) else each for each in code.co_consts)
    return code.replace(co_consts=inner, co_linetable=line_table(code), co_qualname=code.co_name)


def line_table(code: CodeType) -> bytes:
    """The code's table of lines with as few entries as there can be."""
    runs: list[tuple[int, int | None]] = []
    for begin, end, line in code.co_lines():
        units = (end - begin) // _UNIT
        if runs and runs[-1][1] == line:
            units += runs.pop()[0]
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


def main() -> int:
    job = marshal.loads(sys.stdin.buffer.read())
    files = {name: _compile(source, name, documented) for name, (source, documented) in job.items()}
    sys.stdout.buffer.write(marshal.dumps(files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
