"""`meterd scan` of a P1 port: the lines of the next telegram, as signals ready to use."""

from __future__ import annotations

from ...names.obis import name_of
from .driver import one_telegram, plan
from .values import KINDS, moment_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device, Memory
    from .values import Group, Telegram

MAX_SIGNALS = 500


def discover(device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]) -> Conversation:
    """Returns: {"signals": rows}, one for each address, and for each meter behind the meter by its kind."""
    progress("waiting for a telegram")
    telegram: Telegram = yield from one_telegram(plan(device, []), memory)
    tags = [tag for tag in KINDS if telegram.address_of(tag) is not None]
    behind = {telegram.address_of(tag) for tag in tags}
    tags += [address for address in telegram.groups if address not in behind]
    return {"signals": [_row(device, tag, telegram) for tag in tags[:MAX_SIGNALS]]}


def _row(device: Device, tag: str, telegram: Telegram) -> dict[str, Any]:
    groups = telegram.groups[telegram.address_of(tag) or tag]
    unit = _unit(groups)
    name = name_of(tag, unit)
    return {
        "signal_name": tag if name is None else name.words,
        "device_alias": device.alias,
        "signal_alias": "".join(letter if letter.isalnum() else "_" for letter in tag).strip("_"),
        "number_type": "STRING" if unit is None else "DOUBLE",
        "tag_job_todo": tag,
    }


def _unit(groups: list[Group]) -> str | None:
    """Of the value, which may stand behind its time."""
    if len(groups) > 1 and moment_of(groups[0][0]) is not None:
        return groups[-1][1] or (groups[-2][0] if len(groups) > 2 else None)
    return groups[0][1]
