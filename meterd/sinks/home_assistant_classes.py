"""What a configured signal is to Home Assistant: what `names.signals` makes of its code, its name or its unit.

The problem: a unit alone does not tell a register from last month's value: it gives a device class, and a state class
only to what is no counter.
"""

from __future__ import annotations

from ..names.home_assistant import Description, describe, unit_text
from ..names.signals import medium_of, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Signal

    Kind = tuple[str | None, bool]  # the unit, and whether the value is text


def description_of(signal: Signal, kind: Kind) -> Description:
    unit, is_text = kind
    if is_text:
        return Description(None, None, None, diagnostic=True)
    name = name_of(signal, unit)
    if name is None:
        return Description(None, None, unit_text(unit))
    return describe(name, unit, medium_of(str(signal.parameters.get("signal_name") or "")))
