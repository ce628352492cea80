"""The feed's Makefiles by OpenWrt's own rules, as far as a make and a compiler of this machine can follow them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.gateway.build import join
from tools.gateway.build.cache import ToolMissing
from tools.gateway.build.third_party import UJSON, sdist
from tools.gateway.package import luci, packages

PROJECT = Path(__file__).resolve().parents[2]
# What OpenWrt's own files define, as far as a package's Makefile needs it to be read and to prepare its sources.
RULES = """\
CP:=cp -fpR
SED:=sed -i -e
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_DATA:=install -m0644
INSTALL_CONF:=install -m0600
INCLUDE_DIR:=$(TOPDIR)/include
PYTHON3_PKG_DIR:=/usr/lib/python3.11/site-packages
prepare:
\t$(Build/Prepare)
install:
\t$(call Py3Package/$(PACKAGE)/install,$(DESTINATION))
script:
\t@:$(info $(Package/$(PACKAGE)/$(SCRIPT)))
filespec:
\t@:$(info $(call Py3Package/$(PACKAGE)/filespec))
evaluated:
\t@:$(info $(EVALUATED))
Py3Package=EVALUATED+=Py3Package:$(1)
BuildPackage=EVALUATED+=BuildPackage:$(1)
"""
BUILD = """
import sys, types
sys.modules["setuptools_scm"] = types.ModuleType("setuptools_scm")
sys.modules["setuptools_scm"].get_version = lambda **how: "6.1.0"
sys.argv = ["setup.py", "--quiet", "build_ext", "--inplace"]
text = open("setup.py").read().replace('use_scm_version={"local_scheme": local_scheme},', "")
exec(compile(text, "setup.py", "exec"))
"""


@pytest.fixture
def feed(tmp_path):
    """Runs a target of a package's Makefile: feed(package, target, VARIABLE=value)."""
    (tmp_path / "include").mkdir()
    (tmp_path / "rules.mk").write_text(RULES)
    (tmp_path / "include" / "package.mk").touch()
    python = tmp_path / "feeds" / "packages" / "lang" / "python"
    python.mkdir(parents=True)
    for name in ("pypi.mk", "python3-package.mk"):
        (python / name).touch()

    def run(package: str, target: str, **variables: str) -> str:
        words = ["make", "--silent", "-C", str(PROJECT / "openwrt" / package), target, f"TOPDIR={tmp_path}"]
        words += [f"{name}={value}" for name, value in variables.items()]
        # Nothing of a make that runs this test.
        environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
        done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("package", "name", "file"),
    [
        ("meterd", "postrm", "meterd.postrm"),
        ("meterd-wcclite", "preinst", "wcclite.preinst"),
        ("meterd-wcclite", "postrm", "wcclite.postrm"),
        *((name, "postinst", "room.postinst") for name in packages.AWAITED),
    ],
)
def test_a_packages_own_scripts_are_those_of_our_packages(feed, package, name, file):
    said = feed("meterd", "script", PACKAGE=package, SCRIPT=name)
    assert said.rstrip("\n") == (PROJECT / "openwrt" / "files" / file).read_text().rstrip("\n")


def test_what_is_installed_lies_in_one_package_alone(feed, tmp_path):
    programs = tmp_path / "built" / "usr" / "bin"
    programs.mkdir(parents=True)
    for name in ("meterd", "dlms", "iec62056-21", "mbus", "elgama"):
        (programs / name).write_text("#!/usr/bin/python3\n")
    files: dict[str, set[str]] = {}
    for package in ("meterd", *packages.ROOMS):
        place = tmp_path / package
        place.mkdir()
        feed("meterd", "install", PACKAGE=package, DESTINATION=str(place), PKG_INSTALL_DIR=str(tmp_path / "built"))
        files[package] = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert "etc/init.d/meterd" in files["meterd"]
    assert {"etc/init.d/dlms", "usr/bin/dlms"} <= files["meterd-wcclite"]
    assert not files["meterd"] & files["meterd-wcclite"]
    assert [package for package in files if files[package]] == [
        package for package in files if package in packages.SYSTEM
    ]


def test_the_sources_are_split_as_our_packages_are(feed):
    site = "/usr/lib/python3.11/site-packages"
    left_out = []
    for room, names in packages.ROOMS.items():
        places = [f"{site}/{name.rstrip('/')}" for name in names]
        assert feed("meterd", "filespec", PACKAGE=room).splitlines() == [f"+|{place}" for place in places]
        left_out += places
    first, *others = feed("meterd", "filespec", PACKAGE="meterd").splitlines()
    assert first == f"+|{site}"
    assert sorted(others) == sorted(f"-|{place}" for place in left_out)


def test_every_package_is_built(feed):
    made = sorted(feed("meterd", "evaluated").split())
    names = ("meterd", *packages.ROOMS)
    assert made == sorted(
        [f"{what}:{name}" for name in names for what in ("Py3Package", "BuildPackage")] + ["BuildPackage:meterd-src"]
    )


def test_lucis_application_depends_on_what_our_package_does(tmp_path):
    """By LuCI's own rules for applications, which are not here: the variables that they take."""
    (tmp_path / "rules.mk").touch()
    (tmp_path / "feeds" / "luci").mkdir(parents=True)
    rules = "say:\n\t@:$(info $(LUCI_DEPENDS)|$(PKG_VERSION)-r$(PKG_RELEASE)|$(PKG_LICENSE))\n"
    (tmp_path / "feeds" / "luci" / "luci.mk").write_text(rules)
    words = ["make", "--silent", "-C", str(PROJECT / "openwrt" / "luci-app-meterd"), "say", f"TOPDIR={tmp_path}"]
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    package = luci.package(packages.version())
    needed = " ".join("+" + name.split()[0] for name in package.depends)
    assert done.stdout.strip() == f"{needed}|{package.version}|MIT"


def test_what_is_compiled_is_what_our_packages_are_made_of(feed, tmp_path):
    place = tmp_path / "prepared"
    feed("meterd", "prepare", PKG_BUILD_DIR=str(place))
    assert [path.relative_to(place).as_posix() for path in place.rglob("_*.pyx")] == ["meterd/_joined.pyx"]
    source, declarations = join.joined(PROJECT)
    assert (place / "meterd" / "_joined.pyx").read_text() == source
    assert (place / "meterd" / "_joined.pxd").read_text() == declarations
    modules = [join.module_of(path, PROJECT) for path in join.compiled(PROJECT)[0]]
    assert len(modules) > 20
    for module in modules:
        assert (place / module.replace(".", "/")).with_suffix(".py").read_text().startswith("import meterd._joined")
    assert not list(place.rglob("*.so"))


def test_ujson_is_built_without_the_cpp_library(feed, tmp_path):
    if not (shutil.which("gcc") and shutil.which("readelf")):
        pytest.skip("a compiler is missing: apt install gcc binutils")
    try:
        shutil.copytree(sdist(UJSON), tmp_path / "ujson")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    feed("python3-ujson", "prepare", PKG_BUILD_DIR=str(tmp_path / "ujson"))
    environment = {
        **os.environ,
        "CC": "gcc",
        "CXX": "g++" if shutil.which("g++") else "gcc",
        "LDFLAGS": "-Wl,--as-needed",
    }
    subprocess.run([sys.executable, "-c", BUILD], cwd=tmp_path / "ujson", env=environment, check=True)
    [built] = (tmp_path / "ujson").glob("ujson*.so")
    needed = subprocess.run(["readelf", "-d", built], capture_output=True, text=True, check=True).stdout
    assert "libstdc++" not in needed
    code = "import ujson; print(ujson.loads('[1.5, 1e300, -0.25]'), ujson.dumps([1e22, 0.1]))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=built.parent, capture_output=True, text=True, check=True
    ).stdout
    assert said == "[1.5, 1e+300, -0.25] [1e+22,0.1]\n"
