"""Meters with a P1 port: signals are lines of the telegram that they send by themselves, every 1 to 10 seconds.

Nothing is ever sent here; the request line of the socket (pin 2) is to be held at 5 V by the cable. Several meters may
share a port where a splitter or converter puts them together: each telegram goes to the device whose `serialnumber` it
tells. Ciphered telegrams are opened with the key of the port's one device.
"""

from __future__ import annotations

from ...conversation import Report
from ...errors import ConfigError, module_for
from ...model import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation
    from ...model import Device, Memory, Signal

_DLMS = f"{__package__.rpartition('.')[0]}.dlms"
INTERVALS = 2  # a single telegram is waited for so many intervals
LONGEST_INTERVAL_MS = 11_000  # of any P1 port: DSMR before 5 sends every ten seconds


def plan(device: Device, signals: list[Signal]) -> Plan:
    if device["encryption_key"]:
        module_for("encryption_key: ciphered telegrams", f"{_DLMS}.security.context", "meterd-dlms-security")
    secrets = tuple(bytes.fromhex(device[name]) for name in ("encryption_key",) if device[name])
    return Plan(device, signals, None, [], secrets)


def listens(plan: Plan) -> bool:
    return True


def listen(served: list[tuple[Plan, Memory]]) -> Conversation:
    """The telegrams of these devices, for as long as the port lives.

    Raises: Incomplete, Garbled, WrongMeter, SecurityError for one that cannot be used; who listens begins anew.
    """
    from ..iec62056_21.clock import p1_time
    from ..iec62056_21.pushed import one_after_another, plan_of
    from .telegrams import Telegrams, opening

    memories = dict(served)
    plans = list(memories)
    if len(plans) > 1 and any(plan.device["encryption_key"] for plan in plans):
        raise ConfigError("", "encryption_key: a port with ciphered telegrams takes one device")
    settings = opening(plans[0].device)
    if settings is not None:
        yield settings
    telegrams = Telegrams(plans[0], memories[plans[0]])

    def one_of_them(timeout_ms: int | None) -> Conversation:
        telegram = yield from telegrams.next(timeout_ms)
        plan = plan_of(plans, telegram.numbers())
        telegrams.remember(memories[plan])
        for signal in plan.signals:
            yield Report(telegram.reading(signal))
        told = p1_time(telegram.groups, plan.device.alias)
        if told is not None:
            yield told

    yield from one_after_another(telegrams, one_of_them)


def conversation(plan: Plan, memory: Memory) -> Conversation:
    """One scan: the next telegram. Raises: Silence, Incomplete, Garbled, WrongMeter, SecurityError."""
    from ..iec62056_21.pushed import plan_of

    telegram = yield from one_telegram(plan, memory)
    plan_of([plan], telegram.numbers())
    for signal in plan.signals:
        yield Report(telegram.reading(signal))


def one_telegram(plan: Plan, memory: Memory) -> Conversation:
    """Returns: Telegram."""
    from .telegrams import Telegrams, opening

    settings = opening(plan.device)
    if settings is not None:
        yield settings
    interval_ms = plan.device["scan_rate_ms"]
    interval_ms = interval_ms if interval_ms > 0 else LONGEST_INTERVAL_MS
    return (yield from Telegrams(plan, memory).next(INTERVALS * interval_ms))
