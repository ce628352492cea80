"""The InfluxDB sink against a server that the test plays: what is asked for, and every way in which it may go wrong."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd._number import Number
from meterd.config.effective import effective
from meterd.config.files import Configuration
from meterd.config.publishing import read_publish
from meterd.model import Reading
from meterd.recalculation import Recalculation
from meterd.sinks.batch_thread import Batch
from meterd.sinks.influx_http import _pause
from meterd.sinks.influx_lines import Writer
from tests.broker import Authority
from tests.unit.batch_case import NOON_MS, Signal, Site

TOKEN = "planted-T0ken=="
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
V2 = {"api": "v2", "bucket": "my meters", "org": "home & co", "token": TOKEN}


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Word", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Played:
    """A server on a thread: each request is answered by the next of `answers`, the last one again and again.

    An answer is bytes, None for a connection that is closed without one, or a function of the connection.
    """

    def __init__(self, *answers: Any, tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._is_closed.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join(30)
        self._listener.close()

    def lines(self) -> list[str]:
        return [line for request in self.requests for line in request.partition(b"\r\n\r\n")[2].decode().splitlines()]

    def _run(self) -> None:
        while not self._is_closed.is_set():
            connection = self._listener.accept()[0]
            connection.settimeout(20)
            try:
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self.connections += 1
                self._serve(connection)
            except OSError:
                pass
            finally:
                connection.close()

    def _serve(self, connection: socket.socket) -> None:
        data = b""
        while not self._is_closed.is_set():
            data += connection.recv(65536) or _gone()
            if data[:1] == b"\x16":  # who speaks TLS is answered in clear, as web servers do
                connection.sendall(answer(400))
                return
            head, end, body = data.partition(b"\r\n\r\n")
            if not end or len(body) < int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
                continue
            self.requests.append(data)
            data = b""
            now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if now is None:
                return
            if callable(now):
                now(connection)
            else:
                connection.sendall(now)


def _gone() -> bytes:
    raise OSError("the other side has closed")


@pytest.fixture
def servers() -> Iterator[Callable[..., Played]]:
    made: list[Played] = []

    def make(*answers: Any, **more: Any) -> Played:
        made.append(Played(*answers, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def sites() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(server: Played, **given: Any) -> Site:
        own = {"url": f"http://127.0.0.1:{server.port}", "gather_ms": 0, "retry_max_s": 1, "timeout_s": 2}
        own |= {} if "api" in given else {"database": "m"}
        made.append(Site("influx", **{**own, **given}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_v1_is_asked_as_its_manual_says(servers: Any, sites: Any) -> None:
    server = servers(TAKEN)
    site = sites(server, database="my meters", retention_policy="a/b", user="ann", password="planted-W0rd")
    site.take(Number(1, -1))
    site.until_delivered()
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /write?db=my%20meters&rp=a%2Fb&precision=ns HTTP/1.1\r\n")
    assert b"Authorization: Basic YW5uOnBsYW50ZWQtVzByZA==" in head
    assert body == f'meterd,device=M1,signal=E,unit=kWh value=0.1,quality="good" {NOON_MS}000001\n'.encode()


def test_v2_is_asked_as_its_manual_says(servers: Any, sites: Any) -> None:
    server = servers(TAKEN)
    site = sites(server, url=f"http://localhost:{server.port}/behind/", compress=1, **V2)
    site.take(1, 2)
    site.until_delivered()
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(
        b"POST /behind/api/v2/write?bucket=my%20meters&org=home%20%26%20co&precision=ns HTTP/1.1\r\n"
    )
    assert f"Authorization: Token {TOKEN}".encode() in head
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(body).count(b"\n") == 2


def test_one_connection_serves_many_batches_and_one_that_was_closed_meanwhile_costs_nothing(
    servers: Any, sites: Any
) -> None:
    server = servers(TAKEN, TAKEN, lambda connection: (connection.sendall(TAKEN), connection.close()), TAKEN)
    site = sites(server)
    for value in range(4):
        site.take(value)
        site.until_delivered()
    assert server.connections == 2
    assert len(server.requests) == 4
    assert not [line for line in site.said if "wait" in line]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (answer(401, b'{"code":"unauthorized","message":"unauthorized'
                     b' access"}'), "does not accept the token (401: unauth"),
        (answer(403, b'{"message":"no"}'), "does not let the token write into the bucket my meters (403: no)"),
        (answer(404, b'{"message":"bucket not found"}'), "the bucket my meters is not there, or this server"),
        (answer(400, b'{"message":"org name required"}'), "the server does not take it (400: org name required)"),
        (answer(302, b"", "Location: http://else/"), "redirects to http://else/; name the place itself in url"),
        (answer(500, b"\x00\xff<html>"), "the server has trouble of its own (500: "),
        (answer(502, b""), "the proxy does not reach the server"),
        (answer(418, b"x" * 300_000), "the server answers 418 (418: xxx"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "speaks no HTTP; does it want https?"),
        (b"HTTP/1.1 2zz\r\n\r\n", "speaks no HTTP"),
        (None, "ended the connection without an answer; does port"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", "headers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "got more than 65536 bytes"),
    ],
)  # fmt: skip
def test_every_refusal_is_a_sentence_and_nothing_is_lost(servers: Any, sites: Any, given: Any, words: str) -> None:
    def say_it(connection: socket.socket) -> None:
        if given is not None:
            connection.sendall(given)
        connection.close()

    server = servers(say_it, say_it, TAKEN)
    site = sites(server, **V2)
    site.take(1)
    site.until_trouble(words)
    assert site.sink.condition()[2:] == (1, 0)
    site.until_delivered()
    assert site.sink.condition()[1:] == ("", 0, 0)
    assert not [line for line in site.said if "planted" in line]


def test_a_server_that_asks_for_patience_gets_it(servers: Any, sites: Any) -> None:
    server = servers(answer(429, b"", "Retry-After: 2"), answer(503, b"", "Retry-After: 1"), TAKEN)
    site = sites(server)
    begun = time.monotonic()
    site.take(1)
    site.until_trouble("the server asks for patience (429")
    site.until_trouble("not available just now")
    assert time.monotonic() - begun >= 2
    site.until_delivered()
    assert time.monotonic() - begun >= 3


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [(None, 0, 0), ("", 0, 0), ("7", 7, 7), ("99999999", 3600, 3600), ("soon", 0, 0), ("-5", 0, 0), ("²", 0, 0),
     ("Sat, 28 Nov 2020 17:52:52 GMT", 0, 0), ("Sat, 28 Nov 2093 17:52:52 GMT", 3600, 3600)],
)  # fmt: skip
def test_retry_after(text: str | None, low: float, high: float) -> None:
    assert low <= _pause(text) <= high


def test_one_bad_line_among_many_is_found(servers: Any, sites: Any) -> None:
    refusal = answer(400, b'{"error":"unable to parse \'x\': bad"}')
    there: set[str] = set()

    def judge(connection: socket.socket) -> None:
        found = server.requests[-1].partition(b"\r\n\r\n")[2].decode().splitlines()
        there.update(line.split("value=")[1].split(",")[0] for line in found if "value=13," not in line)
        connection.sendall(refusal if any("value=13," in line for line in found) else TAKEN)

    server = servers(judge)
    site = sites(server)
    site.take(*range(100))
    site.until_delivered()
    assert site.sink.condition()[3] == 1
    assert there == {str(number) for number in range(100)} - {"13"}
    assert len(server.requests) < 20


def test_a_server_that_drips_is_left(servers: Any, sites: Any) -> None:
    def drip(connection: socket.socket) -> None:
        for letter in b"HTTP/1.1 204 No Content\r\n" + b"X: y\r\n" * 90:
            connection.sendall(bytes((letter,)))
            time.sleep(0.4)

    server = servers(drip, TAKEN)
    site = sites(server, timeout_s=1)
    site.take(1)
    site.until_trouble(f"port {server.port} has not answered in full within 2 s")
    site.until_delivered()
    assert len(server.requests) == 2


def test_a_server_that_says_nothing_keeps_nobody_at_the_end(servers: Any, sites: Any) -> None:
    server = servers(lambda connection: connection.recv(1))
    site = sites(server, timeout_s=300)
    site.take(1)
    site.until(lambda: server.requests)
    begun = time.monotonic()
    site.sink.close()
    assert time.monotonic() - begun < 20
    assert site.heard("readings that were not delivered and end with this process")
    site.sink._far.break_off()  # so that the thread of this test ends
    site.sink._far._connection.sock.shutdown(2)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def context(authority: Authority, name: str, alternatives: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*authority.sign(name, alternatives))
    return made


def test_over_tls(servers: Any, sites: Any, authority: Authority) -> None:
    server = servers(TAKEN, tls=context(authority, "good", "IP:127.0.0.1"))
    site = sites(server, url=f"https://127.0.0.1:{server.port}", ca_file=str(authority.certificate), **V2)
    site.take(1)
    site.until_delivered()
    assert len(server.requests) == 1


def test_an_authority_of_ones_own_is_believed_by_a_strict_python(
    servers: Any, sites: Any, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python 3.13 and later are of their own accord."""
    usual = ssl.create_default_context

    def strict(**how: Any) -> ssl.SSLContext:
        made = usual(**how)
        made.verify_flags |= ssl.VERIFY_X509_STRICT
        return made

    monkeypatch.setattr(ssl, "create_default_context", strict)
    server = servers(TAKEN, tls=context(authority, "good", "IP:127.0.0.1"))
    site = sites(server, url=f"https://127.0.0.1:{server.port}", ca_file=str(authority.certificate), **V2)
    site.take(1)
    site.until_delivered()


def test_a_server_that_is_not_who_it_says_gets_no_token(
    servers: Any, sites: Any, authority: Authority, tmp_path: Path
) -> None:
    server = servers(TAKEN, tls=context(authority, "other", "IP:127.0.0.9"))
    url = f"https://127.0.0.1:{server.port}"
    plain = servers(TAKEN)
    for given, words in (
        ({"url": url, "ca_file": str(authority.certificate)}, "certificate is for another address"),
        ({"url": url}, "is signed by nobody in the system's list; ca_file must hold the CA"),
        ({"url": url, "ca_file": str(tmp_path / "none.pem")}, "none.pem: No such file or directory"),
        ({"url": f"https://127.0.0.1:{plain.port}"}, f"no TLS is spoken at port {plain.port}"),
        ({"url": "http://name.invalid"}, "the name name.invalid is not found"),
    ):
        site = sites(server, **V2, **given)
        site.take(1)
        site.until_trouble(words)
        site.close()
    assert server.requests == plain.requests == []


def test_what_is_recalculated_has_the_meters_own_value_beside_it() -> None:
    signal = Signal("M1", "E", {"number_type": "UNSIGNED32"})
    signal.recalculation = Recalculation({"multiply": "0.001", "units": "MWh"})
    reading = signal.recalculation.apply(Reading(signal, 5000, "kWh", NOON_MS))
    settings = {"measurement": "{device}.{signal}", "gateway": None, "states": 0, "integers": "integer", "api": "v2"}
    (line,) = Writer(settings).lines(Batch([("e", 2_000_003, reading)]), 0)
    assert line.decode() == (
        f'M1.E,device=M1,signal=E,unit=MWh value=5.000,raw_value=5000,quality="good" {NOON_MS}000003'
    )


def test_unsigned_integers_where_the_server_has_them() -> None:
    settings = {"measurement": "m", "gateway": None, "states": 0, "integers": "integer", "api": "v2"}
    reading = Reading(Signal("M1", "U", {"number_type": "UNSIGNED64"}), (1 << 64) - 1, None, NOON_MS)
    (line,) = Writer(settings).lines(Batch([("e", 1, reading)]), 0)
    assert b" value=18446744073709551615u,quality=" in line


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://h", "database": "d", "token": "t"}, ["influx.token: belongs to api v2"]),
        ({"url": "http://h"}, ["influx.database: is needed with api v1"]),
        ({"url": "http://h", "api": "v2", "database": "d"},
         ["influx.database: belongs to api v1", "influx.bucket: is needed with api v2"]),
        ({"url": "http://h", "database": "d", "password": "p"}, ["influx.password: needs a user"]),
        ({"url": "http://h", "database": "d", "ca_file": "f"}, ["influx.ca_file: needs a url that begins with https"]),
        ({"url": "http://h", "database": "d", "integers": "integer"}, ["influx.integers: needs {device} and {signal}"]),
        ({"url": "influx.example", "database": "d"}, ['influx.url: found "influx.example", allowed: http://HOST:PORT']),
        ({"url": "http://a:b@h", "database": "d"}, ["influx.url: found "]),
        ({"url": "http://h:99999", "database": "d"}, ["influx.url: found "]),
        ({"url": "http://h:x", "database": "d"}, ["influx.url: found "]),
        ({"url": "http://h", "database": "d", "measurement": "#x"}, ["influx.measurement: found "]),
        ({"url": "http://h", "api": "v2", "bucket": "b", "token": "planted T0ken"}, ["influx.token: found "]),
        ({"url": "http://[::1]:8086", "database": "d"}, []),
    ],
)  # fmt: skip
def test_slips(given: dict[str, Any], said: list[str]) -> None:
    found: list[str] = []
    read_publish({"influx": given}, lambda name, text: found.append(f"{name}: {text}"))
    assert len(found) == len(said), found
    assert all(one.startswith(words) for one, words in zip(found, said, strict=True)), found
    assert not [one for one in found if "planted" in one]


def test_check_masks_the_secrets() -> None:
    configuration = Configuration()
    slips: list[str] = []
    configuration.published = read_publish(
        {"influx": {"url": "http://h", **V2}}, lambda *words: slips.append(str(words))
    )
    assert slips == []
    assert "planted" not in str(effective(configuration))
