"""Foreign decoders that cannot live in the project's environment: each in one of its own, asked as a process.

`python -m tests.foreign` makes them (from PyPI), under ~/.cache/meterd-foreign or where METERD_FOREIGN says. Where one
is missing its tests are skipped with a plain message; in CI that is a failure (see conftest).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("METERD_FOREIGN") or Path.home() / ".cache" / "meterd-foreign")
# dsmr-parser pins an old dlms_cosem; pysparkplug wants a paho before 2 (with a later one pip takes a broken one).
ENVIRONMENTS = {
    "dsmr": ("dsmr-parser==1.11.2",),
    "amshan": ("amshan==2.1.1",),
    "sparkplug": ("pysparkplug==0.6.1", "paho-mqtt==1.6.1"),
    "pydlms": ("pydlms-client[crypto]==0.1.0",),
    # It brings neither of the two that it needs, and gurux-dlms comes with the other.
    "austria": ("smartmeter-austria-energy==1.5.0", "pycryptodome", "pyserial"),
    "collector": ("smartmeter-datacollector==2.0.0", "gurux-dlms==1.0.203"),
}
PATIENCE_S = 120


def python_of(environment: str) -> Path:
    python = FOLDER / environment / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{' '.join(ENVIRONMENTS[environment])} is missing: python -m tests.foreign brings it")
    return python


def ask(environment: str, program: str, question: Any) -> Any:
    """What `program` prints (JSON), run in that environment with `question` (JSON) on its standard input."""
    python = python_of(environment)
    # What makes a Python of another folder find its own library would keep this one from finding its.
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-c", program],
        input=json.dumps(question),
        env=own,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def main() -> None:
    for name, requirements in ENVIRONMENTS.items():
        place = FOLDER / name
        if (place / "complete").exists():
            continue
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([place / "bin" / "python", "-m", "pip", "install", "--quiet", *requirements], check=True)
        (place / "complete").touch()
        print(f"{name}: {', '.join(requirements)}")


if __name__ == "__main__":
    sys.exit(main())
