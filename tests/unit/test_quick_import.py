"""Imports by name alone, of a meterd that lies as byte code, as it does on a gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import meterd
from meterd.gateway import quick_import
from tools.gateway.build.byte_code import byte_code

PACKAGE = Path(meterd.__file__).parent
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
FILES = (
    "__init__.py", "gateway/__init__.py", "gateway/quick_import.py", "errors.py", "obis.py", "protocols/__init__.py",
    "protocols/registry.py", "protocols/dlms/__init__.py", "protocols/dlms/links/__init__.py",
    "protocols/dlms/links/address.py",
)  # fmt: skip


@pytest.fixture
def installed(tmp_path):
    """A folder with a few of meterd's modules as byte code."""
    for name, content in byte_code({name: PACKAGE / name for name in FILES}, (), VERSION).items():
        path = tmp_path / "meterd" / (name + "c")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def printed(folder: Path, code: str) -> object:
    begin = f"import sys, json\nsys.path.insert(0, {str(folder)!r})\nfrom meterd.gateway import quick_import\n"
    begin += "quick_import.install()\nquick_import.install()\n"
    command = [sys.executable, "-S", "-P", "-c", begin + code]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


def test_modules_and_packages_are_found(installed):
    code = """
from meterd.protocols import registry
from meterd.protocols.dlms.links import address
from meterd.errors import Silence
import meterd.obis
print(json.dumps([[m.__name__, m.__file__, m.__package__, type(m.__loader__).__module__]
    for m in (registry, address, meterd.obis, meterd.protocols)]
    + [meterd.protocols.__path__, Silence.reason, len(sys.meta_path)]))
"""
    *modules, path, reason, finders = printed(installed, code)
    root = str(installed / "meterd")
    quick = "meterd.gateway.quick_import"
    assert modules == [
        ["meterd.protocols.registry", f"{root}/protocols/registry.pyc", "meterd.protocols", quick],
        [
            "meterd.protocols.dlms.links.address",
            f"{root}/protocols/dlms/links/address.pyc",
            "meterd.protocols.dlms.links",
            quick,
        ],
        ["meterd.obis", f"{root}/obis.pyc", "meterd", quick],
        ["meterd.protocols", f"{root}/protocols/__init__.pyc", "meterd.protocols", quick],
    ]
    assert (path, reason, finders) == ([f"{root}/protocols"], "no_bytes", 4)


def test_what_is_not_installed_is_missing_as_usual(installed):
    code = """
from meterd.protocols import registry
try:
    import meterd.protocols.dlms.driver
except ModuleNotFoundError as error:
    name = error.name
print(json.dumps([name, registry.is_installed("elgama")]))
"""
    assert printed(installed, code) == ["meterd.protocols.dlms.driver", False]


def test_byte_code_of_another_python_is_refused_as_usual(installed):
    path = installed / "meterd" / "obis.pyc"
    path.write_bytes(b"\0\0\r\n" + path.read_bytes()[4:])
    code = """
try:
    import meterd.obis
    message = ""
except ImportError as error:
    message = str(error)
print(json.dumps(message))
"""
    assert "bad magic number" in str(printed(installed, code))


def test_sources_are_left_to_the_usual_way():
    assert quick_import._Finder.find_spec("meterd.obis", [str(PACKAGE)]) is None
    assert quick_import._Finder.find_spec("ujson", None) is None
    assert quick_import._Finder.find_spec("meterdology.x", ["/"]) is None
