"""`meterd status|start|stop|reload|events|trace`: asks the running daemon through its control socket."""

from __future__ import annotations

import sys
from _socket import AF_UNIX, SOCK_STREAM, socket
from errno import EACCES, EPIPE
from os import strerror
from time import sleep

from ..daemon.control import default_path
from ..gateway.json_text import dumps, loads
from ..protocols import registry
from .exit_codes import FAILED, OK
from .options import CONTROL, FLAG, HELP, JSON, SHARD, Option, UsageError, parse, shard_number, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..explain.one_line import Telling
    from .options import Arguments

ABOUT = {
    "status": (
        "[PROTOCOL] [NAME…]",
        "What the running daemon does: devices (the worst first), lines, sinks; NAME of a device or line, also as a "
        "pattern, tells more. Exit code 1 if none runs, or not that protocol, or nothing has that name.",
    ),
    "start": ("PROTOCOL", "Starts one protocol within the running daemon."),
    "stop": ("PROTOCOL", "Stops one protocol within the running daemon; the others go on."),
    "reload": ("", "Has the running daemon read its configuration again."),
    "events": ("[COUNT]", "The event log of the running daemon, newest first."),
    "trace": (
        "[NAME]",
        "Follows the wire of the running daemon, secrets masked, until interrupted: on a terminal in words, a line for "
        "each frame, else as a wire log.",
    ),
}
WATCH = Option(("-w", "--watch"), FLAG, "show it again and again, until interrupted")
WORDS = Option(("--words",), FLAG, "in words, wherever it goes")
HEX = Option(("--hex",), FLAG, "as a wire log, on a terminal too")
OPTIONS = (CONTROL, SHARD, JSON, HELP)
FURTHER = {"status": (WATCH,), "trace": (WORDS, HEX)}
IDLE_S = 0.5
WATCH_S = 2.0


def main(words: list[str]) -> int:
    options = (*OPTIONS[:-1], *FURTHER.get(words[0], ()), HELP)
    arguments = parse(words[1:], options)
    operands, about = ABOUT[words[0]]
    if arguments.has("help"):
        print(usage(f"meterd {words[0]}", operands, about, options))
        return OK
    _look_at(words[0], arguments.operands)
    path = arguments.value("control") or default_path(shard_number(arguments))
    try:
        if words[0] == "trace":
            telling = _telling(arguments)
            connection = _asked(path, ["trace", *arguments.operands])
            return _follow(connection) if telling is None else _tell(connection, telling)
        if words[0] == "status":
            return _status(path, arguments)
        return _show(words[0], _answer(path, [words[0], *arguments.operands]), arguments.has("json"))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        print(no_daemon(words[0], path, error.strerror or str(error)), file=sys.stderr)
        return FAILED


def no_daemon(command: str, path: str, reason: str) -> str:
    """What to do where nobody answers, or somebody does whom this user may not ask."""
    told = f"meterd {command}: no daemon answers at {path} ({reason}): "
    if reason == strerror(EACCES):
        return f"{told}the socket belongs to another user: ask as that one, such as `sudo meterd {command}`"
    return (
        f"{told}start one with `meterd run -c FILE`, on a gateway with `/etc/init.d/meterd start`; another user's is "
        "asked as that user, one that has its socket elsewhere with --control PATH"
    )


def _look_at(command: str, operands: list[str]) -> None:
    """Raises: UsageError for what no daemon would understand."""
    if command in ("start", "stop") and len(operands) != 1:
        raise UsageError(f"say which protocol: one of {', '.join(registry.PROGRAMS)}")
    if command == "events" and (len(operands) > 1 or not all(map(str.isdigit, operands))):
        raise UsageError(f"how many, as a number, not {' '.join(operands)!r}")
    if command == "reload" and operands:
        raise UsageError(f"reload takes no {operands[0]!r}: the daemon reads all of its files again")


def _asked(path: str, words: list[str]) -> socket:
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.connect(path)
        connection.send(" ".join(words).encode() + b"\n")
    except BrokenPipeError:
        raise OSError(EPIPE, "it ended the connection") from None  # no pipe of ours
    except OSError:
        connection.close()
        raise
    return connection


def _answer(path: str, words: list[str]) -> dict[str, Any]:
    connection = _asked(path, words)
    data = bytearray()
    while block := connection.recv(65536):
        data += block
    connection.close()
    answer: dict[str, Any] = loads(data.decode()) if data else {"ok": False, "error": "the daemon ended"}
    return answer


def _status(path: str, arguments: Arguments) -> int:
    """The whole, or what is named; a first word that is a protocol stands for its devices."""
    names = arguments.operands
    protocol = names[0] if names and names[0] in registry.PROGRAMS else ""
    if protocol:
        names = names[1:]
    request = ["status", protocol] if protocol else ["status"]
    code = OK
    try:
        while arguments.has("watch"):
            code = _show_status(_answer(path, request), protocol, names, arguments.has("json"), True)
            sleep(WATCH_S)
    except KeyboardInterrupt:
        return code
    return _show_status(_answer(path, request), protocol, names, arguments.has("json"), False)


def _show_status(answer: dict[str, Any], protocol: str, names: list[str], as_json: bool, again: bool) -> int:
    from . import status_view

    if not answer["ok"]:
        return _show("status", answer, as_json)
    answer = status_view.only(answer, names)
    if names and not answer["devices"]:
        print(f"meterd status: no device or line is called {' or '.join(names)}", file=sys.stderr)
        return FAILED
    rows = 0
    if again and sys.stdout.isatty():
        sys.stdout.write("\x1b[H\x1b[J")
        rows = status_view.terminal_rows()
    print(dumps(answer) if as_json else status_view.text(answer, bool(names), rows))
    sys.stdout.flush()
    return FAILED if protocol and protocol not in answer["running"] else OK


def _follow(connection: socket) -> int:
    try:
        while block := connection.recv(65536):
            sys.stdout.write(block.decode("ascii", "replace"))
            sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    return OK


def _telling(arguments: Arguments) -> Telling | None:
    """What puts it in words, where they are wanted and there."""
    if arguments.has("hex") or not (arguments.has("words") or sys.stdout.isatty()):
        return None
    try:
        from ..explain.one_line import Telling
    except ModuleNotFoundError:
        print("meterd trace: for words instead of bytes: opkg install meterd-explain", file=sys.stderr)
        return None
    return Telling(lambda line: print(line, flush=True))


def _tell(connection: socket, telling: Telling) -> int:
    waiting = b""
    connection.settimeout(IDLE_S)
    try:
        while True:
            try:
                block = connection.recv(65536)
            except TimeoutError:
                telling.idle()
                continue
            if not block:
                break
            *rows, waiting = (waiting + block).split(b"\n")
            for row in rows:
                telling.row(row.decode("ascii", "replace"))
    except KeyboardInterrupt:
        pass
    telling.end()
    return OK


def _show(command: str, answer: dict[str, Any], as_json: bool) -> int:
    if as_json:
        print(dumps(answer))
    elif not answer["ok"]:
        print(f"meterd {command}: {answer['error']}", file=sys.stderr)
    elif command == "events":
        print("\n".join(answer["events"]))
    else:
        print(f"devices that are read now: {answer['devices']}")
    return OK if answer["ok"] else FAILED
