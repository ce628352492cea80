"""What the driver remembers of one device, each thing with how long it lasts.

Three spans: an association (kept open between scans), the process, and restarts. What outlives the process stands in
`Memory.persistent` under the names that state folders have had from the beginning (`objects`, `profiles`, `lists`,
`meter`), so that an older folder is read on; the slots for it are views of that.

Whose it is: what was learnt belongs to one meter at one address, and goes with `forget` as soon as either is another.
What was seen of a profile stays as well: its rows are compared with those that the meter has, and where none is the
same the buffer is another one. Invocation counters belong to the keys: the memory only leads to them, and they are
never forgotten.
"""

from __future__ import annotations

from ...model import shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ...model import Memory
    from .security.counting import Counters

    ScalerUnit = tuple[int, str | None]


# Most meters need none of the sets: one that is empty is all the same one, and so is the wait of those that wait not.
NOTHING: frozenset[Any] = frozenset()
NO_WAIT = (0, 0)
NO_SCALERS: dict[tuple[int, bytes, int], ScalerUnit] = {}
NONE_REFUSED: dict[tuple[int, bytes, int], str] = {}
# Scans after which what one and the same meter may change (transformer ratio, firmware) is read again; of fast ones not
# before so many seconds have passed: ten times a second would be more work than to read the values.
RENEWAL_SCANS = 240
RENEWAL_S = 600.0
LONG_AGO_S = float("-inf")
# What is learnt anew of another meter, beside the slots.
_ANEW = ("lists", "hung_lists", "proposal", "association_object")


_addresses: dict[str, str] = {}


def _octets(text: object, size: int) -> bytes:
    """Octets kept as hex; b"" where a state file holds anything else."""
    try:
        octets = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return b""
    return octets if len(octets) == size else b""


class DlmsMemory:
    """| slot | lasts | what |
    |---|---|---|
    | `session` | association | left open by `keep_open`; whoever takes it out goes on with it |
    | `scalers` | process | {(class id, logical name, short name): (power of ten, unit)} |
    | `attribute_scalers` | process | the same by the attribute that holds it, as Elgama's profiles name it |
    | `asked` | process | names and short names that an object list was held against: another would tell no more |
    | `list_waits` | process | scans yet to wait for an object list that did not come, and how many next time |
    | `relearnt` | process | names that were learnt anew because they stopped fitting, each once |
    | `scans_to_renewal` | process | scans until what may change in one and the same meter is read again, |
    | `renewed_s` | process | if that is long enough ago by then |
    | `refused_lists` | process | requests for many in a row that were refused |
    | `list_doubt` | scan | a request for many met silence or a lost link (`reader.HUNG`, `BLAMED`) |
    | `not_allowed` | process | items whose service is refused over an association that stands |
    | `unfinished` | process | the target that the next scan begins with |
    | `older_next` | process | the next association is tried with the older proposal |
    | `silent_release` | process | the meter does not answer RLRQ |
    | `caught_up` | process | profiles without a gap that may be long |
    | `unselective` | process | (profile, selection) that the meter refuses or does not understand |
    | `whole_waits` | process | {profile: [scans yet to wait for the whole buffer, how many next time, rows then]} |
    | `objects` | restarts | {OBIS text: [class id, base name], short name: [class id, attribute]} |
    | `profile(target)` | restarts | what was seen of its rows |
    | `lists` | restarts | False once the meter has refused many attributes in one request for good |
    | `address`, `endpoint` | restarts | client, server and naming, and port, under which all this was learnt |
    | `identity` | restarts | {logical name in hex: what the meter calls itself there} |
    | `untold` | restarts | {logical name in hex: how the meter refuses to tell it} |
    | `hung_lists` | restarts | requests for many in a row over which the meter fell silent or hung up |
    | `proposal` | restarts | which conformance the meter has accepted: "full", "older", "" where that is not known |
    | `association_object` | restarts | logical name of the object that took the proof of high-level security, hex |
    | `title` | restarts | this client's system title where none is configured, hex |
    """

    __slots__ = (
        "_attribute_scalers", "_whole_waits", "asked", "caught_up", "kept", "list_doubt",
        "list_waits", "not_allowed", "objects", "older_next", "refused_lists", "relearnt", "renewed_s", "scalers",
        "scans_to_renewal", "session", "silent_release", "unfinished", "unselective",
    )  # fmt: skip

    def __init__(self, kept: Memory) -> None:
        self.kept = kept
        self.session: Any = None  # a `conversation.Session`
        self.scalers: dict[tuple[int, bytes, int], ScalerUnit] = {}
        self._attribute_scalers: dict[tuple[Any, ...], ScalerUnit] | None = None
        self.asked: frozenset[bytes | int] = NOTHING
        self.relearnt: frozenset[bytes] = NOTHING
        self.caught_up: frozenset[str] = NOTHING
        self.unselective: frozenset[tuple[str, str]] = NOTHING
        self._whole_waits: dict[str, list[int]] | None = None
        self.list_waits = NO_WAIT
        self.refused_lists = self.list_doubt = 0
        self.not_allowed: frozenset[tuple[bytes, int, int]] = NOTHING
        self.unfinished: Any = None  # a target
        self.older_next = False
        self.silent_release = False
        self.renew()
        self.objects: dict[str, Sequence[int]] = kept.persistent.setdefault("objects", {})

    def forget(self) -> None:
        """What was learnt of a meter goes, in place, for readers of this very association hold it too."""
        for lore in (self.scalers, self._attribute_scalers, self._whole_waits, self.objects):
            if lore is not None:
                lore.clear()
        self.asked = self.relearnt = self.unselective = self.not_allowed = NOTHING
        for state in self.kept.persistent.get("profiles", {}).values():
            for name in ("numbers", "entries", "time", "now"):
                state.pop(name, None)
        for name in _ANEW:
            self.kept.persistent.pop(name, None)
        self.list_waits = NO_WAIT
        self.refused_lists = self.list_doubt = 0
        self.older_next = False
        self.silent_release = False

    def belong_to(self, address: str) -> None:
        """What was learnt belongs to one address: a device pointed elsewhere starts anew, its counter excepted."""
        if self.address != address:
            self.forget()
            self.address = address
            self.identity = {}
            self.kept.persistent.pop("untold", None)
            self.session = None

    @property
    def attribute_scalers(self) -> dict[tuple[Any, ...], ScalerUnit]:
        if self._attribute_scalers is None:
            self._attribute_scalers = {}
        return self._attribute_scalers

    @property
    def whole_waits(self) -> dict[str, list[int]]:
        if self._whole_waits is None:
            self._whole_waits = {}
        return self._whole_waits

    @property
    def lists(self) -> bool:
        return bool(self.kept.persistent.get("lists", True))

    @lists.setter
    def lists(self, allowed: bool) -> None:
        self.kept.persistent["lists"] = allowed

    @property
    def hung_lists(self) -> int:
        return int(self.kept.persistent.get("hung_lists", 0))

    @hung_lists.setter
    def hung_lists(self, count: int) -> None:
        if count != self.hung_lists:
            self.kept.persistent["hung_lists"] = count

    @property
    def proposal(self) -> str:
        return str(self.kept.persistent.get("proposal", ""))

    @proposal.setter
    def proposal(self, name: str) -> None:
        self.kept.persistent["proposal"] = name

    @property
    def association_object(self) -> bytes:
        return _octets(self.kept.persistent.get("association_object"), 6)

    @association_object.setter
    def association_object(self, logical_name: bytes) -> None:
        self.kept.persistent["association_object"] = logical_name.hex()

    @property
    def title(self) -> bytes:
        return _octets(self.kept.persistent.get("title"), 8)

    @title.setter
    def title(self, title: bytes) -> None:
        self.kept.persistent["title"] = title.hex()

    @property
    def address(self) -> str:
        return str(self.kept.persistent.get("meter", ""))

    @address.setter
    def address(self, address: str) -> None:
        self.kept.persistent["meter"] = shared(_addresses, address)

    @property
    def endpoint(self) -> str:
        return str(self.kept.persistent.get("endpoint", ""))

    @endpoint.setter
    def endpoint(self, endpoint: str) -> None:
        self.kept.persistent["endpoint"] = endpoint

    @property
    def identity(self) -> dict[str, str]:
        found: dict[str, str] = self.kept.persistent.get("identity", {})
        return found

    @identity.setter
    def identity(self, identity: dict[str, str]) -> None:
        self.kept.persistent["identity"] = identity

    @property
    def untold(self) -> dict[str, str]:
        """To look into; `not_told` adds to it."""
        found: dict[str, str] = self.kept.persistent.get("untold", {})
        return found

    def not_told(self, name: str, how: str) -> None:
        """The meter does not tell what is called so."""
        self.kept.persistent.setdefault("untold", {})[name] = how

    def profile(self, name: str) -> dict[str, Any]:
        """What was seen of a profile's rows."""
        found: dict[str, Any] = self.kept.persistent.setdefault("profiles", {}).setdefault(name, {})
        return found

    @property
    def random_bytes(self) -> Callable[[int], bytes] | None:
        return self.kept.random_bytes

    def renew(self) -> None:
        """The next scan reads again what may change in one and the same meter."""
        self.scans_to_renewal = 0
        self.renewed_s = LONG_AGO_S

    def renewed(self) -> None:
        """It was just read."""
        self.scans_to_renewal = RENEWAL_SCANS
        self.renewed_s = self.kept.started_s

    def renewal_is_due(self) -> bool:
        """Of fast scans it is not every RENEWAL_SCANS, but the first of those that comes RENEWAL_S later."""
        if self.scans_to_renewal <= 0 and self.kept.started_s < self.renewed_s + RENEWAL_S:
            self.scans_to_renewal = RENEWAL_SCANS
        return self.scans_to_renewal <= 0

    def scanned(self, session: Any) -> None:
        """A scan went well; `session` is what stays open of it, if anything."""
        self.unfinished = None
        self.scans_to_renewal -= 1
        self.session = session
        self.reached("done")

    def reached(self, rung: str) -> None:
        """How far the conversation got, for diagnosis."""
        self.kept.rung = rung

    def counters(self, names: list[str]) -> Counters:
        """The invocation counters of those names, as they are on record now."""
        from .security.counting import Counters

        return Counters([self.kept.counter(name) for name in names])

    def save(self, lore: bool = False) -> bool:
        """Keep what is to outlive the process; `lore` where it only spares questions. False where that failed."""
        return self.kept.save(lore)


def recall(kept: Memory) -> DlmsMemory:
    """What the driver knows of the device whose memory this is; empty, but for what outlived restarts, at first."""
    if not isinstance(kept.own, DlmsMemory):
        kept.own = DlmsMemory(kept)
    return kept.own
