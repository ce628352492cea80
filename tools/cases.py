"""Plays every case of what was once broken from outside against this meterd: `python -m tools.cases [PROTOCOL/CASE…]`.

The cases lie beside the project, where they are at all (METERD_CASES names another place), each with a meter of its own
and what must be read from it. What is refused on purpose, or left for later, is listed here with the reason; it counts
as a fault when it passes, too, so that the list stays true.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CASES = Path(os.environ.get("METERD_CASES") or ROOT.parent / "shared" / "cases")
PROTOCOLS = ("iec62056_21", "mbus", "dlms")
AT_ONCE = 4
LIMIT_S = 600.0
# Case → why meterd does otherwise.
ARGUED = {
    "mbus/container-fd3b": "LVAR says 22 bytes; the case expects the two fillers 2F 2F behind the record, too "
    "(docs/mbus.md)",
}


def names() -> list[str]:
    found = [path.parent for protocol in PROTOCOLS for path in (CASES / protocol).glob("*/*")]
    cases = {path for path in found if path.parent.name in PROTOCOLS and path.name != "__pycache__"}
    return sorted(f"{path.parent.name}/{path.name}" for path in cases)


def play(name: str) -> tuple[str, bool, str]:
    """Name, whether what came is what must, and the last that the runner said."""
    protocol, _, case = name.partition("/")
    program = str(Path(sys.executable).parent / "meterd")
    environment = {**os.environ, "METERD": program, "PYTHONDONTWRITEBYTECODE": "1"}  # the folder is not ours
    command = [sys.executable, "run.py", case]
    try:
        done = subprocess.run(
            command, cwd=CASES / protocol, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return name, False, f"not through within {LIMIT_S:.0f} s"
    said = (done.stdout + done.stderr).strip().splitlines()
    return name, done.returncode == 0, said[-1] if said else "nothing was said"


def main(wanted: list[str]) -> int:
    if not CASES.is_dir():
        print(f"no cases in {CASES}; METERD_CASES names another place")
        return 0
    faults = 0
    chosen = wanted or names()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, passed, said in pool.map(play, chosen):
            argued = ARGUED.get(name)
            faults += passed == (argued is not None)
            word = "pass" if passed else "argued" if argued else "FAIL"
            print(f"{word:7} {name}" + ("" if passed else f": {argued or said}"), flush=True)
    print(f"{len(chosen)} cases, {faults} not as they should be")
    return bool(faults or not chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
