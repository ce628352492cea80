"""What the driver remembers of one device, each thing with how long it lasts.

Three spans: an association (kept open between scans), the process, and restarts. What outlives the process stands in
`Memory.persistent` under the names that state folders have had from the beginning (`counter`, `objects`, `profiles`,
`lists`, `meter`), so that an older folder is read on; the slots for it are views of that.

Whose it is: everything but the counter belongs to one meter at one address, and goes with `forget`. The counter belongs
to the keys, and is never forgotten.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...model import Memory

    ScalerUnit = tuple[int, str | None]


class DlmsMemory:
    """| slot | lasts | what |
    |---|---|---|
    | `session` | association | left open by `keep_open`; whoever takes it out goes on with it |
    | `scalers` | process | {(class id, logical name, short name): (power of ten, unit)} |
    | `attribute_scalers` | process | the same by the attribute that holds it, as Elgama's profiles name it |
    | `asked` | process | names and short names that an object list was held against: another would tell no more |
    | `list_waits` | process | scans yet to wait for an object list that did not come, and how many next time |
    | `silent_lists`, `refused_lists` | process | requests for many in a row that met silence, that were refused |
    | `silent_release` | process | the meter does not answer RLRQ |
    | `caught_up` | process | profiles without a gap that may be long |
    | `counter`, `counter_learned` | process | the next invocation counter; whether the meter told it |
    | `reserved_counter` | restarts | the first one that was never reserved |
    | `objects` | restarts | {OBIS text: [class id, base name], short name: [class id, attribute]} |
    | `profiles` | restarts | {target: what was seen of its rows} |
    | `lists` | restarts | False once the meter has refused many attributes in one request for good |
    | `address` | restarts | client, server and naming under which all this was learnt |
    """

    __slots__ = (
        "asked", "attribute_scalers", "caught_up", "counter", "counter_learned", "kept", "list_waits", "objects",
        "profiles", "refused_lists", "scalers", "session", "silent_lists", "silent_release",
    )  # fmt: skip

    def __init__(self, kept: Memory) -> None:
        self.kept = kept
        self.session: Any = None  # a `conversation.Session`
        self.counter: int | None = None
        self.counter_learned = False
        self._begin()

    def _begin(self) -> None:
        self.scalers: dict[tuple[int, bytes, int], ScalerUnit] = {}
        self.attribute_scalers: dict[tuple[Any, ...], ScalerUnit] = {}
        self.asked: set[bytes | int] = set()
        self.list_waits = [0, 0]
        self.silent_lists = self.refused_lists = 0
        self.silent_release = False
        self.caught_up: set[str] = set()
        persistent = self.kept.persistent
        self.objects: dict[str, list[int]] = persistent.setdefault("objects", {})
        self.profiles: dict[str, dict[str, Any]] = persistent.setdefault("profiles", {})

    def forget(self) -> None:
        """Everything that was learnt of a meter goes; the counter stays, and so does a session, which is no lore."""
        for name in ("objects", "profiles", "lists"):
            self.kept.persistent.pop(name, None)
        self._begin()

    @property
    def lists(self) -> bool:
        return bool(self.kept.persistent.get("lists", True))

    @lists.setter
    def lists(self, allowed: bool) -> None:
        self.kept.persistent["lists"] = allowed

    @property
    def address(self) -> str:
        return str(self.kept.persistent.get("meter", ""))

    @address.setter
    def address(self, address: str) -> None:
        self.kept.persistent["meter"] = address

    @property
    def reserved_counter(self) -> int:
        return int(self.kept.persistent.get("counter", 0))

    @reserved_counter.setter
    def reserved_counter(self, counter: int) -> None:
        self.kept.persistent["counter"] = counter

    @property
    def random_bytes(self) -> Callable[[int], bytes] | None:
        return self.kept.random_bytes

    def reached(self, rung: str) -> None:
        """How far the conversation got, for diagnosis."""
        self.kept.rung = rung

    def save(self) -> bool:
        """Keep what is to outlive the process. False where that failed."""
        return self.kept.save()


def recall(kept: Memory) -> DlmsMemory:
    """What the driver knows of the device whose memory this is; empty, but for what outlived restarts, at first."""
    if not isinstance(kept.own, DlmsMemory):
        kept.own = DlmsMemory(kept)
    return kept.own
