"""Names to addresses: asked for once, by a few threads, kept, and the older answer where the server is silent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from meterd.ports import resolver

ADDRESS = [(2, "192.0.2.7")]


class Loop:
    """Callbacks from threads, called by the test."""

    def __init__(self) -> None:
        self.called = threading.Event()
        self.callbacks: list[Callable[[], None]] = []

    def call_soon_from_thread(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)
        self.called.set()

    def wait_for(self, count: int) -> None:
        while len(self.callbacks) < count:
            assert self.called.wait(10.0), "no answer came"
            self.called.clear()
        for callback in self.callbacks[:]:
            callback()
        self.callbacks.clear()


class Server:
    """A name server for the test: says what it is told to say, when it is allowed to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.open = threading.Event()
        self.answer: tuple[list[tuple[int, str]], str] = (ADDRESS, "")
        self._lock = threading.Lock()

    def ask(self, name: str) -> tuple[list[tuple[int, str]], str]:
        with self._lock:
            self.asked.append(name)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.open.wait(10.0)
        with self._lock:
            self.at_once -= 1
        return self.answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(resolver, "_ask", made.ask)
    return made


def test_a_dead_server_and_many_names_make_few_threads(server: Server) -> None:
    loop, heard = Loop(), []
    names = resolver.Resolver()
    before = threading.active_count()
    for number in range(300):
        names.look_up(loop, f"meter{number}.invalid", lambda found, message: heard.append(found))
    assert threading.active_count() <= before + resolver.MOST_THREADS
    server.open.set()
    loop.wait_for(300)
    assert heard == [ADDRESS] * 300
    assert server.most_at_once <= resolver.MOST_THREADS
    assert sorted(server.asked) == sorted(f"meter{number}.invalid" for number in range(300))


def test_a_name_that_many_wait_for_is_asked_for_once(server: Server) -> None:
    loop, heard = Loop(), []
    names = resolver.Resolver()
    for number in range(50):
        names.look_up(loop, "gateway.example", lambda found, message, number=number: heard.append(number))
    server.open.set()
    loop.wait_for(50)
    assert server.asked == ["gateway.example"]
    assert heard == list(range(50))


def test_answers_are_kept_and_older_ones_are_better_than_none(server: Server) -> None:
    now = [0.0]
    loop: Any = Loop()
    names = resolver.Resolver(lambda: now[0])
    server.open.set()
    heard: list[tuple[Any, str]] = []

    def look_up() -> None:
        names.look_up(loop, "meter.example", lambda *answer: heard.append(answer))

    look_up()
    loop.wait_for(1)
    now[0] = resolver.GOOD_S - 1
    look_up()  # from what is kept, without the loop
    assert heard == [(ADDRESS, ""), (ADDRESS, "")]
    now[0] = resolver.GOOD_S + 1
    server.answer = ([], "Temporary failure in name resolution")
    look_up()
    loop.wait_for(1)
    assert heard[2] == (ADDRESS, "Temporary failure in name resolution")
    assert len(server.asked) == 2
    now[0] += resolver.BAD_S + 1
    look_up()
    loop.wait_for(1)
    assert len(server.asked) == 3


def test_a_name_that_never_resolved_says_why(server: Server) -> None:
    loop = Loop()
    server.open.set()
    server.answer = ([], "Name or service not known")
    heard: list[Any] = []
    resolver.Resolver().look_up(loop, "nobody.invalid", lambda *answer: heard.append(answer))
    loop.wait_for(1)
    assert heard == [([], "Name or service not known")]


def test_where_no_thread_can_be_had_the_next_question_is_asked_anew(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, heard = Loop(), []
    names = resolver.Resolver()
    server.open.set()
    with monkeypatch.context() as patched:
        patched.setattr(resolver, "start_new_thread", _refuse)
        with pytest.raises(RuntimeError, match="no more"):
            names.look_up(loop, "a.example", lambda *answer: heard.append(answer))
    names.look_up(loop, "a.example", lambda *answer: heard.append(answer))
    loop.wait_for(1)
    assert heard == [(ADDRESS, "")]


def _refuse(function: Any, arguments: Any) -> None:
    raise RuntimeError("no more threads")


def test_the_number_of_names_kept_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "MOST_NAMES", 8)
    loop = Loop()
    names = resolver.Resolver()
    server.open.set()
    for number in range(30):
        names.look_up(loop, f"m{number}", lambda *answer: None)
    loop.wait_for(30)
    assert len(names._answers) <= 8


def test_real_names() -> None:
    found, message = resolver._ask("localhost")
    assert (2, "127.0.0.1") in found
    assert message == ""
    assert resolver._ask("meter.invalid.")[0] == []
    assert resolver._ask("x" * 300)[0] == []
    assert resolver._ask("ä" * 100)[0] == []
