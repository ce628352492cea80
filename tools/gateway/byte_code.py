"""Byte code files as a gateway gets them: without time stamps, without docstrings, without columns.

Docstrings and the column of every instruction are nearly half of a byte code file and of no use on a gateway; line
numbers stay, so a traceback still says where. Leaving out columns is an interpreter's start-up option, hence the
child process: `python -X no_debug_ranges -m tools.gateway.byte_code`, a marshalled job on stdin, the files on stdout.
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

# Legacy .pyc: flags say that a hash stands where the time would, and that nobody need check it.
_UNCHECKED_HASH = (0b01).to_bytes(4, "little")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


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
    code = compile(tree, name, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source) + marshal.dumps(code)


def main() -> int:
    job = marshal.loads(sys.stdin.buffer.read())
    files = {name: _compile(source, name, documented) for name, (source, documented) in job.items()}
    sys.stdout.buffer.write(marshal.dumps(files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
