"""What procd runs on a gateway: the daemon, and what stands in for one that cannot start.

When it cannot start what it was given, being started again would only say the same again: the process becomes a
sleeping one, which costs next to nothing. A changed configuration ends that by SIGHUP, which procd sends on reload, and
procd's respawn then starts the daemon with it.
"""

from __future__ import annotations

import sys

from ..gateway import quick_import

NEVER = "2147483647"
CANNOT_START = (2, 3)
# Module → the feed's package that brings it, where that is not called python3-<module>.
PACKAGES = {"serial": "python3-pyserial"}


def main() -> int:
    quick_import.install()
    try:
        from .main import main as run

        code = run()
    except ImportError as error:
        print(f"meterd: not started: {error}{_hint(error)}", file=sys.stderr, flush=True)
        code = CANNOT_START[0]
    if code in CANNOT_START:
        from posix import execv

        execv("/bin/sleep", ["sleep", NEVER])
    return code


def _hint(error: ImportError) -> str:
    if not isinstance(error, ModuleNotFoundError):
        return ""
    missing = (error.name or "").partition(".")[0]
    return ": opkg install " + PACKAGES.get(missing, "python3-" + missing)
