"""`meterd COMMAND …`: finds the command and runs it; each command's module is imported only when it is called."""

from __future__ import annotations

import gc
import sys
from posix import O_RDWR, _exit, close
from posix import open as open_file

from .. import __version__
from ..errors import ConfigError
from .exit_codes import INTERRUPTED, NOTHING_TO_RUN, OK, USAGE
from .options import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

COMMANDS = {
    "run": ("run", "read the configured meters until ended"),
    "check": ("check", "validate configuration and print it as it takes effect"),
    "read": ("read", "scan once, print the readings, and exit with a code that tells why it failed"),
    "status": ("control", "what the running daemon does: protocols, devices, counters"),
    "top": ("top", "what the running daemon reads, live: lines, devices, values, the wire of a device"),
    "start": ("control", "start one protocol within the running daemon"),
    "stop": ("control", "stop one protocol within the running daemon"),
    "reload": ("control", "have the running daemon read its configuration again"),
    "events": ("control", "the event log of the running daemon, newest first"),
    "trace": ("control", "follow the wire of the running daemon, secrets masked"),
    "scan": ("scan", "what a meter or a bus has, written as configuration ready to use"),
    "doctor": ("doctor", "climb from port to object and say where reading a device stops, and what to try"),
    "explain": ("explain", "frames of any protocol, or a wire log, byte by byte in words"),
    "redact": ("redact", "a log or wire log with serial numbers, titles, secrets and addresses replaced, to be shared"),
    "import": ("workbook", "a workbook as on a WCC Lite made into configuration, or every mistake told by its cell"),
    "export": ("workbook", "configuration written as a workbook"),
    "template": ("workbook", "an empty workbook with drop-downs, ranges and notes"),
    "provision": ("provision", "a gateway's broker, certificates and name, all from one file"),
    "remote": ("remote", "do signed requests from afar: state, one reading, doctor, a configuration on trial"),
    "counter": ("counter", "where a device's invocation counter is kept, and how to go on where it was lost"),
    "replay": ("replay", "play a wire log as a meter on a pty or TCP port"),
    "simulate": ("simulate", "play a simulated meter on a pty or TCP port"),
    "demo": ("demo", "simulated meters, the real daemon, live readings"),
}
# Module of a command → the package of a gateway that brings it, where that is not meterd itself.
PACKAGES = {
    "read": "meterd-scan",
    "scan": "meterd-scan",
    "doctor": "meterd-scan",
    "explain": "meterd-explain",
    "redact": "meterd-explain",
    "provision": "meterd-fleet",
    "remote": "meterd-fleet",
    "counter": "meterd-dlms-security",
    "top": "meterd-top",
    "workbook": "meterd-import",
    "replay": "meterd-simulate",
    "simulate": "meterd-simulate",
    "demo": "meterd-simulate",
}


def about() -> str:
    """The text of `meterd --help`."""
    rows = [f"  {name:<9} {help}" for name, (_, help) in COMMANDS.items()]
    head = ["usage: meterd COMMAND [options]", "", "Reads utility meters and hands their values on.", ""]
    return "\n".join([*head, *rows, "", "`meterd help COMMAND` tells more about each."])


# `run` begins it once the site has settled (`daemon.settling`); `read` ends before it would be worth anything.
WITHOUT_COLLECTOR = ("run", "read")

# These write their files through and start no thread: once they return, only the two streams may still hold something.
LEAVE_NOTHING = ("read", "--version", "--help")
STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))  # by their numbers
# Where one of these is loaded, somebody waits for Python's own end: to be called, to be joined, to print a profile.
AWAITS_THE_END = ("atexit", "threading", "_lsprof")


def program() -> NoReturn:
    """`meterd` as a process. Taking all modules down again would be a tenth of `meterd read`, for a memory that the
    kernel takes back anyway."""
    _have_standard_streams()
    code = main()
    if sys.argv[1:2] and sys.argv[1] in LEAVE_NOTHING and not any(name in sys.modules for name in AWAITS_THE_END):
        _end_at_once(code)
    sys.exit(code)


def _have_standard_streams() -> None:
    """Where one was closed (`>&-`), the loop's own pipe or a meter's line would be opened under its number, and be
    taken for it."""
    fd = open_file("/dev/null", O_RDWR)
    while fd < len(STREAMS):
        name, mode = STREAMS[fd]
        setattr(sys, name, open(fd, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # as long as the process
        fd = open_file("/dev/null", O_RDWR)
    close(fd)


def _end_at_once(code: int) -> None:
    """Does not return, except where a stream cannot be emptied: Python's own end says so."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # full or gone; closed; never there
        return
    _exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded("meterd", _main, list(sys.argv[1:] if arguments is None else arguments))


def _main(words: list[str]) -> int:
    if words[:1] == ["help"] and len(words) > 1:
        words = [words[1], "--help", *words[2:]]
    if not words or words[0] in ("-h", "--help", "help"):
        print(about())
        return OK if words else USAGE
    if words[0] in ("-V", "-v", "--version", "version"):
        print(f"meterd {__version__}")
        return OK
    if words[0] not in COMMANDS:
        from difflib import get_close_matches

        near = get_close_matches(words[0], COMMANDS, 1)
        hint = f"; {near[0]!r} perhaps?" if near else ""
        print(f"meterd: there is no command {words[0]!r}{hint} (meterd --help lists them)", file=sys.stderr)
        return USAGE
    gc.disable()  # what an import makes stays
    try:
        module = __import__(f"{__package__}.{COMMANDS[words[0]][0]}", fromlist=("main",))  # importlib would cost more
    except ModuleNotFoundError as error:
        return _not_installed(words[0], error)
    if words[0] not in WITHOUT_COLLECTOR:
        gc.enable()
    return guarded(f"meterd {words[0]}", module.main, words)


def _not_installed(command: str, error: ModuleNotFoundError) -> int:
    """Say which package brings a command that a small gateway may go without. Raises: `error`, where none does."""
    package = PACKAGES.get(COMMANDS[command][0])
    if package is None or not (error.name or "").startswith(f"{__package__.partition('.')[0]}."):
        raise error
    print(f"meterd {command}: is not installed here: opkg install {package}", file=sys.stderr)
    return USAGE


def guarded(program: str, run, words: list[str]) -> int:  # type: ignore[no-untyped-def]
    """Run a command; its own errors end in one plain line, and nobody who stops reading gets a traceback.

    A command that is cut short by Ctrl-C ends with 130; those that go on until they are ended see to it themselves.
    """
    try:
        code: int = run(words)
        sys.stdout.flush()
        return code
    except UsageError as error:
        _say(f"{program}: {error} ({program} --help tells more)")
        return USAGE
    except ConfigError as error:
        _say(f"{program}: {error}")
        return NOTHING_TO_RUN
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_stdout()
        return OK


def _say(told: str) -> None:
    from ..log import printable  # what most commands end without

    print(printable(told, "\n"), file=sys.stderr)


def _abandon_stdout() -> None:
    """What is still in the buffer has no reader: at the end Python would try once more to write it, and complain."""
    from posix import O_WRONLY, dup2, open

    dup2(open("/dev/null", O_WRONLY), 1)


if __name__ == "__main__":
    program()
