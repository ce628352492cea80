"""meterd(1) in the man macros that man-db, mandoc and groff have in common (man(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterd import __version__
from meterd.cli import exit_codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meterd.cli.options import Option

    from .commands import Command

HEAD = """\
.\\" Made by `python -m tools.manual` from the option tables of the program; do not edit.
.TH METERD 1 "" "meterd {version}" "meterd"
.SH NAME
meterd \\- reads utility meters and hands their values on
.SH SYNOPSIS
.B meterd
.I COMMAND
.RI [ options ]
.SH DESCRIPTION
Reads meters by DLMS/COSEM, IEC 62056\\-21, M\\-Bus and Elgama over serial lines and TCP, and listens to those that send
unasked (P1, DLMS push, mode D). Readings leave as lines, on a local socket, to a broker, to files and databases.
.PP
A configuration is one or several JSON files, or a workbook as on a WCC Lite that
.B meterd import
turns into one. Start with
.B meterd scan
at a port; it writes a configuration of what answers there.
"""
EXIT_CODES = (
    (exit_codes.OK, "all went well"),
    (exit_codes.FAILED, "it did not; standard error says what"),
    (exit_codes.USAGE, "the command line is wrong"),
    (exit_codes.NOTHING_TO_RUN, "the configuration is missing or wrong, and nothing of it can be run"),
    (exit_codes.INTERRUPTED, "cut short by Ctrl-C"),
)
SIGNALS = (
    ("SIGHUP", "meterd run reads its configuration again; what did not change goes on undisturbed"),
    ("SIGTERM, SIGINT", "ends in order: meters are said goodbye to, what was read is handed on"),
)
ENVIRONMENT = (
    ("STATE_DIRECTORY", "the folder for what must survive a restart, where --state does not name one"),
    ("NOTIFY_SOCKET, WATCHDOG_USEC", "systemd is told that the daemon reads, and that its loop turns"),
)
FILES = (
    ("/etc/meterd/*.json", "what the systemd unit reads"),
    ("/etc/config/meterd", "what the service reads on OpenWrt"),
    ("/var/lib/meterd", "invocation counters, places in load profiles, readings not handed on yet"),
)
TAIL = """\
.SH EXAMPLES
What does the meter at a serial port have, and what does it say?
.PP
.nf
    meterd scan /dev/ttyUSB0 \\-o meter.json
    meterd read \\-c meter.json
.fi
.PP
Why is a meter silent?
.PP
.nf
    meterd doctor \\-c meter.json
.fi
.SH SEE ALSO
.BR systemd.exec (5),
the documentation at the project's site: a page for each protocol, troubleshooting by what is seen.
"""


def man_page(commands: Sequence[Command]) -> str:
    """The whole page."""
    parts = [HEAD.format(version=__version__), ".SH COMMANDS\n"]
    for command in commands:
        parts += _command(command)
    parts += _list("EXIT STATUS", ((str(code), text) for code, text in EXIT_CODES))
    reasons = ", ".join(f"{code} {reason}" for reason, code in exit_codes.READ_FAILED.items())
    parts.append(
        f".PP\nmeterd read and meterd doctor end with the first reason among what failed: {_plain(reasons)}.\n"
    )
    parts += _list("SIGNALS", SIGNALS)
    parts += _list("ENVIRONMENT", ENVIRONMENT)
    parts += _list("FILES", FILES)
    return "".join([*parts, TAIL])


def _command(command: Command) -> Iterator[str]:
    yield f".SS {_plain(command.name)} {_plain(command.operands)}".rstrip() + "\n"
    for paragraph in command.about.replace("\nExit code", "\n\nExit code").split("\n\n"):
        yield f".PP\n{_plain(paragraph)}\n"
    for option in command.options:
        yield f".TP\n{_names(option)}\n{_plain(_sentence(option.help))}\n"


def _names(option: Option) -> str:
    return ", ".join(f"\\fB{_plain(name)}\\fR" for name in option.names) + (
        f" \\fI{_plain(option.metavar)}\\fR" if option.metavar else ""
    )


def _list(title: str, rows) -> Iterator[str]:  # type: ignore[no-untyped-def]
    yield f".SH {title}\n"
    for name, text in rows:
        yield f".TP\n.B {_plain(name)}\n{_plain(_sentence(text))}\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _plain(text: str) -> str:
    """Text as roff takes it: no backslash, no request at a line's start, hyphens that can be copied."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in escaped.split("\n"))
