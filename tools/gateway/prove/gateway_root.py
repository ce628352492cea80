"""A gateway's root file system, as far as a daemon sees it, for a machine that is only emulated here.

It holds the Python of OpenWrt's python3-light and just those further packages that meterd's own declare, so a missing
dependency fails here as it would there; byte code only, no sources; busybox (native, as the shell is not on trial) and
stand-ins for procd, uci and logger.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
from pathlib import Path

from ..build import third_party
from ..build.cache import ToolMissing, made, program
from ..build.toolchain import BUILT, PYTHON, python
from ..package.imports import FEED
from ..package.ipk import PROGRAM_MODE
from ..package.mini_opkg import INFO, depends, feed, in_hash_order, install_from
from ..package.packages import FILES, FOLDERS, MAINTAINER_SCRIPTS, SITE, SYSTEM, USER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..build.machines import Machine

STANDINS = Path(__file__).with_name("standin")
STANDIN_PLACES = {
    "rc.common": "etc/rc.common", "functions.sh": "lib/functions.sh", "uci": "sbin/uci", "logger": "usr/bin/logger",
}  # fmt: skip
# Left out of python3-light besides what FEED lists (OpenWrt's lang/python/python3/files).
NOT_LIGHT = (
    "cgitb", "curses", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "sqlite3", "tkinter", "turtle",
    "turtledemo", "venv", "config-3.11", "test", "site-packages", "xmlrpc", "http/server", "pdb", "doctest", "cProfile",
)  # fmt: skip
PASSWD = "root:x:0:0:root:/root:/bin/sh\n"
GROUP = "root:x:0:\ndialout:x:20:\n"
# A program with a shebang is run by the kernel, which does not know the machine: so python3 is a script as well.
PYTHON_SCRIPT = '#!/bin/sh\nexec {emulator} /usr/bin/python{version} "$@"\n'


def light_python(machine: Machine) -> Path:
    """A root with musl and the files of python3-light, byte code beside where the source would be.

    Raises: ToolMissing.
    """
    if PYTHON != BUILT:
        raise ToolMissing(f"Python {PYTHON} cannot be built for a gateway here: its source is not to be had")

    def make(folder: Path) -> None:
        whole = python(machine)
        library = f"usr/lib/python{PYTHON}"
        shutil.copytree(whole / "lib", folder / "lib", symlinks=True)
        (folder / "usr" / "bin").mkdir(parents=True)
        shutil.copy(whole / "usr" / "bin" / f"python{PYTHON}", folder / "usr" / "bin")
        left_out = {*FEED, *NOT_LIGHT}

        def ignore(place: str, names: list[str]) -> set[str]:
            inside = Path(place) == whole / library
            return {name for name in names if name == "__pycache__" or (inside and name.partition(".")[0] in left_out)}

        shutil.copytree(whole / library, folder / library, ignore=ignore)
        compileall.compile_dir(
            str(folder / library), stripdir=str(folder), prependdir="/", legacy=True, quiet=2, force=True
        )
        for source in (folder / library).rglob("*.py"):
            source.unlink()

    return made(f"light-{machine.name}", {"python": python(machine).name, "left out": [*FEED, *NOT_LIGHT]}, make)


def feed_package(machine: Machine, name: str) -> list[tuple[Path, str]]:
    """What a package of the standard feed would install: (file or folder, place under /usr/lib/python3.x)."""
    if name == "python3-pyserial":
        return [(third_party.pure(third_party.PYSERIAL) / "serial", "site-packages/serial")]
    if name == "python3-msgpack":
        return [(third_party.msgpack(machine) / "msgpack", "site-packages/msgpack")]
    library = python(machine) / "usr" / "lib" / f"python{PYTHON}"
    found = []
    for module in (module for module, package in FEED.items() if package == name):
        found += [(path, path.name) for path in (library / module, library / f"{module}.py") if path.exists()]
        found += [(path, f"lib-dynload/{path.name}") for path in (library / "lib-dynload").glob(f"_{module}*.so")]
    return found


def shell(root: Path) -> None:
    """Give the root busybox, users, and the stand-ins for procd, uci and logger. Raises: ToolMissing."""
    for folder in ("bin", "sbin", "etc/init.d", "etc/config", "dev", "proc", "tmp", "root", "var/run", "usr/bin"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc" / "passwd").write_text(PASSWD)
    (root / "etc" / "group").write_text(GROUP)
    busybox = program("busybox", "busybox-static")
    shutil.copy(busybox, root / "bin" / "busybox")
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if not (root / "bin" / applet).exists():
            (root / "bin" / applet).symlink_to("busybox")
    (root / "bin" / "logger").unlink(missing_ok=True)
    (root / "lib").mkdir(exist_ok=True)
    for name, place in STANDIN_PLACES.items():
        shutil.copy(STANDINS / name, root / place)


def scripts(root: Path) -> None:
    """A root with the shell and meterd's scripts alone, on which the scripts can be tried. Raises: ToolMissing."""
    shell(root)
    info = root / INFO
    info.mkdir(parents=True)
    for package, files in SYSTEM.items():
        for name, (place, mode) in files.items():
            target = root / place.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(FILES / name, target)
            target.chmod(mode)
        for folder in FOLDERS.get(package, ()):
            (root / folder.lstrip("/")).mkdir(parents=True)
        places = in_hash_order(place for place, _ in files.values())
        (info / f"{package}.list").write_text("".join(f"{place}\n" for place in places))
        (info / f"{package}.control").write_text(f"Package: {package}\nRequire-User: {USER}\n")
        for name, file in MAINTAINER_SCRIPTS[package].items():
            shutil.copy(FILES / file, info / f"{package}.{name}")
            (info / f"{package}.{name}").chmod(PROGRAM_MODE)


def settle(root: Path, package: str, action: str = "postinst", upgrade: bool = False, manager: str = "opkg") -> str:
    """Run a package's own script as opkg does after unpacking it (`postinst`) or before removing it (`prerm`).

    It makes the package's users, runs its uci-defaults, enables and starts its init scripts, or ends and disables
    them. `manager` apk sets no PKG_ROOT. Returns what was said. Raises: RuntimeError where the script failed. Takes
    root's rights.
    """
    script = f"/{INFO}/{package}.{action}"
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PKG_UPGRADE": "1" if upgrade else "0"}
    if manager == "opkg":
        environment["PKG_ROOT"] = "/"
    done = subprocess.run(
        [script], preexec_fn=in_root(root), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{script}: exit {done.returncode}: {done.stdout}")
    return done.stdout


def create(root: Path, machine: Machine, packages_feed: Path, names: list[str]) -> None:
    """Fill the root and install the packages. Raises: ToolMissing, Refused."""
    shutil.copytree(light_python(machine), root, symlinks=True)
    shell(root)
    emulator = program(machine.emulator[0], "qemu-user-static")
    shutil.copy(emulator, root / "usr" / "bin" / machine.emulator[0])
    words = " ".join([f"/usr/bin/{machine.emulator[0]}", *machine.emulator[1:]])
    script = root / "usr" / "bin" / "python3"
    script.write_text(PYTHON_SCRIPT.format(emulator=words, version=PYTHON))
    script.chmod(0o755)
    installed = install_from(packages_feed, root, machine, names)
    wanted = {entry for content in installed for entry in depends(content.fields)}
    _install_feed_packages(root, machine, wanted - set(feed(packages_feed)))


def _install_feed_packages(root: Path, machine: Machine, wanted: set[str]) -> None:
    # python3-pyserial itself depends on these (openwrt/packages, lang/python/python-pyserial).
    if "python3-pyserial" in wanted:
        wanted |= {"python3-logging", "python3-urllib"}
    library = root / "usr" / "lib" / f"python{PYTHON}"
    for name in sorted(wanted - {"python3-light"}):
        for path, place in feed_package(machine, name):
            target = library / place
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, target)
    added = [path for path in library.rglob("*.py")]
    compileall.compile_dir(str(library), stripdir=str(root), prependdir="/", legacy=True, quiet=2)
    for source in added:
        source.unlink()
    assert (root / SITE.lstrip("/")).is_dir()


def in_root(root: Path, user: int = 0, group: int = 0, groups: tuple[int, ...] = ()):  # type: ignore[no-untyped-def]
    """For subprocess's preexec_fn: move into the root and become the user."""

    def enter() -> None:
        os.chroot(root)
        os.chdir("/")
        os.setgroups(groups)
        os.setgid(group)
        os.setuid(user)

    return enter
