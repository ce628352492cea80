"""The debug programs `iec62056-21`, `dlms`, `mbus`, `elgama`: one protocol alone, in the foreground.

They take the manual's line as it stands: stop the service, `dlms -c /etc/dlms/dlms.json -d7 --dlms`, start it again.
"""

from __future__ import annotations

import sys

from .. import __version__
from ..protocols import registry
from .exit_codes import OK
from .main import guarded
from .options import (
    CONFIG,
    CONTROL,
    DEBUG,
    FLAG,
    FRAMES,
    HELP,
    PORT,
    RAW,
    READY,
    RECORD,
    STATE,
    SYSLOG,
    VERBOSE,
    VERSION,
    Option,
    parse,
    usage,
)
from .run import run


def _main(program: str) -> int:
    own = Option((f"--{program}",), FLAG, "this protocol (accepted for the manual's command line)")
    options = (HELP, VERSION, PORT, DEBUG, VERBOSE, CONFIG, RAW, FRAMES, READY, RECORD, STATE, CONTROL, SYSLOG, own)

    def command(words: list[str]) -> int:
        arguments = parse(words, options)
        if arguments.has("help"):
            about = f"Reads the {program} devices of a configuration in the foreground, for debugging."
            print(usage(program, "-c FILE… [-d7]", about, options))
            return OK
        if arguments.has("version"):
            print(f"{program} (meterd {__version__})")
            return OK
        return run(arguments, (registry.PROGRAMS[program],))

    return guarded(program, command, sys.argv[1:])


def iec62056_21() -> int:
    return _main("iec62056-21")


def dlms() -> int:
    return _main("dlms")


def mbus() -> int:
    return _main("mbus")


def elgama() -> int:
    return _main("elgama")
