"""The one listener and the one buffered writer, over real sockets: bounds, partial writes, vanished and slow peers."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from meterd import log
from meterd.ports import listener as module
from meterd.ports._loop import Loop
from meterd.ports.listener import Listener, tcp_socket, unix_socket
from meterd.ports.stream import Stream

ROOT = Path(__file__).parents[2] / "meterd"


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def said() -> Iterator[list[str]]:
    found: list[str] = []
    log.configure(log.DEBUG, lambda level, text: found.append(text), clock=lambda: 0.0)
    yield found
    log.configure()


class Ends:
    """A stream and its other end; `heard` is what its owner was told."""

    def __init__(self, loop: Loop, bound: int = 1 << 20) -> None:
        ours, self.other = socket.socketpair()
        ours.setblocking(False)
        self.other.setblocking(False)
        self.heard: list[object] = []
        self.stream = Stream(
            loop, ours.detach(), bound, self.heard.append, lambda error: self.heard.append(("end", error))
        )

    def _ended(self, error: OSError | None) -> None:
        self.heard.append(("end", error))

    def received(self, loop: Loop) -> bytes:
        """All that leaves until nothing waits."""
        taken = b""
        while self.stream.waiting:
            taken += self.other.recv(1 << 20)
            loop.turn()
        try:
            while block := self.other.recv(1 << 20):
                taken += block
        except BlockingIOError:
            pass
        return taken


def test_what_a_slow_reader_does_not_take_leaves_later_whole_and_in_order(loop: Loop) -> None:
    ends = Ends(loop, 2_000_000)
    sent = b"".join(b"%09d\n" % number for number in range(150_000))
    for start in range(0, len(sent), 70_001):
        assert ends.stream.put(sent[start : start + 70_001])
        ends.stream.flush()
    assert ends.stream.waiting
    assert ends.received(loop) == sent
    ends.stream.close()
    ends.other.close()


def test_past_the_bound_nothing_is_kept_of_what_is_put(loop: Loop) -> None:
    ends = Ends(loop, bound=10)
    assert ends.stream.put(b"12345678")
    assert not ends.stream.put(b"abc")
    assert ends.stream.put(b"90")
    ends.stream.flush()
    assert ends.other.recv(100) == b"1234567890"
    ends.stream.close()
    assert not ends.stream.put(b"x")
    ends.stream.flush()
    assert ends.other.recv(100) == b""
    ends.other.close()


def test_the_last_words_leave_before_the_end_whatever_the_bound(loop: Loop) -> None:
    ends = Ends(loop, bound=10)
    words = bytes(range(256)) * 8000
    ends.stream.finish(words)
    ends.other.sendall(b"nobody cares")
    taken = b""
    while ends.stream.is_open():
        taken += ends.other.recv(1 << 20)
        loop.turn()
    taken += ends.other.recv(1 << 20)
    assert taken == words
    assert not ends.stream.is_open()
    assert ends.heard == [("end", None)]
    ends.other.close()


def test_who_says_no_more_may_listen_on_and_who_hangs_up_has_ended(loop: Loop) -> None:
    ends = Ends(loop)
    ends.other.sendall(b"take this")
    loop.turn()
    ends.other.shutdown(socket.SHUT_WR)
    loop.turn()
    assert ends.heard == [b"take this", b""]
    ends.stream.put(b"still")
    ends.stream.flush()
    assert ends.other.recv(100) == b"still"
    ends.other.close()
    loop.turn()
    assert ends.heard[2:] == [("end", None)]
    assert not ends.stream.is_open()


def test_a_peer_that_vanished_is_told_of_once_at_the_write(loop: Loop) -> None:
    ends = Ends(loop)
    ends.other.close()
    ends.stream.put(b"x")
    ends.stream.flush()
    ends.stream.flush()
    [(_, error)] = ends.heard
    assert error.errno == errno.EPIPE
    ends.stream.close()
    assert len(ends.heard) == 1


def test_tcp_clients_are_handed_out_and_do_not_block(loop: Loop) -> None:
    served: list[int] = []
    listener = Listener(loop, tcp_socket("127.0.0.1", 0), served.append)
    with socket.create_connection(("127.0.0.1", listener.port)):
        loop.turn()
        assert not os.get_blocking(served[0])
    os.close(served[0])
    port = listener.port
    listener.close()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_tcp_port_in_use_is_refused_with_its_reason(loop: Loop) -> None:
    listener = Listener(loop, tcp_socket("127.0.0.1", 0), os.close)
    with pytest.raises(OSError, match="in use"):
        tcp_socket("127.0.0.1", listener.port)
    listener.close()


def test_without_a_descriptor_left_the_listener_pauses_and_comes_back(
    loop: Loop, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORT_OF_FILES_S", 0.05)
    served: list[int] = []
    listener = Listener(loop, unix_socket(str(tmp_path / "s")), served.append)
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(tmp_path / "s"))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    filled = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 8, limits[1]))
        with pytest.raises(OSError) as none_left:
            while True:
                filled.append(os.open("/dev/null", os.O_RDONLY))
        assert none_left.value.errno == errno.EMFILE  # which each C library words its own way
        began = loop.time
        for _ in range(6):  # to knock and to pause, in turns
            loop.turn()
        assert loop.time - began >= 0.09, "the loop spins"
        assert served == []
        assert said == [f"{tmp_path}/s: nobody is let in for a while: too many files are open"]
    finally:
        for fd in filled:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    while not served:
        loop.turn()
    os.close(served[0])
    listener.close()
    client.close()
