"""What a talk without end makes of what meters send unasked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meterd.conversation import Pause, Report, Send
from meterd.errors import MeterdError
from tests.pair import Outcome, converse


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
