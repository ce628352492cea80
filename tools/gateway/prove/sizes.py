"""What the packages of a machine weigh, and with Python and all dependencies, against a gateway's flash.

`python -m tools.gateway.prove.sizes mips_24kc`, after tools.gateway.package.packages. A gateway's file systems compress
(JFFS2 with zlib, squashfs with xz), so what lies on flash is reckoned file by file with zlib.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from pathlib import Path

from ..build.cache import run
from ..build.compiled import PROJECT
from ..build.machines import MACHINES
from ..package.mini_opkg import feed
from . import gateway_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..build.machines import Machine

FLASH = 16 * 1024 * 1024
MOST_COMPILED = 250_000
MOST_IPK = 400_000


def on_flash(files: list[Path]) -> tuple[int, int]:
    """(bytes, bytes as a compressing file system keeps them) of files."""
    contents = [path.read_bytes() for path in files]
    return sum(map(len, contents)), sum(len(zlib.compress(content, 9)) for content in contents)


def below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def judged(figure: int, most: int) -> str:
    return f"{figure:,} ({'at most' if figure <= most else 'MORE than'} {most:,})"


def report(machine: Machine) -> tuple[list[str], bool]:
    """(the figures in lines of text, whether they are within the bounds, which are those of a small MIPS gateway)."""
    folder = PROJECT / "dist" / machine.name
    packages = feed(folder)
    lines = [f"{'package':<24}{'ipk':>12}{'installed':>12}"]
    lines += [f"{name:<24}{int(row['Size']):>12,}{int(row['Installed-Size']):>12,}" for name, row in packages.items()]
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "root"
        gateway_root.create(root, machine, folder, ["meterd"])
        compiled = sum(path.stat().st_size for path in root.glob("**/site-packages/meterd/**/*.so"))
        library = next((root / "usr" / "lib").glob("python3.*"))
        interpreter = root / "usr" / "bin" / library.name
        if machine.gnu_prefix:
            run("sizes.log", machine.gnu_prefix + "strip", "--strip-all", interpreter)
        rows = {
            "Python, light": on_flash(
                [interpreter, *(path for path in below(library) if "site-packages" not in path.parts)]
            ),
            "its site-packages, meterd among them": on_flash(below(library / "site-packages")),
        }
    lines += [f"{what}: {size:,} bytes, {packed:,} on flash" for what, (size, packed) in rows.items()]
    whole = sum(packed for _, packed in rows.values())
    lines.append(f"all that meterd needs: {whole:,} on flash of {FLASH:,}, which the firmware shares")
    lines.append(f"compiled modules, stripped: {judged(compiled, MOST_COMPILED)}")
    ipk = int(packages["meterd"]["Size"])
    lines.append(f"meterd's ipk: {judged(ipk, MOST_IPK)}")
    return lines, (compiled <= MOST_COMPILED and ipk <= MOST_IPK) or not machine.gnu_prefix


def main(names: list[str]) -> int:
    failed = 0
    for name in names or list(MACHINES):
        lines, within = report(MACHINES[name])
        print("\n".join([f"{name}:", *lines]))
        failed |= not within
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
