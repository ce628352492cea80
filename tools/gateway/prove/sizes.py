"""What the packages of a machine weigh, and with Python and all dependencies, against a gateway's flash.

`python -m tools.gateway.prove.sizes mips_24kc`, after tools.gateway.package.packages. A gateway's file systems compress
(JFFS2 with zlib, squashfs with xz), so what lies on flash is reckoned file by file with zlib.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from pathlib import Path

from ..build.cache import ToolMissing, run
from ..build.machines import MACHINES
from ..package.mini_opkg import INFO, depends, feed
from ..package.packages import feed_folder
from . import gateway_root
from .compiled import MOST_BYTES as MOST_COMPILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..build.machines import Machine

FLASH = 16 * 1024 * 1024
# Of the 24Kc, the smallest; the other machines' code is as large as it is.
JUDGED = "mips_24kc"
MOST_IPK = 430_000
# What is installed together; each line counts all that opkg pulls in for it.
SETS = (
    ("meterd",),
    ("meterd", "meterd-elgama"),
    ("meterd", "meterd-wcclite"),
    ("meterd", "meterd-wcclite", "meterd-dlms-security"),
    ("meterd", "meterd-wcclite", "meterd-scan"),
    ("meterd", "meterd-wcclite", "meterd-simulate"),
    ("meterd", "meterd-wcclite", "meterd-mqtt"),
    ("meterd", "meterd-wcclite", "meterd-import"),
    ("meterd", "meterd-wcclite", "meterd-python"),
)
# Libraries of C that packages of the feed depend on and that are not built here: bytes on flash, of Debian 12's mipsel.
LIBRARIES = {"zlib": 54_631, "libbz2": 34_087}
BASE = {"python3-light": ("zlib", "libbz2")}
# Packages of the feed that are not built here: bytes on flash with the libraries that they pull in (libgmp and cffi;
# OpenSSL; et_xmlfile), of Debian 12's mipsel, and of PyPI where there is nothing but Python in them.
NOT_BUILT = {
    "python3-cryptodomex": 1_586_548,
    "python3-openssl": 1_809_826,
    "python3-paho-mqtt": 116_961,
    "python3-openpyxl": 529_084,
}


def on_flash(files: list[Path]) -> tuple[int, int]:
    """(bytes, bytes as a compressing file system keeps them) of files."""
    contents = [path.read_bytes() for path in files]
    return sum(map(len, contents)), sum(len(zlib.compress(content, 9)) for content in contents)


def below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def judged(figure: int, most: int) -> str:
    return f"{figure:,} ({'at most' if figure <= most else 'MORE than'} {most:,})"


def installed(machine: Machine, folder: Path, names: tuple[str, ...], root: Path) -> int:
    """Install a set into the root; returns the bytes on flash of everything that came with it, the firmware aside."""
    gateway_root.create(root, machine, folder, list(names))
    _strip(machine, root)
    # What the root has of this machine, or as a stand-in, is no package's.
    library = next((root / "usr" / "lib").glob("python3.*"))
    listed = (path for path in (root / INFO).glob("*.list"))
    own = {root / name.lstrip("/") for path in listed for name in path.read_text().splitlines()}
    files = {*own, *below(library), root / "usr" / "bin" / library.name}
    libraries = sum(LIBRARIES[name] for name in BASE["python3-light"])
    return on_flash([path for path in files if path.is_file()])[1] + libraries


def _strip(machine: Machine, root: Path) -> None:
    library = next((root / "usr" / "lib").glob("python3.*"))
    if machine.gnu_prefix:
        run("sizes.log", machine.gnu_prefix + "strip", "--strip-all", root / "usr" / "bin" / library.name)


def _pulled(names: tuple[str, ...], packages: dict[str, dict[str, str]]) -> set[str]:
    """These, and all that any of them depends on."""
    pulled: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in pulled:
            pulled.add(name)
            waiting += depends(packages.get(name, {}))
    return pulled


def on_the_whole(machine: Machine, folder: Path, packages: dict[str, dict[str, str]]) -> tuple[list[str], int]:
    """(what each set takes on flash in lines of text, bytes of the compiled modules). Raises: ToolMissing."""
    lines = [f"on flash of {FLASH:,}, which the firmware shares, with all that opkg pulls in:"]
    compiled = 0
    for names in SETS if machine.name == JUDGED else SETS[:1]:
        with tempfile.TemporaryDirectory() as place:
            root = Path(place) / "root"
            size = installed(machine, folder, names, root)
            compiled = sum(path.stat().st_size for path in root.glob("**/site-packages/meterd/**/*.so"))
        needed = _pulled(names, packages)
        further = sum(weight for name, weight in NOT_BUILT.items() if name in needed)
        told = f", {further:,} of it as Debian has it" if further else ""
        lines.append(f"  {', '.join(names):<50}{size + further:>12,}{told}")
    return lines, compiled


def report(machine: Machine) -> tuple[list[str], bool]:
    """(the figures in lines of text, whether they are within the bounds, which are the smallest gateway's)."""
    folder = feed_folder(machine)
    packages = feed(folder)
    lines = [f"{'package':<24}{'ipk':>12}{'installed':>12}"]
    lines += [f"{name:<24}{int(row['Size']):>12,}{int(row['Installed-Size']):>12,}" for name, row in packages.items()]
    try:
        whole, compiled = on_the_whole(machine, folder, packages)
    except ToolMissing as missing:
        return [*lines, f"what lies on flash is not measured: {missing}"], True
    lines += whole
    ipk = int(packages["meterd"]["Size"])
    if machine.name != JUDGED:
        return [*lines, f"compiled modules, stripped: {compiled:,}", f"meterd's ipk: {ipk:,}"], True
    lines.append(f"compiled modules, stripped: {judged(compiled, MOST_COMPILED)}")
    lines.append(f"meterd's ipk: {judged(ipk, MOST_IPK)}")
    return lines, compiled <= MOST_COMPILED and ipk <= MOST_IPK


def main(names: list[str]) -> int:
    failed = 0
    for name in names or list(MACHINES):
        lines, within = report(MACHINES[name])
        print("\n".join([f"{name}:", *lines]))
        failed |= not within
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
