"""Attributes read over an association, by logical names (GET) or by short names (READ), many at once where possible.

The problem: how many attributes go into one request is the meter's choice, some meters refuse lists in spite of what
they granted, and long answers come in numbered blocks. Callers see none of that: they ask for items and get
`(code, value)` for each, code 0 or a data-access-result.

The dirt: a list that is refused, answered with something else, or not at all (then single reads, remembered in
the memory), block numbers that do not begin at 1, items that a meter leaves out.
"""

from __future__ import annotations

from ..._axdr import decode, decode_results, decode_whole, get_response_normal
from ...errors import DecodeError, Disconnected, LineError, ProtocolError, Refused
from . import enumerations as codes
from .apdus import get, read, refusals
from .association import AssociationEnded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from ._shortcut import Shortcut
    from .association import Association
    from .memory import DlmsMemory

MULTIPLE = "multiple-references"
BLOCKS = "block-transfer-with-get-or-read"
SELECTIVE = "selective-access"
PARAMETERISED = "parameterized-access"
# A list beyond this saves nothing more, and small meters have small buffers.
MAX_LIST = 64
# What an item's answer may take, octets, where the meter cannot cut it into blocks.
ANSWER_SIZE = 24
MAX_VALUE = 1 << 20
# With blocks of an octet a meter could keep us for half a day.
MAX_BLOCKS = 5_000
# A meter that falls silent or hangs up over lists this often in a row, and answers singly, is asked singly.
MAX_HUNG_LISTS = 2
# What became of a list in this scan: nothing came of it; and then single requests were answered.
HUNG, BLAMED = 1, 2
# Items known to be refused as a service, by which an association does not end.
MAX_NOT_ALLOWED = 1000
# What a meter refuses twice in a row it refuses for good; once it may have been busy, or a bit fell over.
MAX_REFUSED_LISTS = 2
SHORT_NAME_STEP = 8
# LLC, head of the request, descriptor without a selection.
PLAIN_REQUEST_SIZE = 3 + 3 + 10


class Item:
    """One attribute to read: by class, logical name and attribute, or by its short name; `selection` is encoded."""

    __slots__ = ("attribute", "class_id", "encoded", "logical_name", "selection", "short_name")

    def __init__(
        self, class_id: int, logical_name: bytes, attribute: int, selection: bytes = b"", short_name: int = 0
    ) -> None:
        self.class_id = class_id
        self.logical_name = logical_name
        self.attribute = attribute
        self.selection = selection
        self.short_name = short_name
        self.encoded = b""  # its descriptor or specification, once it was needed

    def key(self) -> tuple[bytes, int, int]:
        return (self.logical_name, self.short_name, self.attribute)


def attribute_name(base_name: int, attribute: int) -> int:
    """The short name of an attribute: steps of 8 from the object's base name (Blue Book, mapping of short names)."""
    return (base_name + SHORT_NAME_STEP * (attribute - 1)) & 0xFFFF


class Reader:
    """What both ways of naming share: how many items go into a request, and the way back to one."""

    def __init__(self, association: Association, memory: DlmsMemory) -> None:
        self.association = association
        self.memory = memory
        self.on_trial = False  # until the first answer: any refusal may mean that there is no association any more
        self.answered = 0  # whatever was said to single requests over this association, refusals of a service too
        self.values = 0  # of these, values and codes
        self._owed: LineError | Disconnected | None = None
        self._listed = False  # a list was answered over this association
        self.final = False  # no further association is made for what this one refuses
        self.link = association.link

    def proven(self) -> None:
        """The meter has answered: the association stands."""
        self.on_trial = False
        self.answered += 1
        self.values += 1
        self.link.proven()
        if self.memory.list_doubt == HUNG:
            self._blame_list()

    def encode(self, item: Item) -> bytes:
        raise NotImplementedError

    def shortcut(self) -> Shortcut | None:
        """What asks for one item in one frame each way, or None where each goes the long way (`attempt`)."""
        return None

    def one(self, item: Item, invoke: int = 0, heard: Any = None) -> Conversation:
        raise NotImplementedError

    def _list(self, items: list[Item]) -> Conversation:
        raise NotImplementedError

    def batch(self, items: list[Item], start: int) -> list[Item]:
        """Those of `items` from `start` on that fit into one request; one at least."""
        if not self.lists_allowed():
            return items[start : start + 1]
        size, limit = 4, self.association.limit()
        answers = MAX_LIST
        if BLOCKS not in self.association.granted:
            answers = max(1, self.association.max_pdu // ANSWER_SIZE)
        count = 0
        for item in items[start : start + min(MAX_LIST, answers)]:
            size += len(item.encoded or self.encode(item))
            if size > limit:
                break
            count += 1
        return items[start : start + max(count, 1)]

    def lists_allowed(self) -> bool:
        """Whether the meter takes several items in one request, for all that is known of it."""
        wanted = self.association.lists
        if MULTIPLE not in self.association.granted or wanted == "no":
            return False
        return wanted == "yes" or (self.memory.lists and not self.memory.list_doubt)

    def read(self, items: list[Item], partly: bool = False) -> Conversation:
        """`(code, value)` for each of the items, which `batch` said would fit; `partly`: what came before an error will
        do, and the error is raised when more is asked for.

        Raises: LineError, Disconnected, SecurityError; for a single item also Refused, DecodeError, ProtocolError.
        """
        if self._owed is not None:
            raise self._owed
        if len(items) == 1:
            return [(yield from self.attempt(items[0]))]
        memory = self.memory
        try:
            results: list[tuple[int, Any]] = yield from self._list(items)
            self._heard_list()
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

    def _heard_list(self) -> None:
        self.on_trial = False
        self.answered += 1
        self.values += 1
        if not self._listed:
            self._listed, self.memory.hung_lists = True, 0

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
        """`one`, where a refusal of the service or a malformed value is a code like any other.

        Where the shortcut has asked for it already, under `invoke`, `heard` is the frame or the error that came of it.
        Returns: `(code, value)`; a code that is no int is the `reason` of the error. Raises: LineError, Disconnected,
        AssociationEnded.
        """
        try:
            result = yield from self.one(item, invoke, heard)
        except Disconnected:
            raise
        except (Refused, DecodeError, ProtocolError) as error:
            if error.reason == "key" or self.on_trial:
                raise
            if isinstance(error, refusals.NotAllowed):
                self._not_allowed(item, error)
            self.answered += 1
            return (error.reason, str(error))
        self.memory.not_allowed.discard(item.key())
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
            self.memory.not_allowed.add(key)


class LogicalNames(Reader):
    """GET: normal, with list, block transfer (Green Book 9.3.6)."""

    def shortcut(self) -> Shortcut | None:
        """What asks for one item in one frame each way; not where the request has to be sealed or to be cut."""
        if self.association.ciphered or self._turns() or self.link.max_info < PLAIN_REQUEST_SIZE:
            return None
        return self.link.shortcut

    def encode(self, item: Item) -> bytes:
        if not item.encoded:
            item.encoded = get.attribute(item.class_id, item.logical_name, item.attribute, item.selection)
        return item.encoded

    def one(self, item: Item, invoke: int = 0, heard: Any = None) -> Conversation:
        """`(code, value)` of one attribute. Raises: Refused, DecodeError, ProtocolError, LineError."""
        invoke = invoke or self.association.next_invoke()
        apdu = get.request_normal(invoke, item.encoded or self.encode(item))
        answer = yield from self.association.request(apdu, codes.GET_RESPONSE, invoke, heard)
        try:
            normal = get_response_normal(answer)
        except DecodeError:
            if not self.association.surplus or answer[:2] != get.NORMAL_RESPONSE:
                raise
            normal = decode_results(answer, len(get.NORMAL_RESPONSE) + 1, 1)[0][0]
        if normal is not None:
            return normal
        response = get.decode_response(answer)
        if not isinstance(response, get.GetBlock):
            raise ProtocolError("the meter answers a request for one attribute with a list")
        code, raw = yield from self._blocks(response)
        if code:
            return (code, None)
        return (0, decode(raw)[0] if self.association.surplus else decode_whole(raw))

    def _list(self, items: list[Item]) -> Conversation:
        invoke = self.association.next_invoke()
        apdu = get.request_with_list(invoke, [item.encoded or self.encode(item) for item in items])
        response = get.decode_response((yield from self.association.request(apdu, codes.GET_RESPONSE, invoke)))
        if isinstance(response, get.GetResults):
            return response.results
        if not isinstance(response, get.GetBlock):
            raise ProtocolError("the meter answers a request for a list with one value")
        code, raw = yield from self._blocks(response)
        if code:
            raise Refused(f"the list is refused with code {code}", code)
        return get.decode_result_list(raw)

    def _blocks(self, block: get.GetBlock) -> Conversation:
        """The joined raw data of a block transfer whose first block came, as `(code, raw)`."""
        parts = [block.raw]
        size = len(block.raw)
        while not block.last and not block.code:
            invoke = block.invoke
            apdu = get.request_next(invoke, block.block)
            response = get.decode_response((yield from self.association.request(apdu, codes.GET_RESPONSE, invoke)))
            if isinstance(response, get.GetResult) and response.code:
                return (response.code, b"")
            if not isinstance(response, get.GetBlock):
                raise ProtocolError("a block transfer ends before its last block")
            if response.block != block.block + 1:
                raise ProtocolError(f"block {response.block} came where {block.block + 1} is due")
            block = response
            parts.append(block.raw)
            _check_size(size := size + len(block.raw), len(parts))
        return (block.code, b"".join(parts))


class ShortNames(Reader):
    """READ: one or more variables, parameterised access, block transfer (Green Book 9.3.14)."""

    def encode(self, item: Item) -> bytes:
        if item.selection:
            return read.parameterised(item.short_name, item.selection)
        return read.variable(item.short_name)

    def one(self, item: Item, invoke: int = 0, heard: Any = None) -> Conversation:
        """`(code, value)` of one attribute. Raises: Refused, DecodeError, ProtocolError, LineError."""
        results = yield from self._list([item])
        if len(results) != 1:
            raise ProtocolError(f"the meter answers a request for one value with {len(results)}")
        return results[0]

    def _list(self, items: list[Item]) -> Conversation:
        response = yield from self._request([self.encode(item) for item in items])
        if not isinstance(response, read.ReadBlock):
            return response
        parts = [response.raw]
        size = len(response.raw)
        while not response.last:
            block = response.block
            response = yield from self._request([read.block_access(block)])
            if not isinstance(response, read.ReadBlock):
                raise ProtocolError("a block transfer ends before its last block")
            if response.block != block + 1:
                raise ProtocolError(f"block {response.block} came where {block + 1} is due")
            parts.append(response.raw)
            _check_size(size := size + len(response.raw), len(parts))
        return read.decode_blocks(b"".join(parts), len(items))

    def _request(self, specifications: list[bytes]) -> Conversation:
        apdu = read.request(specifications)
        return read.decode_response((yield from self.association.request(apdu, codes.READ_RESPONSE)))


def _check_size(size: int, blocks: int) -> None:
    if size > MAX_VALUE or blocks > MAX_BLOCKS:
        raise ProtocolError(f"a block transfer brings more than {MAX_VALUE} octets or {MAX_BLOCKS} blocks")
