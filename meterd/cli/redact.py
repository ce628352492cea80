"""`meterd redact FILE`: a log or wire log that can be shared, on standard output; what was replaced is counted."""

from __future__ import annotations

import sys

from ..errors import ConfigError
from ..explain.redaction import Redaction
from ..explain.source import MAX_INPUT
from .exit_codes import OK
from .options import HELP, UsageError, parse, usage

OPTIONS = (HELP,)
ABOUT = """Writes a log or wire log to standard output as it can be shared: serial numbers, system titles and IP
addresses replaced, the same one by the same stand-in, inside frames too, with right checks; passwords and keys masked.
Says on standard error how many of each, never which. Look it through all the same: names, places and values stay."""


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd redact", "FILE|-", ABOUT, OPTIONS))
        return OK
    if len(arguments.operands) != 1:
        raise UsageError("name one log, or - for standard input")
    name = arguments.operands[0]
    content = _content(name)
    if len(content) > MAX_INPUT:
        raise ConfigError(name, f"is larger than {MAX_INPUT} bytes: cut out what matters")
    redaction = Redaction(content, name)
    sys.stdout.write(redaction.text)
    counts = ", ".join(f"{count} {what}" for what, count in redaction.found.counts().items())
    print(f"meterd redact: replaced {counts}; names, places and values stay: look it through", file=sys.stderr)
    return OK


def _content(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(MAX_INPUT + 1)
    try:
        with open(name, "rb") as file:
            return file.read(MAX_INPUT + 1)
    except OSError as error:
        raise ConfigError(name, f"cannot be read: {error.strerror}") from None
