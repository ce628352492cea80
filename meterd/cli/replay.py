"""`meterd replay FILE`: a wire log played back as the meter it was recorded from."""

from __future__ import annotations

from ..conversation import LineSettings
from ..errors import ConfigError
from ..simulate.replay import first_settings, meter
from ..simulate.transcript import parse_wire_log
from .exit_codes import OK
from .options import FLAG, HELP, VALUE, Option, UsageError, parse, usage
from .simulate import PLACE, serve

LINE = Option(("--line",), VALUE, "which line of the log, by its name there (default: the first)", "NAME")
DELAYS = Option(("--delays",), FLAG, "answer after the delays of the log, not at once")
OPTIONS = (*PLACE, LINE, DELAYS, HELP)


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd replay", "FILE", "Plays a wire log (meterd trace, --record) as a meter.", OPTIONS))
        return OK
    if len(arguments.operands) != 1:
        raise UsageError("name one wire log")
    name = arguments.operands[0]
    try:
        with open(name, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(name, f"cannot be read: {getattr(error, 'strerror', None) or 'this is no text'}") from None
    entries = parse_wire_log(text, name, arguments.value("line"))
    return serve(arguments, meter(entries, arguments.has("delays")), first_settings(entries) or LineSettings(9600))
