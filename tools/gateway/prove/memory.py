"""How much memory the daemon takes on a 32-bit Python, resident, with every protocol and 1,000 signals.

`python -m tools.gateway.prove.memory` runs it on Debian's i386 Python, natively, as a gateway's init script does and
with what its packages bring (byte code, the compiled modules joined into one, ujson without a C++ library), against
simulated meters, lets it read everything at least once, and prints what the kernel counts: in all, and by what is
mapped. On a gateway's musl it is less, not more: no glibc. `… amd64-3.14` does the same on the Python of OpenWrt 25.12,
from byte code that it has made: that everything is read is what counts there, not the memory of a 64-bit machine.
"""

from __future__ import annotations

import compileall
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..build.byte_code import byte_code
from ..build.cache import ToolMissing
from ..package.packages import FILES
from .foreign import FOREIGN, Foreign, command, packed_ujson, place
from .sites import Meters, every_protocol

JUDGED = "i386"
SIGNALS = 1000
# All but the meter's own number, which is a text.
LEAST_READ = SIGNALS - 1
DLMS_DEVICES = 4
MOST_RESIDENT_KB = 12 * 1024
SECONDS = 15
ANONYMOUS = "(objects)"


def configuration(meters: Meters) -> dict[str, list[dict[str, object]]]:
    """Every protocol, and DLMS devices with registers up to SIGNALS signals in all."""
    found = every_protocol(meters)
    missing = SIGNALS - len(found["signals"])
    each = -(-missing // DLMS_DEVICES)
    for number in range(DLMS_DEVICES):
        alias = f"r{number}"
        port = meters.start("dlms", "mode=wrapper", f"registers={each}")
        found["devices"].append(
            {"name": alias, "device_alias": alias, "protocol": "DLMS", "ip": "127.0.0.1", "port": port, "type": "LN",
             "mode": "DLMS-WRAPPER", "client_address": 16, "logical_address": 1}
        )  # fmt: skip
        for register in range(min(each, SIGNALS - len(found["signals"]))):
            # Group E up to 254; further registers differ in group B.
            obis = f"1.{register // 254}.1.8.{register % 254 + 1}.255:2"
            found["signals"].append({"signal_name": f"register {register}", "device_alias": alias,
                                     "signal_alias": f"{alias}_{register}", "obis_job": obis})  # fmt: skip
    return found


def resident(words: list[str], folder: Path, output: Path) -> dict[str, tuple[int, int]]:
    """Run the daemon for a while; returns what is resident, and of that anonymous, kB, by what is mapped."""
    with open(output, "wb") as file:
        process = subprocess.Popen(words, cwd=folder, stdout=file, stderr=file)
        time.sleep(SECONDS)
        rows = Path(f"/proc/{process.pid}/smaps").read_text().splitlines()
        process.terminate()
        process.wait(30)
    found: dict[str, tuple[int, int]] = {}
    mapped = ""
    for row in rows:
        name, *rest = row.split()
        if not name.endswith(":"):
            mapped = rest[4].rpartition("/")[2] if len(rest) > 4 else ANONYMOUS
        elif name in ("Rss:", "Anonymous:"):
            whole, anonymous = found.get(mapped, (0, 0))
            kb = int(rest[0])
            found[mapped] = (whole + kb, anonymous) if name == "Rss:" else (whole, anonymous + kb)
    return found


def _as_byte_code(row: Foreign, folder: Path) -> None:
    """meterd as its packages have it, Python's own modules compiled: what compiles sources needs the memory for it."""
    sources = {str(path): path for path in sorted((folder / "meterd").rglob("*.py"))}
    for name, content in byte_code(sources, (), row.python).items():
        Path(name + "c").write_bytes(content)
        Path(name).unlink()
    library = row.root() / "usr" / "lib"
    if sys.version.startswith(row.python + "."):
        places = (library / f"python{row.python}", library / "python3" / "dist-packages", folder / "site" / "paho")
        for place in places:
            compileall.compile_dir(place, quiet=2)


@contextmanager
def ready(row: Foreign) -> Iterator[tuple[Path, list[str]]]:
    """A folder with meterd as its packages have it, and what begins the command of its daemon. Raises: ToolMissing."""
    with tempfile.TemporaryDirectory() as name:
        folder = place(row, Path(name) / "meterd", joined=True)
        _as_byte_code(row, folder)
        shutil.copy(packed_ujson(row), folder)
        words = [*command(row, folder), "-SP", str(FILES / "service.py"), "run", "-d", "4", "--state", name]
        yield folder, [*words, "--control", f"{name}/control.sock"]


def measured(folder: Path, words: list[str], configured: dict[str, Any]) -> tuple[dict[str, tuple[int, int]], int]:
    """What is resident, as `resident` has it, and how many signals were read well."""
    path, output = folder / "memory.json", folder.parent / "output"
    path.write_text(json.dumps(configured))
    figures = resident([*words, "-c", str(path)], folder, output)
    rows = [json.loads(line) for line in output.read_text().splitlines() if line[:1] == "{"]
    good = {(row["device"], row["signal"]) for row in rows if row["quality"] == "good" and row["signal"][0] != "_"}
    return figures, len(good)


def main(names: list[str]) -> int:
    row = FOREIGN[names[0] if names else JUDGED]
    meters = Meters()
    try:
        with ready(row) as (folder, words):
            figures, good = measured(folder, words, configuration(meters))
    except ToolMissing as missing:
        print(f"memory is not measured: {missing}")
        return 0
    finally:
        meters.stop()
    resident_kb, anonymous_kb = (sum(column) for column in zip(*figures.values(), strict=True))
    for mapped, (whole, anonymous) in sorted(figures.items(), key=lambda row: -row[1][0]):
        if whole:
            print(f"{whole:10,} kB, anonymous {anonymous:6,} kB  {mapped}")
    verdict = ""
    if row.name == JUDGED:
        verdict = f" ({'more than' if resident_kb > MOST_RESIDENT_KB else 'at most'} {MOST_RESIDENT_KB:,})"
    print(f"resident on {row.name}, {SIGNALS:,} signals ({good:,} read, at least {LEAST_READ:,} can be): "
          f"{resident_kb:,} kB{verdict}; anonymous {anonymous_kb:,} kB")  # fmt: skip
    return int("more" in verdict or good < LEAST_READ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
