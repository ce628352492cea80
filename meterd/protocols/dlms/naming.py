"""How attributes are named to a meter: by logical names (GET) or by short names (READ).

The problem: both ways ask for one or many, and get long answers in numbered blocks; `reader.Reader` is given one of
them and need not know which. Each gives `(code, value)` for an item, code 0 or a data-access-result.

The dirt: block numbers that do not begin at 1, a list in answer to one, blocks without end.
"""

from __future__ import annotations

from ..._axdr import decode, decode_results, decode_whole, get_response_normal
from ...errors import DecodeError, ProtocolError, Refused
from ...model import MOST_SHARED, shared
from . import enumerations as codes
from .apdus import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from ._shortcut import Shortcut
    from .association import Association

MAX_VALUE = 1 << 20
# With blocks of an octet a meter could keep us for half a day.
MAX_BLOCKS = 5_000
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


_items: dict[tuple[int, bytes, int, int], Item] = {}


def item_of(class_id: int, logical_name: bytes, attribute: int, short_name: int = 0) -> Item:
    """One without a selection; mostly the same one for all meters that are asked for it, and so encoded once."""
    key = (class_id, logical_name, attribute, short_name)
    item = _items.get(key)
    if item is None:
        item = Item(class_id, logical_name, attribute, short_name=short_name)
        if len(_items) < MOST_SHARED:
            _items[key] = item
    return item


_scaler_keys: dict[tuple[int, bytes, int], tuple[int, bytes, int]] = {}


def scaler_key(item: Item) -> tuple[int, bytes, int]:
    """Under what the scaler and unit of an item's value are remembered."""
    key: tuple[int, bytes, int] = shared(_scaler_keys, (item.class_id, item.logical_name, item.short_name))
    return key


def attribute_name(base_name: int, attribute: int) -> int:
    """The short name of an attribute: steps of 8 from the object's base name (Blue Book, mapping of short names)."""
    return (base_name + SHORT_NAME_STEP * (attribute - 1)) & 0xFFFF


class LogicalNames:
    """GET: normal, with list, block transfer (Green Book 9.3.6)."""

    __slots__ = ("association",)

    logical = True

    def __init__(self, association: Association) -> None:
        self.association = association

    def shortcut(self) -> Shortcut | None:
        """What asks for one item in one frame each way; not where the request has to be sealed or to be cut."""
        link = self.association.link
        return None if self.association.ciphered or link.max_info < PLAIN_REQUEST_SIZE else link.shortcut

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

    def many(self, items: list[Item], invoke: int = 0, heard: Any = None) -> Conversation:
        invoke = invoke or self.association.next_invoke()
        apdu = get.request_with_list(invoke, [item.encoded or self.encode(item) for item in items])
        answer = yield from self.association.request(apdu, codes.GET_RESPONSE, invoke, heard)
        response = get.decode_response(answer)
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


class ShortNames:
    """READ: one or more variables, parameterised access, block transfer (Green Book 9.3.14)."""

    __slots__ = ("_apdus", "association")

    logical = False

    def __init__(self, association: Association) -> None:
        from .apdus import read  # most meters have logical names

        self.association = association
        self._apdus = read

    def shortcut(self) -> Shortcut | None:
        """There is none."""
        return None

    def encode(self, item: Item) -> bytes:
        if item.selection:
            return self._apdus.parameterised(item.short_name, item.selection)
        return self._apdus.variable(item.short_name)

    def one(self, item: Item, invoke: int = 0, heard: Any = None) -> Conversation:
        """`(code, value)` of one attribute. Raises: Refused, DecodeError, ProtocolError, LineError."""
        results = yield from self.many([item])
        if len(results) != 1:
            raise ProtocolError(f"the meter answers a request for one value with {len(results)}")
        return results[0]

    def many(self, items: list[Item], invoke: int = 0, heard: Any = None) -> Conversation:
        response = yield from self._request([self.encode(item) for item in items])
        if not isinstance(response, self._apdus.ReadBlock):
            return response
        parts = [response.raw]
        size = len(response.raw)
        while not response.last:
            block = response.block
            response = yield from self._request([self._apdus.block_access(block)])
            if not isinstance(response, self._apdus.ReadBlock):
                raise ProtocolError("a block transfer ends before its last block")
            if response.block != block + 1:
                raise ProtocolError(f"block {response.block} came where {block + 1} is due")
            parts.append(response.raw)
            _check_size(size := size + len(response.raw), len(parts))
        return self._apdus.decode_blocks(b"".join(parts), len(items))

    def _request(self, specifications: list[bytes]) -> Conversation:
        apdu = self._apdus.request(specifications)
        return self._apdus.decode_response((yield from self.association.request(apdu, codes.READ_RESPONSE)))


def _check_size(size: int, blocks: int) -> None:
    if size > MAX_VALUE or blocks > MAX_BLOCKS:
        raise ProtocolError(f"a block transfer brings more than {MAX_VALUE} octets or {MAX_BLOCKS} blocks")
