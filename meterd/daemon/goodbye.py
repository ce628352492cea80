"""The goodbye of one device, where its driver has left something open with the meter.

Such a driver has `goodbye(plan, memory)`: it takes that out of the memory, so that nobody goes on with it, and returns
the conversation that ends it, or None where nothing is open; aborted, that one ends at once.
"""

from __future__ import annotations

from .. import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from ..conversation import Conversation
    from ..model import Memory, Plan

# All goodbyes of a line together. An interrupted scan may take the player's GOODBYE_S before; the sum of both lies
# within the daemon's STOP_S.
FAREWELLS_S = 2.0


def goodbye_of(driver: ModuleType, plan: Plan, memory: Memory) -> Conversation | None:
    """What ends what the driver left open, which is out of the memory then; None where nothing is."""
    goodbye = getattr(driver, "goodbye", None)
    if goodbye is None:
        return None
    try:
        conversation: Conversation | None = goodbye(plan, memory)
    except Exception as error:  # a defect of one protocol must not keep the others from their end
        log.bug(f"{plan.device.alias}: cannot say goodbye on a defect of meterd", error)
        return None
    return conversation
