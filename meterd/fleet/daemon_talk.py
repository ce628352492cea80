"""What is asked of the running daemon on behalf of somebody far away: its state, a reload, one scan of a device.

The daemon answers at its control socket (`daemon/control.py`): a line of words, then lines of JSON. Answers are bounded
here, for they go over a mobile network. A daemon that does not run is said to be so.
"""

from __future__ import annotations

from _socket import AF_UNIX, SOCK_STREAM, socket

from ..gateway.json_text import loads
from .signed import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_ANSWER = 8 << 20
MOST_READINGS = 500
ANSWER_S = 125.0


class Daemon:
    """The daemon whose control socket is at `path`."""

    def __init__(self, path: str) -> None:
        self.path = path

    def ask(self, *words: str) -> list[Any]:
        """The lines of the answer. Raises: Refused where none comes."""
        data = bytearray()
        connection = socket(AF_UNIX, SOCK_STREAM)
        connection.settimeout(ANSWER_S)
        try:
            connection.connect(self.path)
            connection.sendall(" ".join(words).encode() + b"\n")
            while len(data) <= MAX_ANSWER and (block := connection.recv(65536)):
                data += block
        except OSError as error:
            raise Refused(f"no daemon answers at {self.path}: {error.strerror or error}") from None
        finally:
            connection.close()
        try:
            return [loads(line) for line in data.splitlines()]
        except (ValueError, TypeError):
            raise Refused("the daemon's answer is cut off") from None

    def status(self) -> dict[str, Any]:
        """Raises: Refused."""
        answer = self.ask("status")
        if len(answer) != 1 or not answer[0].get("ok"):
            raise Refused("the daemon tells no status")
        found: dict[str, Any] = answer[0]
        return found

    def reload(self) -> str:
        """'' where it has read its configuration anew, else why not: it then does so when it is started."""
        try:
            answer = self.ask("reload")
        except Refused as error:
            return str(error)
        return "" if answer and answer[-1].get("ok") else "the daemon did not reload"

    def read(self, device: str) -> list[Any]:
        """The readings of one scan of a device. Raises: Refused."""
        lines = [row["line"] for row in self.status()["devices"] if row["device"] == device]
        if not lines:
            raise Refused(f"device: found {device!r}, and no device that is read here is called so")
        *readings, end = self.ask("read", device, lines[0]) or [{}]
        if not end.get("ok"):
            readings.append({"error": end.get("error") or "the daemon ended the scan"})
        return readings[:MOST_READINGS]
