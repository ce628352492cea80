"""The ubus object `meterd` on OpenWrt: what /usr/libexec/rpcd/meterd runs for each call.

The problem: rpcd starts a program for each call and ends it after thirty seconds (its -t), and a web page calls every
few seconds. So nearly nothing is loaded here, and what the daemon answers is passed on as it came, unread.
Assumptions: rpcd runs it as root, gives the arguments as one JSON object on standard input, and takes one object from
standard output; whoever may call is its access list's to say. The methods and the types of their arguments stand in
openwrt/files/rpcd.sh, for rpcd asks for them at each of its starts.
Dirt it must survive: no daemon, one that ends or does not answer in time; arguments of any type and content; a search
that takes many minutes, which therefore runs on its own, one at a time, and is asked about by further calls.
Bounds: MAX_ARGUMENTS of what is read, MAX_ANSWER of what is passed on, ANSWER_S, and SEARCH_S for a search.
"""

from __future__ import annotations

import posix
import sys
from _socket import AF_UNIX, SOCK_STREAM, socket
from time import monotonic

from ..gateway.json_text import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONTROL = "/var/run/meterd/control.sock"
MAX_ARGUMENTS = 16384
MAX_ANSWER = 900_000  # a message of ubus holds a megabyte
ANSWER_S = 15.0  # LuCI's pages wait for twenty seconds
TEXT_ARGUMENTS = {"status": ("sort", "match", "line"), "readings": ("device",)}
NUMBER_ARGUMENTS = ("from", "count")
METHODS = ("status", "readings", "read", "scan")


class Refused(Exception):
    """The answer is no, in words."""


def main(method: str, control: str = CONTROL) -> int:
    """Answer one call on standard output; the exit code is 0, for rpcd looks at none."""
    try:
        if method not in METHODS:
            raise Refused(f"there is no method {method!r}: {', '.join(METHODS)}")
        answer = _answer(method, _arguments(), control)
    except (Refused, OSError) as error:
        answer = dumps({"ok": False, "error": str(error)}).encode("utf-8", "backslashreplace")
    while answer:
        answer = answer[posix.write(1, answer) :]
    return 0


def _arguments() -> dict[str, Any]:
    data = b""
    while len(data) <= MAX_ARGUMENTS and (block := posix.read(0, 4096)):
        data += block
    try:
        found = loads(data) if data.strip() else {}
    except ValueError:
        found = None
    if len(data) > MAX_ARGUMENTS or not isinstance(found, dict):
        raise Refused("the arguments are no JSON object of a reasonable size")
    return found


def _answer(method: str, arguments: dict[str, Any], control: str) -> bytes:
    if method == "scan":
        from .ubus_scan import scan

        try:
            return dumps(scan(arguments)).encode("utf-8", "backslashreplace")
        except ValueError as error:
            raise Refused(str(error)) from None
    if method == "read":
        return _read(_word(arguments, "device"), control)
    words = ["page" if method == "status" else method]
    for name in TEXT_ARGUMENTS[method]:
        if arguments.get(name) not in (None, ""):
            words.append(f"{name}={_word(arguments, name)}")
    for name in NUMBER_ARGUMENTS:
        if arguments.get(name) is not None:
            words.append(f"{name}={_number(arguments, name)}")
    return _last_line(_asked(control, words, monotonic() + ANSWER_S))


def _word(arguments: dict[str, Any], name: str) -> str:
    """One word of a request: a name, as configurations have them."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(f"{name} is missing: a text")
    if len(value) > 100 or not value.isascii() or not value.isprintable() or " " in value:
        raise Refused(f"{name} is no name: up to 100 ASCII characters without blanks")
    return value


def _number(arguments: dict[str, Any], name: str) -> int:
    value = arguments[name]
    if type(value) is not int or not 0 <= value < 10**9:
        raise Refused(f"{name} is no number from 0 on")
    return value


def _asked(control: str, words: list[str], limit: float) -> bytes:
    """All that comes of a request until the daemon ends the connection. Raises: Refused."""
    connection = socket(AF_UNIX, SOCK_STREAM)
    data = bytearray()
    try:
        connection.settimeout(max(0.1, limit - monotonic()))
        connection.connect(control)
        connection.sendall(" ".join(words).encode() + b"\n")
        while block := connection.recv(65536):
            data += block
            if len(data) > MAX_ANSWER:
                raise Refused("the answer is longer than a message of ubus may be: ask for fewer (count)")
            connection.settimeout(max(0.1, limit - monotonic()))
    except TimeoutError:
        raise Refused(
            f"no answer within {ANSWER_S:g} s; what was asked for goes on, its outcome is in status and readings"
        ) from None
    except OSError as error:
        raise Refused(
            f"no daemon answers at {control} ({error.strerror}): `/etc/init.d/meterd start` starts it, `logread -e "
            "meterd` tells why it did not"
        ) from None
    finally:
        connection.close()
    return bytes(data)


def _last_line(data: bytes) -> bytes:
    line = data.rstrip(b"\n").rpartition(b"\n")[2]
    if not (line.startswith(b"{") and line.endswith(b"}")):
        raise Refused("the daemon ended before it had answered")
    return line


def _read(device: str, control: str) -> bytes:
    """One scan of a device now: its readings as they leave."""
    limit = monotonic() + ANSWER_S
    found = loads(_last_line(_asked(control, ["readings", f"device={device}", "count=0"], limit)))
    if not found.get("ok"):
        raise Refused(str(found.get("error")))
    lines = _asked(control, ["read", device, found["device"]["line"]], limit).rstrip(b"\n").split(b"\n")
    end = _last_line(lines.pop())
    return end[:-1] + b',"readings":[' + b",".join(lines) + b"]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
