"""The virtual time of the tests: a hang and a defect do not pass for an outcome, and time costs nothing."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.conversation import LineSettings, Pause, Receive, Send
from meterd.errors import PortGone, Silence
from tests.pair import converse
from tests.strangers.serve import Octets


def mute() -> Any:
    yield Receive(Octets(), None, 100)


def answering(heard: list[Any]) -> Any:
    try:
        while True:
            heard.append((yield Receive(Octets(), None, 100)))
            yield Send(b"to " + heard[-1])
    except PortGone as error:
        heard.append(str(error))


def asking(timeout_ms: float | None) -> Any:
    yield LineSettings(2400, 8, "even", 1)
    yield Send(b"who")
    return (yield Receive(Octets(), timeout_ms, 100))


def test_a_minute_passes_and_the_meter_hears_of_the_end() -> None:
    outcome = converse(asking(60_000), mute(), byte_s=0.01)
    assert isinstance(outcome.error, Silence)
    assert outcome.seconds == pytest.approx(60.03, abs=1e-4)
    assert outcome.settings == [LineSettings(2400, 8, "even", 1)]
    heard: list[Any] = []
    outcome = converse(asking(1000), answering(heard))
    assert (outcome.value, heard) == (b"to who", [b"who", "peer closed"])


@pytest.mark.parametrize("keeps", [False, True])
def test_what_came_before_a_send_is_no_answer_unless_kept(keeps: bool) -> None:
    def client() -> Any:
        yield Send(b"first")
        yield Pause(1.0)
        yield Send(b"second", keep_input=keeps)
        return (yield Receive(Octets(), 10_000, 100))

    outcome = converse(client(), answering([]))
    assert outcome.value == (b"to first" if keeps else b"to second")


def endless() -> Any:
    while True:
        yield Pause(1.0)


@pytest.mark.parametrize(("client", "said"), [(endless, "still talking"), (lambda: asking(None), "never comes")])
def test_a_hang_is_an_assertion(client: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        converse(client(), mute(), limit_s=50.0)


def test_a_defect_of_the_meter_is_raised() -> None:
    def broken() -> Any:
        yield Receive(Octets(), None, 100)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        converse(asking(1000), broken())
