"""IEC 62056-21 meters: signals become one read-out and a row of registers, and each answer becomes readings.

Load profiles and logs stand in either: their signals get a reading for each row that is new, and owe a scan none.
"""

from __future__ import annotations

from ...errors import ConfigError, module_for
from ...model import Plan
from .requests import Requests, add
from .settings import SessionSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation
    from ...model import Device, Memory, Signal


def plan(device: Device, signals: list[Signal]) -> Plan:
    """Group the signals of a device; one that cannot be read as configured is refused alone. Raises: ConfigError."""
    if device["type"] == "D":
        module_for("type D, which sends unasked,", f"{__package__}.pushed", "meterd-push")
    requests = Requests(SessionSettings.of(device))
    owed: list[Signal] = []
    refused: list[tuple[Signal, str]] = []
    for signal in signals:
        try:
            if add(requests, device, signal):
                owed.append(signal)
        except (ConfigError, ValueError) as error:
            refused.append((signal, str(error)))
    password = device["password"]
    secrets = (password.encode("ascii"),) if password else ()
    return Plan(device, owed, requests, refused, secrets)


def listens(plan: Plan) -> bool:
    """Whether the meter sends unasked, so that its port is only listened to."""
    return bool(plan.device["type"] == "D")


def listen(served: list[tuple[Plan, Memory]]) -> Conversation:
    """What these devices send on one port, without end."""
    from .pushed import listen

    return listen(served)


def conversation(plan: Plan, memory: Memory) -> Conversation:
    """One scan. Raises: any MeterdError."""
    if listens(plan):
        from .pushed import one

        return one(plan)
    from .scan import scan  # a gateway is at work sooner where that waits for the first scan

    return scan(plan, memory)
