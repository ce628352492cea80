"""What a talk without end makes of what meters send unasked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meterd.conversation import Pause, Receive, Report, Send
from meterd.errors import Garbled, Incomplete, MeterdError, Silence
from tests.pair import Outcome, converse

QUIET_MS = 5000


def what_is_heard(talk: Any, sent: Sequence[bytes], until: int = 0) -> Outcome:
    """Of these, a second apart: up to the first error, or the `until`-th of them (the last) that gave readings."""

    def meter() -> Any:
        yield Pause(0.1)
        for data in sent:
            yield Send(data)
            yield Pause(1.0)

    return converse(_until(talk, until or len(sent)), meter(), limit_s=60)


def _until(talk: Any, count: int) -> Any:
    step = next(talk)
    reported = 0
    while True:
        try:
            answer = yield step
        except MeterdError as error:
            step = talk.throw(error)
            continue
        was_report = isinstance(step, Report)
        step = talk.send(answer)
        reported += was_report and not isinstance(step, Report)
        if reported == count:
            talk.close()
            return


def all_that_is_heard(listen: Any, sent: Sequence[bytes], apart_s: float = 1.0) -> Outcome:
    """Of these, by talks that begin anew where one ends with an error, as the daemon's do; `value` are the errors."""

    def meter() -> Any:
        yield Pause(0.1)
        for data in sent:
            yield Send(data)
            yield Pause(apart_s)

    return converse(_for_good(listen), meter(), limit_s=60 + len(sent))


def _for_good(listen: Any) -> Any:
    """Until nothing comes any more."""
    errors: list[MeterdError] = []
    while True:
        talk = listen()
        try:
            if (yield from _until_quiet(talk)):
                return errors
        except MeterdError as error:
            errors.append(error)


def _until_quiet(talk: Any) -> Any:
    """Whether it was ended because nothing came."""
    step = next(talk)
    while True:
        is_for_ever = isinstance(step, Receive) and step.timeout_ms is None
        try:
            answer = yield (Receive(step.decoder, QUIET_MS, step.gap_ms) if is_for_ever else step)
        except MeterdError as error:
            if is_for_ever and isinstance(error, (Silence, Garbled)) and not isinstance(error, Incomplete):
                talk.close()
                return True
            step = talk.throw(error)
            continue
        step = talk.send(answer)
