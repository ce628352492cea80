"""The ipk format and the index of a directory feed, as opkg reads them.

An ipk is a gzip-compressed tar of `debian-binary` ("2.0"), `data.tar.gz` and `control.tar.gz` (OpenWrt's ipkg-build);
not an ar archive, as Debian's is. The same content gives the same bytes: the order told by the content alone, owners
numeric, times zero.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from ..build.cache import ToolMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Order = Callable[[Mapping[str, bytes]], Iterable[str]]

FILE_MODE = 0o644
PROGRAM_MODE = 0o755
SECRET_MODE = 0o600
SIGNERS = ("usign", "signify-openbsd", "signify")


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)


class Package:
    """One package: control fields, files (path in the root → content and mode), configuration files, scripts."""

    __slots__ = (
        "architecture",
        "conffiles",
        "depends",
        "description",
        "fields",
        "files",
        "folders",
        "name",
        "scripts",
        "version",
    )

    def __init__(
        self, name: str, version: str, architecture: str, description: str, depends: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.version = version
        self.architecture = architecture
        self.description = description
        self.depends: tuple[str, ...] = ()
        self.files: dict[str, tuple[bytes, int]] = {}
        self.folders: dict[str, int] = {}
        self.conffiles: list[str] = []
        self.scripts: dict[str, str] = {}
        self.fields: dict[str, str] = {}

    def add(self, path: str, content: bytes, mode: int = FILE_MODE) -> None:
        self.files[path] = (content, mode)

    def installed_size(self) -> int:
        """Bytes of all files, as opkg reckons; a flash file system's own compression is not counted."""
        return sum(len(content) for content, _ in self.files.values())

    def control(self) -> str:
        rows = {
            "Package": self.name,
            "Version": self.version,
            "Depends": ", ".join(self.depends),
            "Source": f"feeds/meterd/{self.name}",
            "Section": "utils",
            "License": "MIT",
            **self.fields,
            "Architecture": self.architecture,
            "Installed-Size": str(self.installed_size()),
            "Description": " " + self.description,
        }
        return "".join(f"{name}: {value.strip()}\n" for name, value in rows.items() if value)

    def file_name(self) -> str:
        return f"{self.name}_{self.version}_{self.architecture}.ipk"

    def write(self, folder: Path, compress: Callable[[bytes], bytes] = _gzip, order: Order = sorted) -> Path:
        """Write the ipk into the folder; returns its path.

        `compress` makes a gzip file of the tar with the content, in which the files stand in an `order` told by their
        names and what of the tar is each one's.
        """
        control = {"control": (self.control().encode(), FILE_MODE)}
        if self.conffiles:
            control["conffiles"] = ("".join(f"{path}\n" for path in sorted(self.conffiles)).encode(), FILE_MODE)
        for name, text in self.scripts.items():
            control[name] = (text.encode(), PROGRAM_MODE)
        path = folder / self.file_name()
        folder.mkdir(parents=True, exist_ok=True)
        data = {name.lstrip("/"): found for name, found in self.files.items()}
        members = {
            "debian-binary": (b"2.0\n", FILE_MODE),
            "data.tar.gz": (_archive(data, self.folders, compress, order), FILE_MODE),
            "control.tar.gz": (_archive(control, {}), FILE_MODE),
        }
        # What is compressed already gains nothing by it, but opkg wants it so.
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_bytes(_archive(members, {}, order=list))
        new.replace(path)  # at once: several proofs may write and read a feed side by side
        return path


def _archive(
    files: dict[str, tuple[bytes, int]],
    folders: dict[str, int],
    compress: Callable[[bytes], bytes] = _gzip,
    order: Order = sorted,
) -> bytes:
    """A gzip-compressed tar; folders come before what lies in them."""
    modes = {name.strip("/"): mode for name, mode in folders.items()}
    for name in files:
        for parent in Path(name).parents:
            modes.setdefault(parent.as_posix(), PROGRAM_MODE)
    modes.pop(".", None)
    raw = _member("./", tarfile.DIRTYPE, PROGRAM_MODE)
    raw += b"".join(_member(f"./{name}/", tarfile.DIRTYPE, mode) for name, mode in sorted(modes.items()))
    members = {name: _member(f"./{name}", tarfile.REGTYPE, mode, content) for name, (content, mode) in files.items()}
    raw += b"".join(members[name] for name in order(members)) + bytes(2 * tarfile.BLOCKSIZE)
    return compress(raw + bytes(-len(raw) % tarfile.RECORDSIZE))


def _member(name: str, kind: bytes, mode: int, content: bytes = b"") -> bytes:
    """What an archive has for one file or folder: its head, and the content in whole blocks."""
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.size = kind, mode, len(content)
    return member.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def index(folder: Path) -> list[Path]:
    """Write Packages and Packages.gz over every ipk in the folder; opkg then takes the folder for a feed."""
    sections = []
    for path in sorted(folder.glob("*.ipk")):
        content = path.read_bytes()
        fields = read(path)["control"].rstrip("\n").split("\n")
        place = next(number for number, line in enumerate(fields) if line.startswith("Description:"))
        fields[place:place] = [
            f"Filename: {path.name}",
            f"Size: {len(content)}",
            f"SHA256sum: {hashlib.sha256(content).hexdigest()}",
        ]
        sections.append("\n".join(fields) + "\n")
    text = "\n".join(sections).encode()
    (folder / "Packages").write_bytes(text)
    (folder / "Packages.gz").write_bytes(gzip.compress(text, 9, mtime=0))
    return [folder / "Packages", folder / "Packages.gz"]


def sign(folder: Path, key: str) -> None:
    """Sign the feed's index with a secret key of usign's, so that opkg takes it with its check switched on.

    OpenWrt's usign and OpenBSD's signify make the same signature; Debian has the latter. Without a key an old signature
    goes, for it would be of another index. Raises: ToolMissing; RuntimeError with what the program said.
    """
    signature = folder / "Packages.sig"
    signature.unlink(missing_ok=True)
    if not key:
        return
    found = next(filter(None, map(shutil.which, SIGNERS)), None)
    if found is None:
        raise ToolMissing(f"{' or '.join(SIGNERS)} is needed to sign the feed: apt install signify-openbsd")
    words = [found, "-S", "-s", key, "-m", str(folder / "Packages"), "-x", str(signature)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the feed is not signed: {' '.join(words)}: {done.stderr.strip()}")


def read(path: Path) -> dict[str, str]:
    """The text files of an ipk's control archive by name."""
    with tarfile.open(path) as outer:
        inner = outer.extractfile("./control.tar.gz")
        if inner is None:
            raise ValueError(f"{path.name}: no control.tar.gz")
        with tarfile.open(fileobj=inner) as control:
            members = [member for member in control if member.isfile()]
            return {Path(member.name).name: _text(control, member) for member in members}


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    found = archive.extractfile(member)
    return found.read().decode() if found else ""
