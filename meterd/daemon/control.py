"""The daemon's control socket: one line of words in, one line of JSON out, then the connection ends.

    status [PROTOCOL]   what runs, and every device with its counters
    start PROTOCOL      start one protocol within the daemon
    stop PROTOCOL       stop one protocol within the daemon, politely
    reload              read the configuration again
    events [COUNT]      the event log, newest first
    page, readings …    a part of what there is, see `daemon.glance`
    read DEVICE LINE    one scan of a device, which the asker has on that line too: its readings, each a line of JSON,
                        then `ok`, or `error` in words
    trace [NAME]        the wire log from now on, secrets masked, until the client leaves; NAME of a line or a device

Protocols are named as their debug programs are: iec62056-21, dlms, mbus, elgama. `nc -U` is client enough.
"""

from __future__ import annotations

import posix

from .. import log
from ..errors import ConfigError, module_for
from ..gateway.json_text import dumps
from ..paths import environment, is_folder, join, make_folders, parent
from ..ports._timers import Timer
from ..ports.listener import Listener, unix_socket
from ..ports.portions import Portions
from ..ports.stream import Stream
from ..protocols import registry
from ..sinks._json import json_line
from ..sinks.events import EventLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Reading
    from ..ports.player import Observer
    from ..ports.wire_log import WireLog
    from ..ports.work import Result, Work
    from ..sinks.hub import Hub
    from .daemon import AnyLine, Daemon

DIRECTORY = "/var/run/meterd"
MAX_REQUEST = 256
MAX_CLIENTS = 16
MAX_WAITING = 1 << 20
# A client that has not asked, or not taken its answer, by then makes room for others.
CLIENT_S = 10.0
# A scan that somebody asked for has come to its end by then, or the asker is let go.
SCAN_S = 120.0


def default_path(shard: str = "") -> str:
    """`control.sock` in systemd's run-time directory, else in /var/run/meterd, else (not root) in the user's own; that
    of one shard has its number.
    """
    end = f"-{shard}" if shard else ""
    for directory in (environment("RUNTIME_DIRECTORY"), DIRECTORY, environment("XDG_RUNTIME_DIR")):
        if directory and posix.access(directory if is_folder(directory) else parent(directory), posix.W_OK):
            return join(directory, f"{'' if 'meterd' in directory else 'meterd-'}control{end}.sock")
    return f"/tmp/meterd-{posix.getuid()}{end}.sock"


class Control:
    """Listens at `path`; where it cannot, the daemon runs on without it and says so. `reload(then)` reads the
    configuration again."""

    def __init__(self, daemon: Daemon, hub: Hub, path: str, reload: Callable[[Callable[[], None]], None]) -> None:
        self.daemon = daemon
        self.hub = hub
        self.path = path
        self.reload = reload
        self._clients: dict[int, Client] = {}
        self._listener: Listener | None = None
        try:
            make_folders(parent(path))
            self._listener = Listener(daemon.loop, unix_socket(path), self._serve)
        except OSError as error:
            log.warning(f"{path}: no control socket: {error.strerror}")
            return
        daemon.followers.append(self._follow)

    def close(self) -> None:
        for client in list(self._clients.values()):
            client.close()
        if self._listener is not None:
            self._listener.close()

    def _serve(self, fd: int) -> None:
        if len(self._clients) >= MAX_CLIENTS:
            posix.close(fd)
        else:
            self._clients[fd] = Client(self, fd)

    def forget(self, fd: int) -> None:
        self._clients.pop(fd, None)

    def _follow(self, line: AnyLine) -> None:
        """A line has begun or has other devices now; who traces may want to see it too."""
        for client in list(self._clients.values()):
            client.follow(line)

    def answer(self, words: list[str], client: Client) -> None:
        """Answer one request, now or when it is done; `ok` False and `error` in words where it cannot be done."""
        try:
            answer = self._answer(words, client)
        except ConfigError as error:
            answer = {"ok": False, "error": str(error)}
        except Exception as error:
            log.bug(f"{' '.join(words)!r} on the control socket failed on a defect of meterd", error)
            answer = {"ok": False, "error": "a defect of meterd; see its log"}
        if answer is not None:
            client.finish(answer)

    def _answer(self, words: list[str], client: Client) -> dict[str, object] | None:
        """The answer, or None where it is still to come."""
        command, arguments = words[0] if words else "", words[1:]
        if command in ("status", "start", "stop") and len(arguments) <= 1 and (arguments or command == "status"):
            package = registry.PROGRAMS.get(arguments[0]) if arguments else None
            if arguments and package is None:
                return _refusal(arguments[0])
            if command == "status":
                client.work(self._status_text(package), client.say_last)
            elif package is not None:
                client.wait()
                running = command == "start"
                self.daemon.set_protocol(package, running, lambda count: client.finish({"ok": True, "devices": count}))
            return None
        if command == "reload" and not arguments:
            client.wait()
            self.reload(lambda: client.finish({"ok": True, "devices": len(self.daemon.jobs)}))
            return None
        if command == "events" and len(arguments) <= 1:
            return self._events(arguments)
        if command in ("page", "readings"):
            return self._glance(command, arguments, client)
        return {"ok": False, "error": f"{' '.join(words)!r} is no request"}

    def _glance(self, command: str, arguments: list[str], client: Client) -> dict[str, object] | None:
        glance = module_for(repr(command), "meterd.daemon.glance", "meterd-top")
        client.work(glance.glance(self.daemon, command, arguments), client.finish)
        return None

    def _status_text(self, package: str | None) -> Work[str]:
        """The answer as text, row by row: that of a large site is a megabyte."""
        status = yield from self.daemon.looking(package)
        pieces = ['"ok":true']
        for name, value in status.items():
            rows = []
            for row in value if isinstance(value, list) else ():
                rows.append(dumps(row))
                yield
            pieces.append(f"{dumps(name)}:" + (f"[{','.join(rows)}]" if isinstance(value, list) else dumps(value)))
        return "{" + ",".join(pieces) + "}"

    def _events(self, arguments: list[str]) -> dict[str, object]:
        count = int(arguments[0]) if arguments and arguments[0].isdigit() else None
        events = [sink for sink in self.hub.sinks if isinstance(sink, EventLog)]
        if not events:
            return {"ok": False, "error": "no signal is configured with log > 0"}
        return {"ok": True, "events": events[0].newest(count)}


def _refusal(name: str) -> dict[str, object]:
    return {"ok": False, "error": f"{name!r} is no protocol; {', '.join(registry.PROGRAMS)} are"}


class Client:
    """One connection: collects its request line, answers, and closes; a tracing one stays."""

    def __init__(self, control: Control, fd: int) -> None:
        self._control = control
        self._loop = control.daemon.loop
        self._key = fd
        self._stream = Stream(self._loop, fd, MAX_WAITING, self._take, lambda error: self._part())
        self._request = b""
        self._is_served = False
        self._wire_log: WireLog | None = None
        self._only: list[str] = []
        self._observers: dict[str, tuple[AnyLine, Observer]] = {}  # by the key of the line
        self._work = Portions(self._loop)
        self._patience = Timer(self.close)
        self._loop.arm(self._patience, self._loop.time + CLIENT_S)

    def close(self) -> None:
        if self._stream.is_open():
            self._stream.close()
            self._part()

    def _part(self) -> None:
        """The connection is no more."""
        self._work.abandon()
        for line, observer in self._observers.values():
            if observer in line.player.observers:
                line.player.observers.remove(observer)
        self._observers = {}
        self._patience.deadline = None
        self._control.forget(self._key)

    def write(self, text: str) -> None:
        """What a WireLog needs of a file; a client that does not read is let go."""
        if self._stream.put(text.encode("ascii", "backslashreplace")):
            self._stream.flush()
        else:
            self.close()

    def flush(self) -> None:
        """What a WireLog needs of a file; it has been done."""

    def _take(self, data: bytes) -> None:
        if self._is_served:
            return  # it waits for its answer, or follows, whatever it says, and also where it will say no more
        self._request += data
        if b"\n" in self._request:
            self._is_served = True
            self._serve(self._request.split(b"\n")[0].decode("ascii", "replace").split())
        elif not data or len(self._request) > MAX_REQUEST:
            self.close()

    def _serve(self, words: list[str]) -> None:
        if words[:1] == ["trace"]:
            self._patience.deadline = None
            self._only = words[1:]
            from ..ports.wire_log import WireLog

            self._wire_log = WireLog(self, lambda: self._loop.time)
            self.work(self._following(), lambda _: None)
            return
        if words[:1] == ["read"] and len(words) == 3:
            refusal = self._control.daemon.ask(words[1], words[2], self)
            if refusal:
                self.finish({"ok": False, "error": refusal})
            else:
                self.wait()
            return
        self._control.answer(words, self)

    def wait(self) -> None:
        """The answer takes longer than others."""
        self._loop.arm(self._patience, self._loop.time + SCAN_S)

    def work(self, work: Work[Result], then: Callable[[Result], object]) -> None:
        """Do something for this client, in portions, as long as it is there."""
        self._work.begin(work, then)

    def finish(self, answer: dict[str, object]) -> None:
        self.say_last(dumps(answer))

    def say_last(self, text: str) -> None:
        if self._stream.is_open():  # else nobody waits for it any more
            self._stream.finish((text + "\n").encode("ascii", "backslashreplace"))

    def _following(self) -> Work[None]:
        """Let a client that traces see the lines that there are."""
        lines = self._control.daemon.lines
        for key, line in list(lines.items()):
            yield
            if lines.get(key) is line:
                self.follow(line)
        if not self._observers:
            known = ", ".join(lines) or "none"
            what = f"nothing is called {' '.join(self._only)}" if self._only else "nothing is read"
            self.write(f"# {what} so far; lines: {known}\n")

    def accept(self, reading: Reading) -> None:
        """A reading of the scan that was asked for."""
        if self._stream.put((json_line(reading) + "\n").encode("utf-8", "backslashreplace")):
            self._stream.flush()
        else:
            self.close()

    def ended(self, error: Exception | None) -> None:
        """The scan that was asked for is over."""
        self.finish({"ok": error is None, "error": "" if error is None else str(error), "read": True})

    def follow(self, line: AnyLine) -> None:
        """Let a client that traces see this line."""
        if self._wire_log is None:
            return
        names = {line.key, line.path, *(job.alias() for job in line.jobs)}
        if self._only and not names.intersection(self._only):
            return
        seen = self._observers.get(line.key)
        if seen is not None and seen[0] is line:
            return
        daemon = self._control.daemon
        observer = self._wire_log.observer(line.key, lambda: daemon.secrets_of(line))
        line.player.observers.append(observer)
        self._observers[line.key] = (line, observer)
