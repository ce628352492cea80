"""A replayed meter goes back to the first speed once its client was lost at another one."""

from __future__ import annotations

from meterd.conversation import LineSettings, Receive, Send
from meterd.errors import Silence
from meterd.simulate.replay import meter
from meterd.simulate.transcript import parse_wire_log

SLOW, FAST = LineSettings(300, 7, "even", 1), LineSettings(9600, 7, "even", 1)
LOG = """# meterd wire log 1
@ PORT1
~ 0.0 300 7E1
> 10.0 2f 3f 21 0d 0a
< 200.0 2f 41 42 43 35 78 0d 0a
> 400.0 06 30 35 30 0d 0a
~ 500.0 9600 7E1
< 600.0 02 31
"""


def until_it_listens(talk, value=None):
    """What the meter does until it waits for a request, and that Receive."""
    steps = [talk.send(value)]
    while not isinstance(steps[-1], Receive):
        steps.append(talk.send(None))
    return steps[:-1], steps[-1]


def ask(talk, receive, request):
    """What the meter does about a request, and the Receive it then waits with."""
    frame = receive.decoder.feed(request)
    assert frame == request
    return until_it_listens(talk, frame)


def said(steps):
    return [step.data if isinstance(step, Send) else step for step in steps]


def test_a_client_that_was_lost_at_the_second_speed_finds_the_meter_at_the_first_again():
    talk = meter(parse_wire_log(LOG))()
    steps, receive = until_it_listens(talk)
    assert steps == [SLOW]
    assert receive.timeout_ms is None  # at the first speed it waits for as long as it takes
    _, receive = ask(talk, receive, b"/?!\r\n")
    steps, receive = ask(talk, receive, b"\x06050\r\n")
    assert said(steps) == [FAST, b"\x021"]
    assert receive.timeout_ms is not None
    assert talk.throw(Silence("nobody asks")) == SLOW
    _, receive = until_it_listens(talk)
    assert receive.timeout_ms is None
    steps, _ = ask(talk, receive, b"/?!\r\n")
    assert said(steps) == [b"/ABC5x\r\n"]


def test_silence_at_the_first_speed_changes_nothing():
    talk = meter(parse_wire_log(LOG))()
    until_it_listens(talk)
    again = talk.throw(Silence("nobody asks"))
    assert isinstance(again, Receive)
    steps, _ = ask(talk, again, b"/?!\r\n")
    assert said(steps) == [b"/ABC5x\r\n"]
