"""A method invoked by logical name, its parameters and its answer in blocks where they need them (Green Book 9.3.8).

The problem: the meter names the longest APDU that it takes, and a signature of 64 or 96 octets with its target may be
longer; so may be the answer for us. Parameters go out block by block, each asked for by its number, the answer comes
back the same way.

The dirt: meters that do not know action blocks get the parameters whole, which is all that can be done; meters that put
the bare return value into the blocks of an answer, without the action-result before it.
"""

from __future__ import annotations

from ..._axdr import decode_whole
from ...errors import DecodeError, ProtocolError
from . import enumerations as codes
from .apdus import action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from ...conversation import Conversation

    class Requester(Protocol):
        """An association, as far as methods are invoked over it."""

        granted: frozenset[str]

        @property
        def next_invoke(self) -> Callable[[], int]:
            """Gives the invoke-id-and-priority octets in turn."""

        def limit(self) -> int:
            """Octets that a plain request may have."""

        def request(self, apdu: bytes, expected: int, invoke: int | None = None, heard: Any = None) -> Conversation:
            """The APDU with tag `expected` that answers."""


# Nothing that a reader invokes is answered with more.
MAX_ANSWER = 65_536
MAX_BLOCKS = 2_000

Target = tuple[int, bytes, int]


def invoke_method(association: Requester, target: Target, parameters: bytes) -> Conversation:
    """Invoke method `target` (class id, logical name, number) with encoded `parameters`.

    Returns: ActionResult. Raises: ProtocolError for blocks out of turn, and what `Association.request` raises.
    """
    invoke = association.next_invoke()
    whole = action.request_normal(invoke, *target, parameters)
    if len(whole) <= association.limit() or "block-transfer-with-action" not in association.granted:
        answer = yield from _ask(association, whole, invoke)
    else:
        answer = yield from _send_blocks(association, invoke, target, parameters)
    if isinstance(answer, action.ActionBlock):
        answer = yield from _collect(association, answer, invoke)
    if not isinstance(answer, action.ActionResult):
        raise ProtocolError("the meter asks for a block of parameters that there is not")
    return answer


def _ask(association: Requester, apdu: bytes, invoke: int) -> Conversation:
    return action.decode_response((yield from association.request(apdu, codes.ACTION_RESPONSE, invoke)))


def _send_blocks(association: Requester, invoke: int, target: Target, parameters: bytes) -> Conversation:
    """The parameters in as many blocks as it takes. Returns: what answers the last."""
    limit = association.limit()
    number, end = 1, action.block_room(limit, first=True)
    request = action.request_first_block(invoke, target, end >= len(parameters), parameters[:end])
    while True:
        answer = yield from _ask(association, request, invoke)
        if end >= len(parameters):
            return answer
        if not isinstance(answer, action.ActionNext):
            if isinstance(answer, action.ActionResult) and answer.code:
                return answer
            raise ProtocolError("the meter answers before it has all blocks of the parameters")
        if answer.block != number:
            raise ProtocolError(f"the meter acknowledges block {answer.block}, {number} was sent")
        number, start = number + 1, end
        end += action.block_room(limit, first=False)
        request = action.request_block(invoke, end >= len(parameters), number, parameters[start:end])


def _collect(association: Requester, block: action.ActionBlock, invoke: int) -> Conversation:
    """The blocks of an answer, joined. Returns: ActionResult."""
    parts: list[bytes] = []
    size = 0
    for number in range(1, MAX_BLOCKS):
        if block.block != number:
            raise ProtocolError(f"block {block.block} came where {number} is due")
        parts.append(block.raw)
        size += len(block.raw)
        if block.last:
            return _joined(invoke, b"".join(parts))
        if size > MAX_ANSWER:
            break
        answer = yield from _ask(association, action.request_next(invoke, number), invoke)
        if not isinstance(answer, action.ActionBlock):
            raise ProtocolError("the answer to a method ends before its last block")
        block = answer
    raise ProtocolError(f"the answer to a method is longer than {MAX_ANSWER} octets or {MAX_BLOCKS} blocks")


def _joined(invoke: int, raw: bytes) -> action.ActionResult:
    try:
        return action.decode_result(invoke, raw)
    except DecodeError:
        return action.ActionResult(invoke, 0, 0, decode_whole(raw))
