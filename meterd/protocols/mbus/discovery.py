"""`meterd scan` of an M-Bus line: every meter on it, and each one's records as signals ready to use."""

from __future__ import annotations

from ...conversation import LineSettings
from ...errors import Aborted, MeterdError, PortGone
from ...names.records import name_of
from . import conversation as talk
from . import link as wire
from . import search
from .conversation import MeterState, Readout
from .history import history
from .identity import Identity
from .link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._mbus_values import Record
    from ...conversation import Conversation
    from ...model import Device, Memory

# A search asks for what is not there most of the time: the standard's answer time is wait enough.
SEARCH = {"timeout_ms": 50, "poll_delay_ms": 0, "retry_counter": 0}
READ_TIMEOUT_MS = 500
WITHOUT_VALUE = ("more_follow", "damaged")
# Over TCP the clock starts before the converter sends: 17 characters of a selection at 2400 baud, and the network.
CONVERTER_MS = 150


def discover(device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]) -> Conversation:
    """Search, then read each meter found once. `state` is the search's own, or `wanted_baudrates`, or empty.

    Returns: {"devices": rows, "signals": rows}. Raises: PortGone, Aborted; Garbled where the line only babbles.
    """
    if "parts" not in state:
        wanted = state.pop("wanted_baudrates", None) or [device["baudrate"]]
        if device.over_tcp():
            wanted = [wire.STANDARD_BAUDRATE]  # the converter's speed is its own, and mostly this
        state.update(search.new_state(tuple(wanted)))
    line = LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])

    def tell(now: dict[str, Any]) -> None:
        at = now["at"] if device.over_tcp() else f"{now['baudrate']} baud, {now['at']}"
        progress(f"at {at}: {search.count_of(now['found'])} meters, {now['selections']} selections")

    timeout_ms = device["timeout_ms"] + (CONVERTER_MS if device.over_tcp() else 0)
    found = yield from search.scan(
        state, timeout_ms=timeout_ms, attempts=1 + device["retry_counter"], settings=line, progress=tell
    )
    rows = search.device_rows(found, READ_TIMEOUT_MS, _place(device))
    signals: list[dict[str, Any]] = []
    state["signals"] = signals  # for whoever is interrupted
    for row in rows:
        progress(f"reading {row['device_alias']}")
        baudrate = row.get("baudrate", wire.STANDARD_BAUDRATE)
        yield line.at(baudrate)
        try:
            readout: Readout = yield from _readout(Link(baudrate, READ_TIMEOUT_MS, 3), row["address"])
        except (PortGone, Aborted):
            raise
        except MeterdError as error:
            progress(f"{row['device_alias']} has no signals: {error}")
            continue
        signals += _signals(row["device_alias"], readout)
    return {"devices": rows, "signals": signals}


def kept(device: Device, state: dict[str, Any]) -> dict[str, Any] | None:
    """What an interrupted `discover` with this state had found; None where that is nothing."""
    rows = search.device_rows(state.get("found", []), READ_TIMEOUT_MS, _place(device))
    return {"devices": rows, "signals": state.get("signals", [])} if rows else None


def _place(device: Device) -> dict[str, Any]:
    return {"ip": device["ip"], "port": device["port"]} if device.over_tcp() else {"device": device["device"]}


def discover_one(
    device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]
) -> Conversation:
    """What the one meter at the device's address has. Returns: {"signals": rows}. Raises: MeterdError."""
    progress("reading its records")
    line = LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])
    yield line
    attempts = 1 + device["retry_counter"]
    link = Link(line.baudrate, READ_TIMEOUT_MS, attempts, not device.has_line())
    readout: Readout = yield from _readout(link, device["address"])
    return {"signals": _signals(device.alias, readout)}


def _readout(link: Link, address: str) -> Conversation:
    """One meter's readout. Raises: MeterdError where it does not give it (an encrypted one, say)."""
    state = MeterState()
    primary = len(address) < 16
    if primary:
        yield from talk.normalise(link, int(address), state)
    else:
        yield from talk.select(link, address)
    return (yield from talk.read_telegrams(link, int(address) if primary else wire.NETWORK, state))


def _signals(device_alias: str, readout: Readout) -> list[dict[str, Any]]:
    """A signal for each record that can have a value, and for what its profiles hold."""
    records = readout.records()
    medium = Identity(readout.telegrams[0]).medium
    rows = [
        _signal(device_alias, index, record, medium)
        for index, record in enumerate(records)
        if record.function not in WITHOUT_VALUE
    ]
    return rows + [
        _signal(device_alias, index, record, medium) for index, record in enumerate(history(records), len(records))
    ]


def _signal(device_alias: str, index: int, record: Record, medium: str) -> dict[str, Any]:
    place = (record.function, record.storage, record.tariff, record.subunit)
    words = name_of(record.quantity, record.unit, *place, record.meaning.qualifiers, medium).words
    letters = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in words.lower())
    return {
        "signal_name": words,
        "device_alias": device_alias,
        "signal_alias": f"r{index}_{'_'.join(filter(None, letters.split('_')))}".rstrip("_"),
        "number_type": "STRING" if record.value is None or isinstance(record.value, str) else "DOUBLE",
        # A value of an error state is meant only where its own bytes are named.
        "tag_job_todo": (record.dib + record.vib).hex(" ").upper() if record.function == "error" else str(index),
    }
