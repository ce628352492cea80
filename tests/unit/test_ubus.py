"""The ubus object: what rpcd asks for at its start, and each call as rpcd makes it, in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meterd.cli import ubus
from meterd.cli.ubus_scan import scan

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "openwrt" / "files" / "rpcd.sh"
LIMIT_S = 60.0


class Daemon:
    """Answers each request with the lines that `says` has for it."""

    def __init__(self, path: str, says: Callable[[str], bytes | None]) -> None:
        self.requests: list[str] = []
        self._says = says
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(4)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                request = connection.recv(1000).decode().strip()
                self.requests.append(request)
                answer = self._says(request)
                if answer is None:  # it never comes
                    self._over.wait(LIMIT_S)
                else:
                    try:
                        connection.sendall(answer)
                    except OSError:
                        pass  # its asker has had enough

    def close(self) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(LIMIT_S)
        self._listener.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Callable[[str], bytes | None]], Daemon]]:
    made: list[Daemon] = []

    def start(says: Callable[[str], bytes | None]) -> Daemon:
        made.append(Daemon(str(tmp_path / "c.sock"), says))
        return made[-1]

    yield start
    for each in made:
        each.close()


def call(tmp_path: Path, method: str, arguments: str = "{}", more: str = "pass") -> dict:
    """As rpcd does: the method as a word, the arguments on standard input."""
    control = str(tmp_path / "c.sock")
    code = f"import sys; from meterd.cli import ubus; {more}; sys.exit(ubus.main({method!r}, {control!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=arguments.encode(), capture_output=True, cwd=ROOT, timeout=LIMIT_S
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict), "rpcd takes nothing else"
    return answer


def test_rpcd_is_told_the_methods_and_their_types() -> None:
    said = subprocess.run(["sh", PLUGIN, "list"], capture_output=True, text=True, check=True, timeout=LIMIT_S).stdout
    methods = json.loads(said)
    assert set(methods) == set(ubus.METHODS) and len(said) < 1024, "rpcd reads no more at once"
    for method, names in ubus.TEXT_ARGUMENTS.items():
        assert set(methods[method]) == {*names, *ubus.NUMBER_ARGUMENTS}
        assert all(isinstance(methods[method][name], str) for name in names)
        assert all(type(methods[method][name]) is int for name in ubus.NUMBER_ARGUMENTS)
    assert methods["read"] == {"device": "text"} and methods["scan"] == {"place": "text", "stop": False}
    for word in ("", "dance"):
        assert not subprocess.run(["sh", PLUGIN, word], capture_output=True, check=True, timeout=LIMIT_S).stdout


def test_an_answer_is_passed_on_as_it_came(tmp_path: Path, serve) -> None:
    daemon = serve(lambda request: b'{"ok":true,"devices":[{"device":"caf\xc3\xa9","load":0.10}]}\n')
    arguments = json.dumps({"sort": "age", "match": "PORT1", "from": 3, "count": 7, "ubus_rpc_session": "0" * 32})
    assert call(tmp_path, "status", arguments)["devices"] == [{"device": "café", "load": 0.1}]
    call(tmp_path, "readings", '{"device":"main_meter"}')
    call(tmp_path, "readings", "")
    assert daemon.requests == ["page sort=age match=PORT1 from=3 count=7", "readings device=main_meter", "readings"]


def test_reading_now(tmp_path: Path, serve) -> None:
    def says(request: str) -> bytes:
        if request.startswith("readings"):
            return b'{"ok":true,"device":{"line":"10.0.0.7:4059"},"readings":[]}\n'
        return b'{"signal":"a","value":1.50}\n{"signal":"b","value":null}\n{"ok":true,"error":"","read":true}\n'

    daemon = serve(says)
    answer = call(tmp_path, "read", '{"device":"attic"}')
    assert answer["ok"] and [row["signal"] for row in answer["readings"]] == ["a", "b"]
    assert daemon.requests == ["readings device=attic count=0", "read attic 10.0.0.7:4059"]


def test_a_device_that_is_not_read_is_refused_in_the_daemons_words(tmp_path: Path, serve) -> None:
    serve(lambda request: b'{"ok":false,"error":"no device that is read here is called attic"}\n')
    answer = call(tmp_path, "read", '{"device":"attic"}')
    assert answer == {"ok": False, "error": "no device that is read here is called attic"}


@pytest.mark.parametrize(
    ("method", "arguments", "told"),
    [
        ("read", "{}", "device is missing"),
        ("read", '{"device":7}', "device is missing"),
        ("read", '{"device":"a b"}', "no name"),
        ("read", '{"device":"a\\nstop dlms"}', "no name"),
        ("readings", '{"count":"9"}', "count is no number"),
        ("readings", '{"count":true}', "count is no number"),
        ("readings", '{"from":-1}', "from is no number"),
        ("status", '{"sort":["age"]}', "sort is missing: a text"),
        ("status", "[1]", "no JSON object"),
        ("status", "{", "no JSON object"),
        ("status", '"' + "x" * 20_000 + '"', "no JSON object"),
        ("dance", "{}", "no method"),
        ("status", "{}", "no daemon answers"),
        ("scan", '{"place":"--output=/etc/passwd"}', "no port"),
        ("scan", '{"place":"/dev/ttyS1; reboot"}', "no port"),
        ("scan", '{"place":["x"]}', "place is"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(tmp_path: Path, method: str, arguments: str, told: str) -> None:
    more = f"from meterd.cli import ubus_scan; ubus_scan.scan.__defaults__ = ({str(tmp_path / 's')!r}, ('/bin/false',))"
    answer = call(tmp_path, method, arguments, more)
    assert answer["ok"] is False and told in answer["error"]


def test_a_daemon_that_does_not_answer_in_time(tmp_path: Path, serve) -> None:
    serve(lambda request: None)
    assert "no answer within" in call(tmp_path, "status", "{}", "ubus.ANSWER_S = 0.3")["error"]


@pytest.mark.parametrize("said", [b"", b'{"ok":tr', b"\n\n"])
def test_a_daemon_that_ends_before_it_has_answered(tmp_path: Path, serve, said: bytes) -> None:
    serve(lambda request: said)
    assert "ended before" in call(tmp_path, "status")["error"]


def test_an_answer_that_no_message_holds(tmp_path: Path, serve) -> None:
    serve(lambda request: b"{" + b" " * ubus.MAX_ANSWER + b"}\n")
    assert "ask for fewer" in call(tmp_path, "status")["error"]


def test_a_call_loads_next_to_nothing() -> None:
    code = (
        "import sys; import meterd.cli.ubus; print(*sorted(name for name in sys.modules if name.startswith('meterd')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=LIMIT_S
    )
    loaded = set(done.stdout.split())
    assert loaded == {"meterd", "meterd.cli", "meterd.cli.ubus", "meterd.gateway", "meterd.gateway.json_text"}


# ---- the search


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Callable[..., dict]]:
    folder = str(tmp_path / "scan")
    program = tmp_path / "program"
    lines = ["#!/bin/sh", 'echo "looking at $1" >&2', 'trap "echo half; exit 1" INT']
    lines += ['while [ ! -e "$0.go" ]; do sleep 0.05; done', 'echo "{}"', ""]
    program.write_text("\n".join(lines))
    program.chmod(0o755)

    def ask(**arguments) -> dict:
        return scan(arguments, folder, (str(program),))

    yield ask
    try:
        ask(stop=True)
    except ValueError:
        pass


def until(ask: Callable[[], dict], seen: Callable[[dict], bool]) -> dict:
    limit = time.monotonic() + LIMIT_S
    while not seen(answer := ask()):
        assert time.monotonic() < limit, answer
        time.sleep(0.02)
    return answer


def test_a_search_is_begun_and_asked_about(tmp_path: Path, search) -> None:
    assert search() == {**search(), "running": False, "place": "", "said": "", "found": ""}
    assert search(place="/dev/ttyS9")["running"]
    answer = until(search, lambda answer: bool(answer["said"]))
    assert answer["said"] == "looking at /dev/ttyS9\n" and answer["running"] and not answer["found"]
    with pytest.raises(ValueError, match="runs already"):
        search(place="10.0.0.7:4059")
    (tmp_path / "program.go").touch()
    answer = until(search, lambda answer: not answer["running"])
    assert answer["found"] == "{}\n" and answer["place"] == "/dev/ttyS9" and answer["ok"]
    assert search(place="10.0.0.7:4059")["place"] == "10.0.0.7:4059"


def test_a_search_is_ended(search) -> None:
    assert search(place="PORT1")["running"]
    until(search, lambda answer: bool(answer["said"]))
    search(stop=True)
    assert until(search, lambda answer: not answer["running"])["found"] == "half\n", "what was found is kept"


def test_a_number_that_is_another_processs_by_now_is_no_search(tmp_path: Path, search) -> None:
    search()
    (tmp_path / "scan" / "process").write_text(str(os.getpid()))
    assert not search(stop=True)["running"]
    os.kill(os.getpid(), 0)


def test_anothers_folder_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "scan").mkdir(mode=0o755)
    with pytest.raises(ValueError, match="another user's"):
        scan({}, str(tmp_path / "scan"), ("/bin/false",))
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError):
        scan({}, str(tmp_path / "link"), ("/bin/false",))


def test_a_search_ends_by_itself(tmp_path: Path, search, monkeypatch) -> None:
    monkeypatch.setattr("meterd.cli.ubus_scan.SEARCH_S", 1)
    assert search(place="PORT1")["running"]
    until(search, lambda answer: not answer["running"])
