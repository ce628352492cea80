"""`meterd scan` of an IEC 62056-21 meter: its whole read-out, as signals ready to use."""

from __future__ import annotations

from ..._number import Number
from .readout import read_out
from .session import Session, SessionSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._readout_block import DataSet
    from ...conversation import Conversation
    from ...model import Device, Memory

MAX_SIGNALS = 2000
DEFAULTS = {"serialnumber": "0", "baudrate": 300, "databits": 7, "parity": "even"}


def discover(device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]) -> Conversation:
    """Returns: {"signals": rows}, one for each data set of the read-out. Raises: LineError, ProtocolError."""
    progress("reading the whole list")
    session = Session(SessionSettings.of(device), memory)
    data_sets = yield from read_out(session, device["mode_control_char"], {}, 1 + device["retry_counter"], False)
    rows = [_row(device, data_set) for data_set in data_sets[:MAX_SIGNALS] if data_set[1]]
    return {"signals": rows}


def _row(device: Device, data_set: DataSet) -> dict[str, Any]:
    _, address, index, value, unit = data_set
    selector = f"{address}[{index}]" if index else str(address)
    letters = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in selector)
    return {
        "signal_name": f"{selector} = {value}{' ' + unit if unit else ''}",
        "device_alias": device.alias,
        "signal_alias": letters.strip("_"),
        "number_type": "DOUBLE" if _is_number(value) and unit else "STRING",
        "job_todo": selector,
        "tag_job_todo": selector,
    }


def _is_number(value: str) -> bool:
    try:
        Number.parse(value)
    except ValueError:
        return False
    return True
