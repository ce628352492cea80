"""Checks an ipk as a reviewer of OpenWrt's feed would, and installs it into a root as opkg does.

`python -m tools.gateway.package.mini_opkg ROOT MACHINE FEED NAME…` installs packages and what they depend on within the
feed; what the standard feed has is taken as given. Scripts are put in their place but not run.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import sys
import tarfile
import zlib
from pathlib import Path

from ..build.elf import Elf
from ..build.machines import MACHINES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..build.machines import Machine

REQUIRED = ("Package", "Version", "Architecture", "Description")
LIBRARIES = ("libc.so",)
MEMBERS = ["./debian-binary", "./data.tar.gz", "./control.tar.gz"]
INFO = "usr/lib/opkg/info"
_FIELD = re.compile(r"([A-Za-z0-9-]+): (.*)")
_DEPENDENCY = re.compile(r"[a-z0-9][a-z0-9+.-]*( \((=|<<|<=|>=|>>) [^ )]+\))?")


class Refused(Exception):
    """The package is not as it must be; the text says in what."""


class Content:
    """An ipk taken apart."""

    __slots__ = ("conffiles", "fields", "members", "name", "scripts")

    def __init__(self, path: Path) -> None:
        self.name = path.name
        with tarfile.open(path, "r:gz") as outer:
            if outer.getnames() != [name.rstrip("/") for name in [".", *MEMBERS]] and outer.getnames() != MEMBERS:
                raise Refused(f"{path.name}: holds {outer.getnames()}, not {MEMBERS}")
            parts = {name: _extract(outer, name) for name in MEMBERS}
        if parts[MEMBERS[0]] != b"2.0\n":
            raise Refused(f"{path.name}: debian-binary is {parts[MEMBERS[0]]!r}")
        control = {name: found for name, found in _members(parts[MEMBERS[2]]).items() if not name.endswith("/")}
        self.members = _members(parts[MEMBERS[1]])
        self.fields = _fields(control.pop("control")[1].decode())
        self.conffiles = control.pop("conffiles", (0, b""))[1].decode().split()
        self.scripts = {name: (mode, content.decode()) for name, (mode, content) in control.items()}


def _extract(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    if found is None:
        raise Refused(f"{name} is no file")
    return found.read()


def _members(packed: bytes) -> dict[str, tuple[int, bytes]]:
    """Path → (mode, content); folders end in '/'."""
    members: dict[str, tuple[int, bytes]] = {}
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        for member in archive:
            name = "" if member.name == "." else member.name.removeprefix("./")
            if ".." in Path(name).parts or member.name.startswith("/"):
                raise Refused(f"{member.name} leaves the root")
            if member.uid or member.gid or member.uname or member.gname:
                raise Refused(f"{member.name} belongs to {member.uname or member.uid}, not to root by number")
            if member.isfile():
                members[name] = (member.mode, _extract(archive, member.name))
            elif member.isdir():
                members[name + "/"] = (member.mode, b"")
            else:
                raise Refused(f"{member.name} is neither a file nor a folder")
    return members


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.rstrip("\n").split("\n"):
        found = _FIELD.fullmatch(line)
        if not found:
            raise Refused(f"control: {line!r} is no field")
        fields[found[1]] = found[2]
    return fields


def check(path: Path, machine: Machine) -> Content:
    """Take the package apart. Raises: Refused, saying what is wrong with it."""
    content = Content(path)
    fields = content.fields
    for name in REQUIRED:
        if not fields.get(name):
            raise Refused(f"{path.name}: no {name}")
    if fields["Architecture"] not in (machine.name, "all"):
        raise Refused(f"{path.name}: for {fields['Architecture']}, not {machine.name}")
    if path.name != f"{fields['Package']}_{fields['Version']}_{fields['Architecture']}.ipk":
        raise Refused(f"{path.name}: the name does not say what is inside")
    for entry in filter(None, fields.get("Depends", "").split(", ")):
        if not _DEPENDENCY.fullmatch(entry):
            raise Refused(f"{path.name}: dependency {entry!r}")
    _check_control(path.name, content)
    for name, (mode, data) in content.members.items():
        _check_file(f"{path.name}: {name}", name, mode, data, machine)
    return content


def _check_control(where: str, content: Content) -> None:
    for name in content.conffiles:
        if name.lstrip("/") not in content.members:
            raise Refused(f"{where}: conffile {name} is not in the package")
    for name, (mode, text) in content.scripts.items():
        if mode != 0o755 or not text.startswith("#!/bin/sh\n"):
            raise Refused(f"{where}: {name} is no executable shell script")


def _check_file(where: str, name: str, mode: int, data: bytes, machine: Machine) -> None:
    program = name.startswith(("usr/bin/", "etc/init.d/", "etc/uci-defaults/")) and not name.endswith("/")
    if program and mode != 0o755:
        raise Refused(f"{where} has mode {mode:o}")
    if mode & 0o022:
        raise Refused(f"{where} may be written by others than its owner")
    if name.endswith(".py"):
        raise Refused(f"{where}: source where byte code belongs")
    if name.endswith(".so"):
        _check_elf(where, data, machine)


def _check_elf(where: str, data: bytes, machine: Machine) -> None:
    try:
        elf = Elf(data)
    except ValueError as error:
        raise Refused(f"{where}: {error}") from None
    found = (elf.machine, elf.bits, elf.big_endian, elf.float_abi)
    if found != (machine.elf_machine, machine.bits, machine.big_endian, machine.float_abi):
        raise Refused(f"{where}: machine, bits, big-endian, float ABI {found} are not those of {machine.name}")
    if not elf.stripped:
        raise Refused(f"{where}: not stripped")
    for library in elf.needed:
        if library not in LIBRARIES:
            raise Refused(f"{where} needs {library}")


def install(root: Path, machine: Machine, path: Path) -> Content:
    """Check the package and unpack it; a configuration file that was changed stays, as opkg leaves it. What an older
    version had and this one has not goes, but not the folders that are empty then.

    Raises: Refused, also where a file is another package's (opkg's check_data_file_clashes) that it does not replace.
    """
    content = check(path, machine)
    info = root / INFO
    info.mkdir(parents=True, exist_ok=True)
    _take_over(info, content)
    before = _lines(info / f"{content.fields['Package']}.list")
    recorded = _recorded(info / f"{content.fields['Package']}.conffiles")
    for name, (mode, data) in content.members.items():
        target = root / name
        if name.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
            if name != "/":
                target.chmod(mode)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if (
            f"/{name}" in content.conffiles
            and target.exists()
            and _digest(target.read_bytes()) != recorded.get(f"/{name}")
        ):
            target = target.with_name(target.name + "-opkg")
        target.write_bytes(data)
        target.chmod(mode)
    for name in before:
        if name.lstrip("/") not in content.members and name not in content.conffiles:
            (root / name.lstrip("/")).unlink(missing_ok=True)
    _record(info, content)
    return content


def _take_over(info: Path, content: Content) -> None:
    """What a package that this one replaces has is this one's from now on; of others nothing may be."""
    for other in sorted(info.glob("*.list")):
        names = _lines(other)
        left = [name for name in names if name.lstrip("/") not in content.members]
        if other.stem == content.fields["Package"] or len(left) == len(names):
            continue
        if other.stem not in content.fields.get("Replaces", "").split(", "):
            taken = next(name for name in names if name not in left)
            raise Refused(f"{content.name}: {taken} is already provided by package {other.stem}")
        other.write_text("".join(f"{name}\n" for name in left))


def in_hash_order(names: Iterable[str]) -> list[str]:
    """As opkg lists a package's files: by a hash of the name, which is no order that anybody may count on."""
    return sorted(names, key=lambda name: zlib.crc32(name.encode()))


def remove(root: Path, package: str) -> None:
    """Take a package's files away; changed configuration stays, and so do folders, as with the real opkg."""
    info = root / INFO
    recorded = _recorded(info / f"{package}.conffiles")
    places = [root / name.lstrip("/") for name in (info / f"{package}.list").read_text().splitlines()]
    for path in places:
        digest = recorded.get("/" + path.relative_to(root).as_posix())
        if path.exists() and (digest is None or digest == _digest(path.read_bytes())):
            path.unlink()
    for path in info.glob(f"{package}.*"):
        path.unlink()


def _record(info: Path, content: Content) -> None:
    package = content.fields["Package"]
    (info / f"{package}.control").write_text("".join(f"{name}: {value}\n" for name, value in content.fields.items()))
    files = in_hash_order(f"/{name}" for name in content.members if not name.endswith("/"))
    (info / f"{package}.list").write_text("".join(f"{name}\n" for name in files))
    if content.conffiles:
        digests = [f"{name} {_digest(content.members[name.lstrip('/')][1])}\n" for name in content.conffiles]
        (info / f"{package}.conffiles").write_text("".join(digests))
    for name, (mode, text) in content.scripts.items():
        script = info / f"{package}.{name}"
        script.write_text(text)
        script.chmod(mode)


def _recorded(path: Path) -> dict[str, str]:
    return dict(line.split() for line in _lines(path))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def feed(folder: Path) -> dict[str, dict[str, str]]:
    """The packages of a feed by name, from its Packages.gz. Raises: Refused where a file is not what the index says."""
    found = {}
    for section in gzip.decompress((folder / "Packages.gz").read_bytes()).decode().split("\n\n"):
        fields = _fields(section)
        data = (folder / fields["Filename"]).read_bytes()
        if len(data) != int(fields["Size"]) or _digest(data) != fields["SHA256sum"]:
            raise Refused(f"{fields['Filename']}: not the file that the index describes")
        found[fields["Package"]] = fields
    return found


def depends(fields: dict[str, str]) -> list[str]:
    """The packages that one of these fields asks for, whatever versions of them."""
    return [entry.partition(" ")[0] for entry in fields.get("Depends", "").split(", ") if entry]


def install_from(folder: Path, root: Path, machine: Machine, names: list[str]) -> list[Content]:
    """Install packages of a feed and, before each, those of the feed that it depends on."""
    packages = feed(folder)
    installed: dict[str, Content] = {}
    asked: set[str] = set()

    def need(name: str) -> None:
        if name in asked or name not in packages:
            return
        asked.add(name)
        for dependency in depends(packages[name]):
            need(dependency)
        installed[name] = install(root, machine, folder / packages[name]["Filename"])

    for name in names:
        if name not in packages:
            raise Refused(f"{name}: not in this feed")
        need(name)
    return list(installed.values())


def main(words: list[str]) -> int:
    root, machine, folder, *names = words
    for content in install_from(Path(folder), Path(root), MACHINES[machine], names):
        print(f"{content.name}: checked and installed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
