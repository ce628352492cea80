"""A burst, held against the single steps that it spares: the same bytes on the wire, the same readings, and the same
answers to the conversation, whatever goes wrong in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from meterd._wrapper import WrapperDecoder, WrapperFrame, encode_wrapper
from meterd.conversation import Burst, Pause, Receive, Report, ReportAll, Send
from meterd.errors import Garbled, MeterdError, Silence
from meterd.model import Reading, Signal
from tests.unit.scripted_port import Act, Rig, abort, data, gone, nothing, sent

SIGNALS = [Signal("M1", str(number), {}) for number in range(5)]
LAST = len(SIGNALS) - 1
REFUSED = b"refused"
SILENCE_MS = 250.0
Steps = Generator[Any, Any, Any]


def question(number: int) -> bytes:
    return encode_wrapper(16, 1, b"question %d" % number)


def answer(number: int) -> bytes:
    return encode_wrapper(1, 16, b"answer %d" % number)


FOREIGN = encode_wrapper(7, 7, b"foreign")


class Questions(Burst):
    """Asks for one signal after the other; the third answer has two readings, a refusal has one without a value."""

    def __init__(self, receive: Receive) -> None:
        super().__init__(receive)
        self.done = 0

    def request(self) -> bytes | None:
        return question(self.done) if self.done <= LAST else None

    def take(self, frame: WrapperFrame) -> Reading | list[Reading] | None:
        signal = SIGNALS[self.done]
        if frame.apdu == REFUSED:
            self.done += 1
            return Reading(signal, None, reason="refused", quality="invalid")
        if frame.apdu != b"answer %d" % self.done:
            return None
        self.done += 1
        reading = Reading(signal, frame.apdu.decode())
        return [reading, Reading(signal, "once more")] if self.done == 3 else reading


def at_once(burst: Burst) -> Steps:
    return (yield burst)


def singly(burst: Burst) -> Steps:
    """The exchanges of a burst in single steps. Returns: the answer to the step (see `meterd.conversation`)."""
    while (request := burst.request()) is not None:
        yield Send(request)
        try:
            frame = yield burst.receive
        except (Silence, Garbled) as error:
            return error
        found = burst.take(frame)
        if found is None:
            return frame
        for reading in found if isinstance(found, list) else [found]:
            yield Report(reading)
    return None


Way = Callable[[Burst], Steps]
BOTH_WAYS = [at_once, singly]


class Talk:
    """A conversation of bursts until all is asked: what came in between is noted, and asked for again once."""

    def __init__(self, way: Way, timeout_ms: float, keeps: bytes = b"") -> None:
        self.way = way
        self.receive = Receive(WrapperDecoder(), timeout_ms, SILENCE_MS)
        self.keeps = keeps
        self.answers: list[str] = []

    def play(self) -> Any:
        burst = Questions(self.receive)
        try:
            for _ in range(3):
                came = yield from self.way(burst)
                self.answers.append(text_of(came))
                if came is None:
                    break
                self.receive.decoder.reset()
        except MeterdError as error:
            self.answers.append(f"thrown: {text_of(error)}")
            if self.keeps:
                yield Send(self.keeps)
            raise


def text_of(came: Any) -> str:
    if isinstance(came, WrapperFrame):
        return f"frame {came.source} {came.destination} {came.apdu!r}"
    return f"{type(came).__name__} {came}"


def told(reading: Reading) -> tuple[Any, ...]:
    return (reading.signal.alias, reading.value, reading.quality, reading.reason)


def outcome(way: Way, script: dict[int, list[Act]], leaves: Any, delay_s: float, timeout_ms: float) -> Any:
    talk, rig = Talk(way, timeout_ms, b"goodbye"), Rig(script, leaves)
    error = rig.play(talk.play(), delay_s)
    counts = rig.player.counts
    counted = (counts.bytes_sent, counts.bytes_received, counts.timeouts, counts.bad_frames)
    readings = [told(reading) for reading in rig.readings]
    return (rig.script.sent, readings, talk.answers, text_of(error), counted, counts.retries)


def both(
    script: dict[int, list[Act]],
    leaves: Callable[[int], bool] = lambda number: True,
    delay_s: float = 0.0,
    timeout_ms: float = 60_000.0,
) -> tuple[list[bytes], list[tuple[Any, ...]], list[str]]:
    """Returns: what was sent, the readings, the answers; the same of both."""
    burst = outcome(at_once, script, leaves, delay_s, timeout_ms)
    assert burst == outcome(singly, script, leaves, delay_s, timeout_ms)
    return burst[0], burst[1], burst[2]


def good(**others: list[Act]) -> dict[int, list[Act]]:
    """Each question is answered; `at2=[…]` does this instead behind the third Send."""
    script = {number: [data(answer(number))] for number in range(LAST + 1)}
    script.update({int(name[2:]): acts for name, acts in others.items()})
    return script


QUESTIONS = [question(number) for number in range(LAST + 1)]
VALUES = ["answer 0", "answer 1", "answer 2", "once more", "answer 3", "answer 4"]


def late(number: int) -> bool:
    return False


def test_all_good() -> None:
    wire, readings, answers = both(good())
    assert wire == QUESTIONS
    assert [reading[1] for reading in readings] == VALUES
    assert answers == ["NoneType None"]


def test_a_refusal_in_the_middle() -> None:
    wire, readings, answers = both(good(at1=[data(encode_wrapper(1, 16, REFUSED))]))
    assert wire == QUESTIONS
    assert readings[1] == ("1", None, "invalid", "refused")
    assert answers == ["NoneType None"]


def again(number: int, *first: Act) -> dict[int, list[Act]]:
    """All is answered, but question `number` gets `first` and is asked a second time."""
    script = {at: [data(answer(at))] for at in range(number)}
    script[number] = list(first)
    script.update({at + 1: [data(answer(at))] for at in range(number, LAST + 1)})
    return script


@pytest.mark.parametrize("number", [0, 2, LAST])
def test_a_foreign_frame(number: int) -> None:
    wire, readings, answers = both(again(number, data(FOREIGN)))
    assert wire == [*QUESTIONS[: number + 1], *QUESTIONS[number:]]
    assert [reading[1] for reading in readings] == VALUES
    assert answers == ["frame 7 7 b'foreign'", "NoneType None"]


@pytest.mark.parametrize("number", [0, 2, LAST])
@pytest.mark.parametrize(
    ("acts", "name"),
    [
        ([], "Silence no answer within 250 ms"),
        ([data(b"noise")], "Garbled "),
        ([data(answer(2)[:10])], "Incomplete only 10 bytes"),
    ],
)
def test_no_answer(number: int, acts: list[Act], name: str) -> None:
    wire, readings, answers = both(again(number, *acts), timeout_ms=SILENCE_MS)
    assert wire == [*QUESTIONS[: number + 1], *QUESTIONS[number:]]
    assert [reading[1] for reading in readings] == VALUES
    assert answers[0].startswith(name)
    assert answers[1:] == ["NoneType None"]


@pytest.mark.parametrize("number", [0, 2])
def test_the_port_is_gone_while_an_answer_is_awaited(number: int) -> None:
    script = {**{at: [data(answer(at))] for at in range(number)}, number: [gone]}
    wire, readings, answers = both(script)
    assert wire == QUESTIONS[: number + 1]
    assert len(readings) == number
    assert answers == ["thrown: PortGone scripted: gone"]


def test_the_port_is_gone_while_a_question_leaves() -> None:
    script = {0: [sent, data(answer(0))], 1: [nothing, gone]}
    wire, readings, answers = both(script, late)
    assert (wire, len(readings)) == (QUESTIONS[:2], 1)
    assert answers == ["thrown: PortGone scripted: gone"]


def closed(rig: Rig) -> None:
    """The port is closed without a word, and then the answer comes."""
    rig.port.close()
    rig.port.on_data(answer(1))


def test_the_next_question_finds_no_port() -> None:
    wire, readings, answers = both(good(at1=[closed]))
    assert (wire, len(readings)) == (QUESTIONS[:2], 2)
    assert answers == ["thrown: PortGone scripted: the port is closed"]


@pytest.mark.parametrize("acts", [[abort], [nothing, abort, nothing]])
def test_an_abort_in_the_middle(acts: list[Act]) -> None:
    wire, readings, answers = both(good(at2=acts))
    assert wire == [*QUESTIONS[:3], b"goodbye"]
    assert len(readings) == 2
    assert answers == ["thrown: Aborted the test says so"]


def test_what_leaves_later() -> None:
    script = {number: [nothing, sent, data(answer(number))] for number in range(LAST + 1)}
    wire, readings, answers = both(script, late)
    assert (wire, answers) == (QUESTIONS, ["NoneType None"])
    assert [reading[1] for reading in readings] == VALUES


def test_an_answer_before_the_question_has_left() -> None:
    script = {number: [data(answer(number)), nothing, sent] for number in range(LAST + 1)}
    wire, readings, answers = both(script, late)
    assert (wire, answers) == (QUESTIONS, ["NoneType None"])
    assert [reading[1] for reading in readings] == VALUES


def test_some_leave_at_once() -> None:
    script = {number: [sent, data(answer(number))] for number in range(LAST + 1)}
    wire, readings, answers = both(script, lambda number: number % 2 == 0)
    assert (wire, answers, len(readings)) == (QUESTIONS, ["NoneType None"], len(VALUES))


@pytest.mark.parametrize("leaves", [lambda number: True, late])
def test_a_poll_delay(leaves: Callable[[int], bool]) -> None:
    script = {number: [sent, data(answer(number))] for number in range(LAST + 1)}
    wire, readings, answers = both(script, leaves, delay_s=0.002)
    assert (wire, answers, len(readings)) == (QUESTIONS, ["NoneType None"], len(VALUES))


def test_what_comes_within_a_poll_delay_is_no_answer() -> None:
    wire, readings, answers = both(good(at1=[data(answer(1)), data(answer(2)), nothing]), delay_s=0.002)
    assert (wire, answers, len(readings)) == (QUESTIONS, ["NoneType None"], len(VALUES))


def test_an_abort_within_a_poll_delay() -> None:
    wire, readings, answers = both(good(at1=[data(answer(1)), abort]), delay_s=0.3)
    assert wire[:2] == QUESTIONS[:2]
    assert len(readings) == 2
    assert answers == ["thrown: Aborted the test says so"]


def test_several_frames_in_one_read() -> None:
    """The decoder still holds the second when the next question leaves, and it is the answer to that."""
    wire, readings, answers = both(good(at1=[data(answer(1) + answer(2))], at2=[nothing]))
    assert (wire, answers) == (QUESTIONS, ["NoneType None"])
    assert [reading[1] for reading in readings] == VALUES


def test_a_foreign_frame_behind_the_answer() -> None:
    wire, readings, answers = both(again(2, nothing) | {1: [data(answer(1) + FOREIGN)]})
    assert answers == ["frame 7 7 b'foreign'", "NoneType None"]
    assert (len(wire), len(readings)) == (len(QUESTIONS) + 1, len(VALUES))


@pytest.mark.parametrize("size", [1, 3, 9])
def test_frames_in_pieces(size: int) -> None:
    pieces = {
        number: [data(answer(number)[at : at + size]) for at in range(0, len(answer(number)), size)]
        for number in range(LAST + 1)
    }
    wire, readings, answers = both(pieces)
    assert (wire, answers) == (QUESTIONS, ["NoneType None"])
    assert [reading[1] for reading in readings] == VALUES


def test_an_echo_of_each_question() -> None:
    script = {number: [data(question(number)[:5]), data(question(number)[5:] + answer(number))] for number in range(5)}
    wire, readings, answers = both(script)
    assert (wire, answers) == (QUESTIONS, ["NoneType None"])
    assert [reading[1] for reading in readings] == VALUES


class Kept(Talk):
    """Something else is asked for first; bytes come meanwhile, and are kept for the next Receive."""

    def __init__(self, way: Way, receives: bool) -> None:
        super().__init__(way, 60_000.0)
        self.receives = receives

    def play(self) -> Any:
        yield Send(b"hello")
        if self.receives:
            self.answers.append(text_of((yield self.receive)))
        else:
            yield Pause(0.05)
        yield from super().play()


@pytest.mark.parametrize("way", BOTH_WAYS)
def test_what_the_inbox_kept_is_no_answer(way: Way) -> None:
    talk, rig = Kept(way, False), Rig({0: [data(answer(0)[:4]), sent, data(answer(0)[4:])]}, lambda number: number > 0)
    rig.after.update({number + 1: [data(answer(number))] for number in range(LAST + 1)})
    assert rig.play(talk.play()) is None
    assert rig.script.sent == [b"hello", *QUESTIONS]
    assert talk.answers == ["NoneType None"]
    assert [reading.value for reading in rig.readings] == VALUES


@pytest.mark.parametrize("way", BOTH_WAYS)
def test_what_the_decoder_kept_is_one(way: Way) -> None:
    """A conversation that does not want that resets its decoder."""
    script: dict[int, list[Act]] = {0: [data(FOREIGN + answer(0)[:4]), data(answer(0)[4:]), sent]}
    talk, rig = Kept(way, True), Rig(script, lambda number: number > 0)
    rig.after.update({number + 1: [data(answer(number))] for number in range(1, LAST + 1)})
    assert rig.play(talk.play()) is None
    assert rig.script.sent == [b"hello", *QUESTIONS]
    assert talk.answers == ["frame 7 7 b'foreign'", "NoneType None"]
    assert [reading.value for reading in rig.readings] == VALUES


def test_what_comes_in_one_answer_is_of_one_time() -> None:
    """Whoever takes readings gives each a time on its way out, unless it has one."""
    rig, clock = Rig(good()), iter(range(1, 100))

    def take(reading: Reading) -> None:
        reading.time_ms = reading.time_ms or next(clock)
        rig.readings.append(reading)

    rig.player.report_to(take)
    assert rig.play(Talk(at_once, 60_000.0).play()) is None
    assert [reading.value for reading in rig.readings] == VALUES
    assert [reading.time_ms for reading in rig.readings] == [1, 2, 3, 3, 4, 5]
    assert rig.player.reported == set(SIGNALS)


def test_a_time_of_its_own_is_nobody_elses() -> None:
    """Of what is reported together, some may say when it was: the others are of the time that they come at."""
    rig, clock = Rig({}), iter([7, 8])

    def take(reading: Reading) -> None:
        reading.time_ms = reading.time_ms or next(clock)
        rig.readings.append(reading)

    def talk() -> Steps:
        yield ReportAll([Reading(SIGNALS[0], 1, time_ms=time_ms) for time_ms in (1000, 0, 2000, 0, 0)])

    rig.player.report_to(take)
    assert rig.play(talk()) is None
    assert [reading.time_ms for reading in rig.readings] == [1000, 7, 2000, 7, 7]
