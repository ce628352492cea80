"""`meterd provision FILE`: a gateway's broker, certificates, key and name, all of it or nothing."""

from __future__ import annotations

import sys

from ..errors import ConfigError
from ..fleet.provision import is_open_to_others, provision
from ..paths import join
from .exit_codes import OK
from .options import HELP, VALUE, Option, UsageError, parse, usage

FOLDER = "/etc/meterd"
INTO = Option(("--into",), VALUE, f"the folder of the configuration (default {FOLDER})", "DIR")
OPTIONS = (INTO, HELP)


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        about = "Puts broker, certificates, key and name of this gateway in place: all of it, or nothing and why."
        print(usage("meterd provision", "FILE", about, OPTIONS))
        return OK
    if len(arguments.operands) != 1:
        raise UsageError("name the one file")
    path = arguments.operands[0]
    try:
        place = provision(path, arguments.value("into") or FOLDER)
    except OSError as error:
        raise ConfigError(str(error.filename or path), f"{error.strerror}; nothing was changed") from None
    print(f"in force: {join(place, 'fleet.json')}; restart meterd, for where readings go is read at its start")
    if is_open_to_others(path):
        print(f"{path}: others may read it, and a private key may be in it: remove it now", file=sys.stderr)
    return OK
