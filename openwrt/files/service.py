#!/usr/bin/python3 -S
# What procd runs: the daemon. When it cannot start what it was given, being started again would only say the same
# again: the process becomes a sleeping one, which costs next to nothing. A changed configuration ends that by SIGHUP,
# which procd sends on reload, and procd's respawn then starts the daemon with it.
# Python's site module would cost a quarter of what Python's own start does, for one line of it.
import os
import sys

sys.path.append(f"/usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")

NEVER = "2147483647"
CANNOT_START = (2, 3)

try:
    from meterd.cli.main import main

    code = main()
except ImportError as error:
    hint = ""
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        hint = ": opkg install " + {"serial": "python3-pyserial", "meterd": "meterd"}.get(missing, "python3-" + missing)
    print(f"meterd: not started: {error}{hint}", file=sys.stderr, flush=True)
    code = CANNOT_START[0]
if code in CANNOT_START:
    os.execv("/bin/sleep", ["sleep", NEVER])
sys.exit(code)
