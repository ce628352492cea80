"""Attributes read over an association, many at once where possible; how they are asked for is `naming`'s business.

The problem: how many attributes go into one request is the meter's choice, and some meters refuse lists in spite of
what they granted. Callers see none of that: they ask for items and get `(code, value)` for each, code 0 or a
data-access-result.

The dirt: a list that is refused, answered with something else, or not at all (then single reads, remembered in the
memory), items that a meter leaves out.
"""

from __future__ import annotations

from ...errors import DecodeError, Disconnected, LineError, ProtocolError, Refused
from ._registers import Registers
from .apdus import refusals
from .association import AssociationEnded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from .association import Association
    from .memory import DlmsMemory
    from .naming import Item, LogicalNames, ShortNames

MULTIPLE = "multiple-references"
BLOCKS = "block-transfer-with-get-or-read"
SELECTIVE = "selective-access"
PARAMETERISED = "parameterized-access"
LIST_HEAD = 4  # octets before the first item of a request
# A list beyond this saves nothing more, and small meters have small buffers.
MAX_LIST = 64
# What an item's answer may take, octets, where the meter cannot cut it into blocks.
ANSWER_SIZE = 24
# A meter that falls silent or hangs up over lists this often in a row, and answers singly, is asked singly.
MAX_HUNG_LISTS = 2
# What became of a list in this scan: nothing came of it; and then single requests were answered.
HUNG, BLAMED = 1, 2
# Items known to be refused as a service, by which an association does not end.
MAX_NOT_ALLOWED = 1000
# What a meter refuses twice in a row it refuses for good; once it may have been busy, or a bit fell over.
MAX_REFUSED_LISTS = 2


class Reader:
    """How many items go into a request, and the way back to one; `names` asks for them by logical or by short names."""

    __slots__ = (
        "_listed", "_owed", "answered", "association", "final", "link", "memory", "names", "on_trial", "values",
    )  # fmt: skip

    def __init__(self, association: Association, names: LogicalNames | ShortNames, memory: DlmsMemory) -> None:
        self.association = association
        self.names = names
        self.memory = memory
        self.on_trial = False  # until the first answer: any refusal may mean that there is no association any more
        self.answered = 0  # whatever was said to single requests over this association, refusals of a service too
        self.values = 0  # of these, values and codes
        self._owed: LineError | Disconnected | None = None
        self._listed = False  # a list was answered over this association
        self.final = False  # no further association is made for what this one refuses
        self.link = association.link

    def proven(self, listed: bool = False) -> None:
        """The meter has answered, singly or to a list: the association stands."""
        self.on_trial = False
        self.answered += 1
        self.values += 1
        self.link.proven()
        if listed:
            if not self._listed:
                self._listed, self.memory.hung_lists = True, 0
        elif self.memory.list_doubt == HUNG:
            self._blame_list()

    def burst(self, targets: list[Any], start: int, other: Any) -> Registers | None:
        """What asks for targets from `start` on in one frame each way; None where each request goes the long way.

        `other` is what `Registers` has it for.
        """
        shortcut = None if self._turns() or self._owed is not None else self.names.shortcut()
        if shortcut is None:
            return None
        association, link = self.association, self.link
        most = self._most() if self.lists_allowed() else 1
        return Registers(
            link.receive, shortcut, association.next_invoke, targets, start, other, most, association.limit(),
            link.max_info,
        )  # fmt: skip

    def took(self, burst: Registers) -> None:
        """Some of a burst was answered as it was due."""
        self.proven(burst.listed)
        if burst.listed:
            self.memory.refused_lists = 0

    def batch(self, items: list[Item], start: int) -> list[Item]:
        """Those of `items` from `start` on that fit into one request; one at least."""
        if not self.lists_allowed():
            return items[start : start + 1]
        size, limit = LIST_HEAD, self.association.limit()
        count = 0
        for item in items[start : start + self._most()]:
            size += len(item.encoded or self.names.encode(item))
            if size > limit:
                break
            count += 1
        return items[start : start + max(count, 1)]

    def _most(self) -> int:
        """Items in one list, whatever their size: answers that the meter cannot cut into blocks must fit, too."""
        if BLOCKS in self.association.granted:
            return MAX_LIST
        return min(MAX_LIST, max(1, self.association.max_pdu // ANSWER_SIZE))

    def lists_allowed(self) -> bool:
        """Whether the meter takes several items in one request, for all that is known of it."""
        wanted = self.association.lists
        if MULTIPLE not in self.association.granted or wanted == "no":
            return False
        return wanted == "yes" or (self.memory.lists and not self.memory.list_doubt)

    def read(self, items: list[Item], partly: bool = False, invoke: int = 0, heard: Any = None) -> Conversation:
        """`(code, value)` for each of the items, which `batch` said would fit; `partly`: what came before an error will
        do, and the error is raised when more is asked for. `invoke` and `heard` are as in `attempt`.

        Raises: LineError, Disconnected, SecurityError; for a single item also Refused, DecodeError, ProtocolError.
        """
        if self._owed is not None:
            raise self._owed
        if len(items) == 1:
            return [(yield from self.attempt(items[0], invoke, heard))]
        memory = self.memory
        try:
            results: list[tuple[int, Any]] = yield from self.names.many(items, invoke, heard)
            self.proven(listed=True)
            if len(results) == len(items):
                memory.refused_lists = 0
                return [(code, self.as_told(value)) for code, value in results] if self._turns() else results
        except (LineError, Disconnected):
            # Silent or gone over a list: whether that was the list's fault, single requests will show.
            if not (self.on_trial or self._listed):
                memory.list_doubt = HUNG
            raise
        except (Refused, ProtocolError, DecodeError) as error:
            if error.reason == "key" or self.on_trial:
                raise
        memory.refused_lists += 1
        try:
            results = yield from self._each(items, partly)
        except AssociationEnded:
            memory.refused_lists -= 1  # there was no association to take the list
            raise
        if memory.refused_lists >= MAX_REFUSED_LISTS:
            memory.lists = False
            memory.save(lore=True)
        return results

    def _blame_list(self) -> None:
        """The meter answers singly where it fell silent or hung up over a list: after two of those it gets no more."""
        memory = self.memory
        memory.list_doubt = BLAMED
        memory.hung_lists += 1
        if memory.hung_lists >= MAX_HUNG_LISTS:
            memory.lists = False
        memory.save(lore=True)

    def _each(self, items: list[Item], partly: bool) -> Conversation:
        """Singly, a refused or malformed one costing only itself."""
        results: list[tuple[int, Any]] = []
        for item in items:
            try:
                results.append((yield from self.attempt(item)))
            except (LineError, Disconnected) as error:
                if not results or not partly:
                    raise
                self._owed = error
                break
        return results

    def attempt(self, item: Item, invoke: int = 0, heard: Any = None) -> Conversation:
        """One item, where a refusal of the service or a malformed value is a code like any other.

        Where a burst has asked for it already, under `invoke`, `heard` is the frame or the error that came of it.
        Returns: `(code, value)`; a code that is no int is the `reason` of the error. Raises: LineError, Disconnected,
        AssociationEnded.
        """
        try:
            result = yield from self.names.one(item, invoke, heard)
        except Disconnected:
            raise
        except (Refused, DecodeError, ProtocolError) as error:
            if error.reason == "key" or self.on_trial:
                raise
            if isinstance(error, refusals.NotAllowed):
                self._not_allowed(item, error)
            self.answered += 1
            return (error.reason, str(error))
        if self.memory.not_allowed:
            self.memory.not_allowed -= {item.key()}
        self.proven()
        return (result[0], self.as_told(result[1])) if self._turns() else result

    def _turns(self) -> bool:
        return self.association.reversed_deviation

    def as_told(self, value: Any) -> Any:
        """Times as the standard has them out of what such a meter tells, and the other way round; else the value."""
        if not self._turns():
            return value
        from .times import turned

        return turned(value)

    def _not_allowed(self, item: Item, error: Refused) -> None:
        """A service that is not allowed (any more): the first request of an association tells which of the two.

        Raises: AssociationEnded where the meter may have ended it after what it has answered.
        """
        key = item.key()
        if self.answered and not self.final and key not in self.memory.not_allowed:
            raise AssociationEnded(f"the meter has ended the association: {error}")
        if len(self.memory.not_allowed) < MAX_NOT_ALLOWED:
            self.memory.not_allowed |= {key}
