"""`meterd scan` of a meter that pushes: the entries of the next list, as signals ready to use."""

from __future__ import annotations

from ...names.obis import name_of
from .driver import one_list, plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device, Memory
    from .lists import Pushed

MAX_SIGNALS = 500


def discover(device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]) -> Conversation:
    """Returns: {"signals": rows}, one for each entry of the first list that comes."""
    progress("waiting for a list")
    pushed: Pushed
    pushed, _ = yield from one_list(plan(device, []), memory)
    return {"signals": [_row(device, job) for job in pushed.names()[:MAX_SIGNALS]]}


def _row(device: Device, job: str) -> dict[str, Any]:
    name = name_of(job, None)
    return {
        "signal_name": job if name is None else name.words,
        "device_alias": device.alias,
        "signal_alias": "_".join(job.replace(":", ".").split(".")),
        "obis_job": job,
    }
