"""Imports by name alone, of a meterd that lies as byte code, as it does on a gateway, or as source elsewhere."""

from __future__ import annotations

import compileall
import ctypes
import json
import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
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


def test_what_is_not_of_meterd_is_left_to_the_usual_way():
    assert quick_import._Finder.find_spec("ujson", None) is None
    assert quick_import._Finder.find_spec("meterdology.x", ["/"]) is None


# ---- as source, with the byte code that Python keeps

WHOSE = "import meterd.obis\nprint(json.dumps([type(meterd.obis.__loader__).__module__, meterd.obis.__file__]))"
QUICK = "meterd.gateway.quick_import"


@pytest.fixture
def sources(tmp_path):
    for name in FILES:
        path = tmp_path / "meterd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGE / name, path)
    assert compileall.compile_dir(tmp_path, quiet=1)
    return tmp_path


def test_sources_are_found_by_what_python_has_kept_of_them(sources):
    code = """
from meterd.protocols.dlms.links import address
import meterd.obis
print(json.dumps([[m.__name__, m.__file__, m.__package__, type(m.__loader__).__module__]
    for m in (address, meterd.obis, meterd.protocols)] + [meterd.protocols.__path__]))
"""
    root = str(sources / "meterd")
    links = "meterd.protocols.dlms.links"
    assert printed(sources, code) == [
        [f"{links}.address", f"{root}/protocols/dlms/links/address.py", links, QUICK],
        ["meterd.obis", f"{root}/obis.py", "meterd", QUICK],
        ["meterd.protocols", f"{root}/protocols/__init__.py", "meterd.protocols", QUICK],
        [f"{root}/protocols"],
    ]


def test_a_folder_that_was_moved_is_named_as_it_lies_now(sources):
    moved = sources.parent / "moved"
    shutil.copytree(sources, moved)  # with times
    code = """
import meterd.obis
names = {f.__code__.co_filename for f in vars(meterd.obis).values() if hasattr(f, "__code__")}
print(json.dumps([type(meterd.obis.__loader__).__module__, *names]))
"""
    assert printed(moved, code) == [QUICK, str(moved / "meterd" / "obis.py")]


def test_a_source_that_was_changed_is_never_run_as_it_was(sources):
    path = sources / "meterd" / "obis.py"
    path.write_text(path.read_text() + "\nNEW = 7\n")
    code = "import meterd.obis\nprint(json.dumps([meterd.obis.NEW, type(meterd.obis.__loader__).__module__]))"
    new, whose = printed(sources, code)
    assert new == 7
    assert whose != QUICK


def test_a_source_of_the_same_size_is_told_by_its_time(sources):
    path = sources / "meterd" / "obis.py"
    text = path.read_text() + "\nNEW = 7\n"
    path.write_text(text)
    assert compileall.compile_dir(sources, quiet=1)
    path.write_text(text.replace("NEW = 7", "NEW = 8"))
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 2))
    assert printed(sources, "import meterd.obis\nprint(json.dumps(meterd.obis.NEW))") == 8


@pytest.mark.parametrize("begins", [b"", b"\0\0\r\n"], ids=["empty", "of another Python"])
def test_byte_code_that_is_none_of_this_python_is_not_run(sources, begins):
    [kept] = (sources / "meterd" / "__pycache__").glob("obis.*.pyc")
    kept.write_bytes(begins + kept.read_bytes()[4:] if begins else b"")
    assert printed(sources, WHOSE) != [QUICK, str(sources / "meterd" / "obis.py")]


def test_byte_code_told_by_a_hash_is_left_to_the_usual_way(sources):
    import py_compile

    path = sources / "meterd" / "obis.py"
    py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    assert printed(sources, WHOSE) == ["_frozen_importlib_external", str(path)]


def test_what_is_missing_there_is_missing_as_usual(sources):
    code = """
try:
    import meterd.protocols.dlms.driver
except ModuleNotFoundError as error:
    name = error.name
print(json.dumps(name))
"""
    assert printed(sources, code) == "meterd.protocols.dlms.driver"


COMPILED = """
from meterd.gateway.quick_import import install
install()
from meterd import _crc
from meterd.ports import _timers, _loop
from meterd.sinks._json import json_line
print([module.__file__.rpartition("/")[2].partition(".")[0] for module in (_crc, _timers, _loop)],
    _crc.fcs16(b"123456789"), issubclass(_timers.Timer, object), _loop.__name__)
"""


@pytest.fixture
def built(tmp_path):
    """The sources with what is compiled of them."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyx", "*.pxd", "*.pyi", "static", "workbook")
    return shutil.copytree(PACKAGE, tmp_path / "meterd", ignore=ignored)


def found_in(folder: Path) -> str:
    begin = f"import sys\nsys.path[:0] = {[str(folder)]!r}\n"
    return subprocess.check_output([sys.executable, "-S", "-P", "-c", begin + COMPILED], text=True, timeout=60)


def test_compiled_modules_are_found_in_the_one_file_of_all_and_else_beside_the_sources(built):
    together = built / f"_together{EXTENSION_SUFFIXES[0]}"
    if not together.exists():
        pytest.skip("what is compiled has short names here, which are found in the usual way")
    assert found_in(built.parent) == "['_together', '_together', '_together'] 36974 True meterd.ports._loop\n"
    together.unlink()
    assert found_in(built.parent) == "['_crc', '_timers', '_loop'] 36974 True meterd.ports._loop\n"


def test_a_compiled_module_that_is_not_there_is_missing_as_usual(built):
    code = """
try:
    from meterd._none import x
except ModuleNotFoundError as error:
    print(json.dumps(str(error)))
"""
    assert printed(built.parent, code) == "No module named 'meterd._none'"


def test_the_one_file_has_the_beginnings_of_all():
    [together] = PACKAGE.glob("_together.*")
    beginnings = ctypes.PyDLL(str(together))
    names = [path.stem for path in PACKAGE.rglob("_*.pyi")]
    assert len(names) > 20
    assert [name for name in names if not hasattr(beginnings, f"PyInit_{name}")] == []


# ---- import statements


def written(folder: Path, **modules: str) -> None:
    """Puts modules of a package `meterd.extra` there, with the byte code that Python would keep."""
    room = folder / "meterd" / "extra"
    room.mkdir()
    for name, text in {"__init__": "", **modules}.items():
        (room / f"{name}.py").write_text(text)
    assert compileall.compile_dir(folder, quiet=1)


def test_a_statement_loads_modules_as_importlib_does(sources):
    one = "from . import two\nfrom .two import X\nfrom ..errors import Silence\nimport json as text"
    written(sources, one=one, two="X = 1")
    code = """
import importlib
def looks(module):
    spec = module.__spec__
    return [module.__name__, module.__package__, module.__file__, getattr(module, "__path__", None), spec.name,
        spec.parent, spec.origin, spec.submodule_search_locations, spec._initializing,
        type(module.__loader__).__module__, sorted(vars(module))]
def look():
    from meterd.extra import one
    import meterd.extra.two
    assert meterd.extra.one is one and one.two is meterd.extra.two is sys.modules["meterd.extra.two"]
    return [looks(meterd.extra), looks(one), looks(one.two)]
quick = look()
for name in [name for name in sys.modules if name.startswith("meterd.extra")]:
    del sys.modules[name]
del meterd.extra
import builtins
builtins.__import__ = quick_import.pythons_own
print(json.dumps([quick, look()]))
"""
    quick, usual = printed(sources, "import meterd\n" + code)
    assert quick == usual
    assert [looks[9] for looks in quick] == [QUICK] * 3


def test_a_module_that_fails_is_not_there(sources):
    written(sources, wrong="from . import also_wrong", also_wrong="1 / 0")
    code = """
told = []
for _ in range(2):
    try:
        from meterd.extra import wrong
    except ZeroDivisionError as error:
        told.append(str(error))
import meterd.extra
print(json.dumps([told, [name for name in sys.modules if "wrong" in name], hasattr(meterd.extra, "wrong")]))
"""
    assert printed(sources, code) == [["division by zero"] * 2, [], False]


MISTAKES = {
    "from .none import x": "No module named 'meterd.extra.none'",
    "from . import none": "cannot import name 'none' from 'meterd.extra'",
    "from .two import none": "cannot import name 'none' from 'meterd.extra.two'",
    "from ....two import X": "attempted relative import beyond top-level package",
    "from .one import late": "cannot import name 'late' from partially initialized module 'meterd.extra.one'"
    " (most likely due to a circular import)",
    "import meterd.none": "No module named 'meterd.none'",
    "import meterd.extra.two.x": "No module named 'meterd.extra.two.x'; 'meterd.extra.two' is not a package",
    "from json import none": "cannot import name 'none' from 'json'",
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_wrong_with_a_statement_is_said_as_by_python(sources, mistake):
    written(sources, one=f"{mistake}\nlate = 1", two="X = 1", circle="from .one import late")
    if "late" in mistake:
        written_one = sources / "meterd" / "extra" / "one.py"
        written_one.write_text("from .circle import late\n")
        assert compileall.compile_dir(sources, quiet=1)
    code = """
try:
    import meterd.extra.one
except ImportError as error:
    print(json.dumps(str(error)))
"""
    assert str(printed(sources, code)).startswith(MISTAKES[mistake])


def test_beside_another_thread_modules_are_loaded_as_usual(sources):
    written(sources, one="from .two import X", two="X = 1")
    code = """
import _thread
loaded = []
load = quick_import._load
quick_import._load = lambda name: loaded.append(name) or load(name)
def one_more():
    for name in [name for name in sys.modules if name.startswith("meterd.extra.")]:
        del sys.modules[name]
    import meterd.extra.one
    return sys.modules["meterd.extra.one"].X
begun, ended = _thread.allocate_lock(), _thread.allocate_lock()
begun.acquire(), ended.acquire()
_thread.start_new_thread(lambda: (begun.release(), ended.acquire()), ())
begun.acquire()
beside = one_more()
there = [name for name in loaded if name in ("meterd.extra.one", "meterd.extra.two")]
ended.release()
while _thread._count():
    pass
alone = one_more()
print(json.dumps([beside, there, alone, loaded[-2:]]))
"""
    assert printed(sources, code) == [1, [], 1, ["meterd.extra.one", "meterd.extra.two"]]


@pytest.mark.parametrize("option", ["-O", "-Xpycache_prefix=/nowhere"])
def test_byte_code_in_another_form_or_place_is_not_looked_for(sources, option):
    begin = f"import sys, json\nsys.path.insert(0, {str(sources)!r})\nfrom meterd.gateway import quick_import\n"
    command = [sys.executable, "-S", "-P", option, "-c", f"{begin}quick_import.install()\n{WHOSE}"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(outcome.stdout) != [QUICK, str(sources / "meterd" / "obis.py")]
