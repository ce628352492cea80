"""A conversation whose bursts are taken apart into single steps, for runners that know just those.

What the player does compiled is written here once more, as plainly as can be: the tests that play a conversation in
virtual time see every byte of it, and `tests/unit/test_burst.py` holds the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meterd.conversation import Burst, Report, ReportAll, Send
from meterd.errors import Garbled, Silence

if TYPE_CHECKING:
    from meterd.conversation import Conversation


def singly(burst: Burst) -> Conversation:
    """The exchanges of a burst. Returns: the answer to the step (see `meterd.conversation`)."""
    while (data := burst.request()) is not None:
        yield Send(data)
        try:
            frame = yield burst.receive
        except (Silence, Garbled) as error:
            return error
        readings = burst.take(frame)
        if readings is None:
            return frame
        yield ReportAll(readings if isinstance(readings, list) else [readings])
    return None


def unrolled(talk: Conversation) -> Conversation:
    """`talk`, yielding Send, Receive, Report, Pause and LineSettings only. Returns: what `talk` returns."""
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = talk.throw(error) if error is not None else talk.send(value)
        except StopIteration as end:
            return end.value
        value = error = None
        try:
            if isinstance(step, Burst):
                value = yield from unrolled(singly(step))
            elif isinstance(step, ReportAll):
                for reading in step.readings:
                    yield Report(reading)
            else:
                value = yield step
        except GeneratorExit:
            talk.close()
            raise
        except BaseException as thrown:
            error = thrown
