"""`meterd status|start|stop|reload|events|trace`: asks the running daemon through its control socket."""

from __future__ import annotations

import sys
from _socket import AF_UNIX, SOCK_STREAM, socket

from ..daemon.control import default_path
from ..gateway.json_text import dumps, loads
from .exit_codes import FAILED, OK
from .options import CONTROL, HELP, JSON, parse, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ABOUT = {
    "status": (
        "[PROTOCOL]",
        "What the running daemon does: protocols, devices, counters. Exit code 1 if none runs, or not that protocol.",
    ),
    "start": ("PROTOCOL", "Starts one protocol within the running daemon."),
    "stop": ("PROTOCOL", "Stops one protocol within the running daemon; the others go on."),
    "reload": ("", "Has the running daemon read its configuration again."),
    "events": ("[COUNT]", "The event log of the running daemon, newest first."),
    "trace": ("[NAME]", "Follows the wire of the running daemon as a wire log, secrets masked, until interrupted."),
}
OPTIONS = (CONTROL, JSON, HELP)
COLUMNS = ("device", "protocol", "line", "connected", "reason", "last_good_age_s", "reads_ok", "timeouts", "bad_frames",
           "refused", "retries", "bytes_sent", "bytes_received")  # fmt: skip


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    operands, about = ABOUT[words[0]]
    if arguments.has("help"):
        print(usage(f"meterd {words[0]}", operands, about, OPTIONS))
        return OK
    path = arguments.value("control") or default_path()
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.connect(path)
        connection.send(" ".join([words[0], *arguments.operands]).encode() + b"\n")
    except OSError as error:
        print(f"meterd {words[0]}: no daemon answers at {path} ({error.strerror})", file=sys.stderr)
        return FAILED
    if words[0] == "trace":
        return _follow(connection)
    data = b""
    while block := connection.recv(65536):
        data += block
    answer = loads(data.decode()) if data else {"ok": False, "error": "the daemon ended"}
    return _show(words[0], answer, arguments.has("json"), "".join(arguments.operands[:1]))


def _follow(connection: socket) -> int:
    try:
        while block := connection.recv(65536):
            sys.stdout.write(block.decode("ascii", "replace"))
            sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    return OK


def _show(command: str, answer: dict[str, Any], as_json: bool, protocol: str) -> int:
    if as_json:
        print(dumps(answer))
    elif not answer["ok"]:
        print(f"meterd {command}: {answer['error']}", file=sys.stderr)
    elif command == "status":
        _show_status(answer)
    elif command == "events":
        print("\n".join(answer["events"]))
    else:
        print(f"devices that are read now: {answer['devices']}")
    if command == "status" and protocol and protocol not in answer.get("running", ()):
        return FAILED
    return OK if answer["ok"] else FAILED


def _show_status(answer: dict[str, Any]) -> None:
    print("running: " + (", ".join(answer["running"]) or "nothing"))
    if answer["stopped"]:
        print("stopped: " + ", ".join(answer["stopped"]))
    for sentence in answer["not_read"]:
        print("not read: " + sentence)
    rows = [COLUMNS, *(tuple(_cell(device[column]) for column in COLUMNS) for device in answer["devices"])]
    widths = [max(len(row[index]) for row in rows) for index in range(len(COLUMNS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
