"""DLMS/COSEM meters: signals become attributes to read, answers become readings (manual, chapter 17.1).

`plan` finds every mistake of a configuration before a byte is sent; `conversation` is one scan, whose modules are
loaded when the first one begins: planning needs a fifth of them, and a gateway is at work sooner so.
"""

from __future__ import annotations

from ...conversation import Report
from ...errors import ConfigError, module_for
from ...model import Plan, failed
from .settings import Settings
from .targets import collect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation
    from ...model import Device, Memory, Signal
    from .conversation import Session
    from .targets import Target


class Requests:
    """What one scan needs: the device's settings and what to read."""

    __slots__ = ("settings", "targets")

    def __init__(self, settings: Settings, targets: list[Target]) -> None:
        self.settings = settings
        self.targets = targets


def plan(device: Device, signals: list[Signal]) -> Plan:
    """Check a device and group its signals by what they read; a bad signal is refused alone. Raises: ConfigError."""
    settings = Settings(device)
    if device["listen"]:
        _check_listening(device)
    targets, refused = collect(signals)
    good = signals
    if refused:
        bad = {id(signal) for signal, _ in refused}
        good = [signal for signal in signals if id(signal) not in bad]
    credentials = settings.credentials
    names = credentials.counter_names if credentials.keyed else None
    return Plan(device, good, Requests(settings, targets), refused, credentials.secrets(), names)


def _check_listening(device: Device) -> None:
    """Raises: ConfigError."""
    if device["mode"] == "IEC":
        raise ConfigError("", "mode: with listen it is DLMS-WRAPPER or DLMS-HDLC")
    name = f"{__package__.rpartition('.')[0]}.dlms_push.calls"
    module_for("listen: meters that call", name, "meterd-push").check_listening(device)


def conversation(plan: Plan, memory: Memory) -> Conversation:
    """One scan. Raises: MeterdError where no further signal can be read; those without a reading have failed."""
    requests = plan.requests
    if not requests.targets:
        return _refuse(plan)
    session: Session | None = getattr(memory.own, "session", None)
    if session is None:
        return _scan(plan, memory)
    return session.scan(requests.settings, requests.targets, plan.refused)


def _scan(plan: Plan, memory: Memory) -> Conversation:
    """The import is part of the conversation: what another line says first need not wait for it.

    Nor is it looked for in every scan: an association that was left open has what the next one needs.
    """
    from .conversation import Scan
    from .memory import recall

    yield from Scan(plan.requests.settings, recall(memory), plan.requests.targets, plan.refused).run()


def describe(plan: Plan) -> str:
    """Who asks whom, for the log."""
    text: str = plan.requests.settings.describe()
    return text


def goodbye(plan: Plan, memory: Memory) -> Conversation | None:
    """End the association that `keep_open` has left open; None where there is none. Raises: PortGone."""
    from .memory import recall

    own = recall(memory)
    session, own.session = own.session, None
    return None if session is None else session.end()


def _refuse(plan: Plan) -> Conversation:
    """Nothing can be read: the meter need not be asked."""
    for signal, _ in plan.refused:
        yield Report(failed(signal, "type"))
