"""One scan of one M-Bus meter: all its signals from one readout (one for each different `job_todo`).

Signals of one job are fed by one readout. What a scan says is in `readout`, loaded when the first one begins: a gateway
is at work sooner so.
"""

from __future__ import annotations

from ...model import Plan
from . import link as wire
from .jobs import Request, parse_job, parse_selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device, Memory, Signal


def plan(device: Device, signals: list[Signal]) -> Plan:
    """The jobs of a device; signals whose texts say nothing are refused alone."""
    requests: dict[tuple[object, ...], Request] = {}
    refused: list[tuple[Signal, str]] = []
    for signal in signals:
        wrong: list[str] = []
        selector = _parsed(parse_selector, signal, "tag_job_todo", wrong)
        job = _parsed(parse_job, signal, "job_todo", wrong)
        if job is not None and job.baudrate and (not device.has_line() or device["baudrate"] not in wire.SET_BAUDRATE):
            wrong.append(
                "job_todo: baud= needs a serial line of 300 to 38400 baud, which meters can be told to go back to"
            )
        if wrong:
            refused.append((signal, "; ".join(wrong)))
            continue
        # However it was written, the same job is done once.
        request = requests.setdefault(job.key(), Request(job))
        request.wanted.append((signal, selector))
    key = device.parameters.get("key")
    secrets = (bytes.fromhex(key),) if key else ()
    return Plan(device, signals, list(requests.values()), refused, secrets)


def _parsed(parse: Callable[[str], Any], signal: Signal, parameter: str, wrong: list[str]) -> Any:
    try:
        return parse(signal.parameters.get(parameter) or "")
    except ValueError as error:
        wrong.append(f"{parameter}: {error}")
        return None


def conversation(plan: Plan, memory: Memory) -> Conversation:
    """Read the meter once and report every signal. Raises: MeterdError where nothing more can be read."""
    from .readout import scan  # within the conversation: what another line says first need not wait for it

    yield from scan(plan, memory)
