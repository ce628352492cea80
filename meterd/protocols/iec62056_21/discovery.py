"""`meterd scan` of an IEC 62056-21 meter: its whole read-out, as signals ready to use."""

from __future__ import annotations

from ..._number import Number
from ...names.obis import name_of
from .identity import numbers_told
from .learnt import Learnt
from .readout import read_out
from .selection import BETWEEN_PARTS, parts_of
from .session import Session
from .settings import SessionSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..._readout_block import DataSet
    from ...conversation import Conversation
    from ...model import Device, Memory

MAX_SIGNALS = 2000


def discover(device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]) -> Conversation:
    """Returns: {"signals": rows, "numbers": what the meter calls itself}, a row for each data set of the read-out.

    Raises: LineError, ProtocolError.
    """
    progress("reading the whole list")
    settings = SessionSettings.of(device)
    if device["type"] == "D":
        from .pushed import one_list

        data_sets = (yield from one_list(settings, device["scan_rate_ms"])).data_sets
        identification = b""
    else:
        session = Session(settings, Learnt.of(memory))
        found = yield from read_out(session, device["mode_control_char"], {}, 1 + device["retry_counter"], False)
        data_sets, identification = found.data_sets, session.identification
    rows: list[dict[str, Any]] = []
    aliases: set[str] = set()
    for selector, value, unit in _selectors(data_sets):
        if len(rows) < MAX_SIGNALS:
            rows.append(_row(device, selector, value, unit, aliases))
    return {"signals": rows, "numbers": numbers_told(data_sets, identification)}


def _selectors(data_sets: list[DataSet]) -> Iterator[tuple[str, str, str | None]]:
    """What picks each value of a list, each once: (selector, value, unit)."""
    for data_set in data_sets:
        _, address, index, value, unit = data_set
        if not address:
            continue
        parts = parts_of(data_set) if BETWEEN_PARTS in value + (unit or "") else []
        for number, (part, part_unit) in enumerate(parts):
            yield f"{address}[{index}{BETWEEN_PARTS}{number}]", part, part_unit
        if not parts:
            yield (f"{address}[{index}]" if index else address), value, unit


def _row(device: Device, selector: str, value: str, unit: str | None, aliases: set[str]) -> dict[str, Any]:
    letters = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in selector).strip("_")
    alias, number = letters, 1
    while alias.lower() in aliases or not alias:  # 1.8.1*12 and 1.8.1&12 come to the same letters
        number += 1
        alias = f"{letters or 'value'}_{number}"
    aliases.add(alias.lower())
    return {
        "signal_name": _name(selector, unit),
        "device_alias": device.alias,
        "signal_alias": alias,
        "number_type": "DOUBLE" if _is_number(value) and unit else "STRING",
        "job_todo": selector,
        "tag_job_todo": selector,
    }


def _name(selector: str, unit: str | None) -> str:
    """In plain words where they are known; a further value of a data set (the time of a maximum, say) is told apart."""
    address, bracket, _ = selector.partition("[")
    name = name_of(address, None if bracket else unit)
    if name is None:
        return selector
    return f"{name.words}, value {selector[len(address) :]}" if bracket else name.words


def _is_number(value: str) -> bool:
    try:
        Number.parse(value)
    except ValueError:
        return False
    return True
