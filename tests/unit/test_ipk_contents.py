"""What meterd's packages hold and depend on, judged from the sources: no compiler is needed for it."""

from __future__ import annotations

import ast
import json
import marshal
import subprocess
import sys
from pathlib import Path

import pytest

from meterd.cli.exit_codes import USAGE
from meterd.cli.main import COMMANDS, PACKAGES, main
from meterd.protocols import registry
from tools.gateway.build import compiled
from tools.gateway.build.byte_code import byte_code, line_table, with_few_references
from tools.gateway.package import packages
from tools.gateway.package.imports import FEED, IF_THERE, OPTIONAL, depends, imported, imported_at_once, optional

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = sorted((PROJECT / "meterd").rglob("*.py"))


def home_of(path: Path) -> str:
    return packages.home_of(path.relative_to(PROJECT).as_posix(), path)


FEED_MAKEFILE = (PROJECT / "openwrt" / "meterd" / "Makefile").read_text()


def test_every_import_has_a_package():
    known = {*FEED, *IF_THERE, *OPTIONAL, *sys.stdlib_module_names, "meterd"}
    unknown = {(path.name, name) for path in SOURCES for name in imported(path) if name not in known}
    assert unknown == set()


def test_the_core_needs_no_optional_package():
    at_once = {name for path in SOURCES if home_of(path) == "meterd" for name in imported_at_once(path)}
    assert at_once.isdisjoint(OPTIONAL)


def test_the_sdks_makefile_declares_what_the_sources_need():
    core = [path for path in SOURCES if home_of(path) == "meterd"]
    for name in depends({name for path in core for name in imported(path)}):
        assert f"+{name}" in FEED_MAKEFILE
    for name in optional({name for path in SOURCES for name in imported(path)}):
        assert f"Package/{name}\n" in FEED_MAKEFILE


def test_the_sdks_makefile_defines_nothing_twice():
    defined = [line for line in FEED_MAKEFILE.splitlines() if line.startswith(("define ", "$(eval "))]
    assert sorted(defined) == sorted(set(defined))


def said_in_makefile(name: str) -> list[str]:
    """The words of a variable of the feed's Makefile."""
    return FEED_MAKEFILE.replace("\\\n", " ").split(f"\n{name}:=", 1)[1].split("\n", 1)[0].split()


def test_the_sdks_makefile_splits_as_these_packages_do():
    for home, names in packages.ROOMS.items():
        assert said_in_makefile(f"METERD_FILES_{home}") == [name.removeprefix("meterd/").rstrip("/") for name in names]
        assert all((PROJECT / name).exists() for name in names)
        assert f"\ndefine Package/{home}\n" in FEED_MAKEFILE
    assert FEED_MAKEFILE.count("\nMETERD_FILES_") == len(packages.ROOMS)
    assert said_in_makefile("METERD_AWAITED") == list(packages.AWAITED)


def modules_imported(path: Path) -> set[Path]:
    """meterd's own files that a source imports at once."""
    found = set()
    waiting = list(ast.parse(path.read_text()).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom) and node.level:
            place = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            found |= {place.with_suffix(".py"), *(place / f"{name.name}.py" for name in node.names)}
            found |= {place / "__init__.py"}
        elif not isinstance(node, (ast.FunctionDef, ast.If)):
            waiting += ast.iter_child_nodes(node)
    return {each for each in found if each.exists()}


def test_what_a_package_imports_at_once_is_in_what_it_depends_on():
    for path in SOURCES:
        home = home_of(path)
        homes = {home_of(module) for module in modules_imported(path)}
        loaded_by = packages.LOADED_BY.get(path.relative_to(PROJECT).as_posix(), home)
        assert homes <= {home, "meterd", loaded_by, *packages.NEEDS.get(home, ()), *packages.NEEDS.get(loaded_by, ())}
    for home, others in packages.NEEDS.items():
        section = FEED_MAKEFILE.split(f"define Package/{home}\n", 1)[1].partition("endef")[0]
        for name in others:
            assert f"+{name}" in section.split("DEPENDS:=", 1)[1]


def test_commands_of_other_packages_are_known_by_them():
    commands = {module for module, _ in COMMANDS.values()}
    homes = {module: home_of(PROJECT / "meterd" / "cli" / f"{module}.py") for module in commands}
    assert {module: home for module, home in homes.items() if home != "meterd"} == PACKAGES


def test_protocols_of_other_packages_are_known_by_them():
    rooms = set(registry.PROGRAMS.values())
    homes = {room: home_of(PROJECT / "meterd" / "protocols" / room / "parameters.py") for room in rooms}
    assert {room: home for room, home in homes.items() if home != "meterd"} == registry.BROUGHT_BY


@pytest.mark.parametrize("command", [command for command, (module, _) in COMMANDS.items() if module in PACKAGES])
def test_a_command_that_is_not_installed_says_which_package_brings_it(command, monkeypatch, capsys):
    module = COMMANDS[command][0]
    monkeypatch.setitem(sys.modules, f"meterd.cli.{module}", None)  # as if it were not there
    assert main([command]) == USAGE
    said = capsys.readouterr().err
    assert said == f"meterd {command}: is not installed here: opkg install {PACKAGES[module]}\n"


def test_a_fault_of_the_installation_is_no_package_that_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "meterd.cli.control", None)
    with pytest.raises(ModuleNotFoundError):
        main(["status"])


def test_no_file_is_in_two_packages():
    places = [place for files in packages.SYSTEM.values() for place, _ in files.values()]
    places += [folder for folders in packages.FOLDERS.values() for folder in folders]
    assert len(places) == len(set(places))
    taken = [name for names in packages.ROOMS.values() for name in names]
    assert len(taken) == len(set(taken))
    assert not any(one != other and other.startswith(one) for one in taken for other in taken)


def test_the_sdks_makefile_installs_what_these_packages_do():
    for package, files in packages.SYSTEM.items():
        section = FEED_MAKEFILE.split(f"define Py3Package/{package}/install\n", 1)[1].partition("endef")[0]
        for name, (place, _) in files.items():
            if not place.startswith("/lib/upgrade/"):  # conffiles that are not there become this, by OpenWrt's rules
                assert f"../files/{name} $(1){place}\n" in section
        for program in packages.programs_of(package):
            assert f"$(PKG_INSTALL_DIR)/usr/bin/{program} $(1)/usr/bin/" in section


def test_what_pulls_a_cpp_library_in_is_never_asked_for():
    assert "python3-msgpack" not in FEED_MAKEFILE
    assert "python3-msgpack" not in depends({name for path in SOURCES for name in imported(path)})


def test_the_sdks_makefile_has_this_version():
    assert f"PKG_VERSION:={packages.version().partition('-')[0]}\n" in FEED_MAKEFILE


def test_the_sdks_makefile_compiles_with_the_same_options():
    # OpenWrt and its Python say these themselves.
    theirs = {"-Os", "-DNDEBUG", "-fwrapv", "-O2", "-s", "-mips16"}
    ours = {
        "METERD_CFLAGS": compiled.CFLAGS, "METERD_LDFLAGS": compiled.LDFLAGS,
        "METERD_MIPS_CFLAGS": compiled.MIPS_CFLAGS, "METERD_MIPS_LDFLAGS": compiled.MIPS_LDFLAGS,
    }  # fmt: skip
    for name, flags in ours.items():
        assert set(said_in_makefile(name)) == set(flags.split()) - theirs
    assert "PYTHONNODEBUGRANGES" not in FEED_MAKEFILE, "it would reach every recipe of the whole build"


def test_every_file_of_the_service_is_packaged():
    scripts = {file for files in packages.MAINTAINER_SCRIPTS.values() for file in files.values()}
    system = {name for files in packages.SYSTEM.values() for name in files}
    assert {path.name for path in packages.FILES.iterdir()} == {*system, *scripts}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="byte code of 3.11 is made by 3.11")
def test_byte_code_runs_and_has_neither_docstrings_nor_columns(tmp_path):
    source = tmp_path / "m.py"
    source.write_text(
        '"""Long."""\nfrom __future__ import annotations\ndef f():\n    """Only this."""\nclass C:\n    "x"\n'
    )
    made = byte_code({"/site/m.py": source, "/site/kept/m.py": source}, ("kept",), "3.11")
    bare, kept = made["/site/m.py"], made["/site/kept/m.py"]
    assert b"Only this" not in bare
    assert b"Only this" in kept
    (tmp_path / "n.pyc").write_bytes(bare)
    sys.path.insert(0, str(tmp_path))
    try:
        import n  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(tmp_path))
    assert n.f() is None
    assert n.f.__doc__ is None
    assert n.f.__code__.co_filename == "/site/m.py"
    assert next(iter(n.f.__code__.co_positions()))[2:] == (None, None)


LONG = "def f(a, b):\n    x = [\n        a,\n" + "\n" * 900 + "        a.one(b).two(a, b, a + b, a - b),\n    ]\n"
LONG += "    for y in x:\n        with a: del y\n    return x\n"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the tables of lines are 3.11's")
@pytest.mark.parametrize("source", [LONG, Path(json.__file__).parent.joinpath("decoder.py").read_text(), "lambda: 1"])
def test_a_line_is_told_once_and_is_the_same_line(source):
    def lines(code, by=None):
        """Of each instruction that has a line, in `by` or by itself, the line that the code's own table tells."""
        by = by or code
        having = [place for begin, end, line in by.co_lines() if line is not None for place in range(begin, end)]
        told = {place: line for begin, end, line in code.co_lines() for place in range(begin, end)}
        inner = [[each for each in one.co_consts if isinstance(each, type(code))] for one in (code, by)]
        return [{place: told[place] for place in having}, *map(lines, *inner)]

    def shortened(code):
        inner = tuple(shortened(each) if isinstance(each, type(code)) else each for each in code.co_consts)
        return code.replace(co_consts=inner, co_linetable=line_table(code))

    code = compile(source, "m.py", "exec")
    assert lines(shortened(code), code) == lines(code)
    assert None not in [line for _, _, line in shortened(code).co_lines()]
    assert len(line_table(code)) < len(code.co_linetable)


TYPED = """
from __future__ import annotations
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    Base = Mapping[str, int]
else:
    Base = object
class Wanted(Base):
    one: int
    two: int = 2
class Nothing:
    one: int
def f(x: Mapping) -> None:
    y: int
    for y in (1, 2):
        z: int
    return Base, x, y
"""


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="byte code of 3.11 is made by 3.11")
def test_what_stands_in_place_of_types_is_kept_and_types_leave_nothing(tmp_path):
    source, bare = tmp_path / "typed.py", tmp_path / "bare.py"
    source.write_text(TYPED)
    bare.write_text(
        "Base = object\nclass Wanted(Base):\n two = 2\nclass Nothing:\n pass\n"
        "def f(x):\n for y in (1, 2):\n  pass\n return Base, x, y\n"
    )
    made = byte_code({"/typed.py": source, "/bare.py": bare}, (), "3.11")
    codes = [marshal.loads(each[16:]) for each in made.values()]
    assert [each.co_code for each in codes] == [codes[0].co_code] * 2
    space: dict = {"__name__": "typed"}
    exec(codes[0], space)
    assert space["f"](7) == (object, 7, 2)
    assert (space["Wanted"].two, space["Wanted"].__mro__, space["Nothing"].__mro__[1:]) == (
        2,
        (space["Wanted"], object),
        (object,),
    )


def same(one, other) -> bool:
    """Whether two objects out of a byte code file are alike, code objects by all that they are made of."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, type(same.__code__)):
        names = [name for name in dir(one) if name.startswith("co_") and not callable(getattr(one, name))]
        return all(same(getattr(one, name), getattr(other, name)) for name in names if name != "co_lnotab")
    return one == other if isinstance(one, frozenset) else repr(one) == repr(other)


EVERY_KIND = """
x = (1, 2**31, -(2**100), 1.5, -0.0, 2j, None, True, False, ..., b"octets", "text", "ä", "a" * 300, {1, 2} == x)
if x in {"one", "two", b"three"}:
    lambda one, *two, three="text", **four: (one, "text", x[1:2], "ä")
"""


@pytest.mark.parametrize("source", [LONG, EVERY_KIND, Path(json.__file__).parent.joinpath("decoder.py").read_text()])
def test_fewer_marks_for_references_are_the_same_code(source):
    code = compile(source, "m.py", "exec", dont_inherit=True)
    whole = marshal.dumps(code)
    few = with_few_references(whole)
    assert same(marshal.loads(few), code)
    assert len(few) == len(whole)
    marks = [sum(octet >> 7 for octet in each) for each in (few, whole)]
    assert marks[0] <= marks[1]
    assert with_few_references(few) == few


@pytest.mark.parametrize("cut", range(1, 40, 7))
def test_what_is_no_byte_code_is_no_byte_code_afterwards(cut):
    with pytest.raises((ValueError, IndexError)):
        with_few_references(marshal.dumps(compile("x = (1, 'two')", "m.py", "exec"))[:cut])


def test_byte_code_of_another_version_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match=r"3\.9"):
        byte_code({}, (), "3.9")


SOME_METERS = """
config device 'hall'
	option protocol 'IEC 62056-21'
	option ip '127.0.0.1'
	option port '1'
	option serialnumber '0'
config signal 'hall_energy'
	option device_alias 'hall'
	option job_todo '1.8.0'
	option tag_job_todo '1.8.0'
	option number_type 'DOUBLE'
config device 'plain'
	option protocol 'DLMS'
	option ip '127.0.0.1'
	option port '2'
	option type 'LN'
	option mode 'DLMS-WRAPPER'
	option client_address '16'
config signal 'plain_energy'
	option device_alias 'plain'
	option obis_job '1.0.1.8.0.255:2'
config device 'sealed'
	option protocol 'DLMS'
	option ip '127.0.0.1'
	option port '3'
	option type 'LN'
	option mode 'DLMS-WRAPPER'
	option client_address '1'
	option auth 'HighMD5'
	option password 'hidden'
config signal 'sealed_energy'
	option device_alias 'sealed'
	option obis_job '1.0.1.8.0.255:2'
config device 'behind'
	option protocol 'IEC 62056-21'
	option ip '127.0.0.1'
	option port '5'
	option serialnumber '0'
	option serial_server 'rfc2217'
config signal 'behind_energy'
	option device_alias 'behind'
	option job_todo '1.8.0'
	option tag_job_todo '1.8.0'
	option number_type 'DOUBLE'
config device 'datagrams'
	option protocol 'DLMS'
	option ip '127.0.0.1'
	option port '6'
	option type 'LN'
	option mode 'DLMS-WRAPPER'
	option client_address '16'
	option transport 'udp'
config signal 'datagrams_energy'
	option device_alias 'datagrams'
	option obis_job '1.0.1.8.0.255:2'
config signal 'hall_rows'
	option device_alias 'hall'
	option job_todo 'P.01'
	option tag_job_todo 'P.01#1.5.0'
	option number_type 'DOUBLE'
config signal 'plain_rows'
	option device_alias 'plain'
	option obis_job '1.0.99.1.0.255:2'
	option column '1.0.1.8.0.255:2'
config signal 'plain_whole'
	option device_alias 'plain'
	option obis_job '1.0.99.2.0.255:2'
	option class_id '7'
config device 'teller'
	option protocol 'IEC 62056-21'
	option ip '127.0.0.1'
	option port '7'
	option serialnumber '0'
	option type 'D'
config signal 'teller_energy'
	option device_alias 'teller'
	option job_todo '1.8.0'
	option tag_job_todo '1.8.0'
	option number_type 'DOUBLE'
config device 'feeder'
	option protocol 'Elgama'
	option ip '127.0.0.1'
	option port '4'
config signal 'feeder_energy'
	option device_alias 'feeder'
	option job_todo '1.8.0'
"""


@pytest.fixture(scope="module")
def core_alone(tmp_path_factory):
    """A folder with what the package meterd has, as sources; the folders of what it has not are there and empty."""
    place = tmp_path_factory.mktemp("core")
    for path in SOURCES:
        target = place / path.relative_to(PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if home_of(path) == "meterd":
            target.write_bytes(path.read_bytes())
    for path in (PROJECT / "meterd").rglob("*.so"):
        (place / path.relative_to(PROJECT)).write_bytes(path.read_bytes())
    return place


def in_core(place: Path, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=place, env={"PYTHONPATH": str(place)}, input=text, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_every_module_of_the_core_can_be_imported_where_nothing_else_is_installed(core_alone):
    names = [path.relative_to(PROJECT).with_suffix("") for path in SOURCES if home_of(path) == "meterd"]
    modules = [".".join(name.parts).removesuffix(".__init__") for name in names if name.name != "__main__"]
    code = "import sys\nfor name in sys.stdin.read().split(): __import__(name)\nprint(sys.modules['meterd'].__file__)"
    done = in_core(core_alone, "-c", code, text="\n".join(modules))
    assert done.stderr == ""
    assert done.stdout.startswith(str(core_alone))


def test_what_needs_a_package_that_is_not_installed_says_which_and_the_rest_is_read(core_alone):
    (core_alone / "meterd.uci").write_text(SOME_METERS)
    done = in_core(core_alone, "-m", "meterd", "check", "meterd.uci")
    said = done.stderr + done.stdout
    wants = [line for line in said.splitlines() if " needs the package " in line]
    expected = {
        "device feeder, ": 'found "Elgama", which needs the package meterd-elgama',
        "line 22, device sealed, ": "or high-level authentication needs the package meterd-dlms-security",
        "device behind, parameter serial_server: ": "rfc2217 needs the package meterd-transports",
        "device datagrams, parameter transport: ": "udp needs the package meterd-transports",
        "device teller": "type D, which sends unasked, needs the package meterd-push",
        "device hall, signal hall_rows: ": "a load profile needs the package meterd-profiles",
        "device plain, signal plain_rows: ": "a load profile needs the package meterd-profiles",
        "device plain, signal plain_whole: ": "a load profile needs the package meterd-profiles",
    }
    assert len(wants) == len(expected), said
    for place, what in expected.items():
        [want] = [line for line in wants if place in line]
        assert what in want
        assert want.endswith(f": opkg install {what.split()[-1]}")
