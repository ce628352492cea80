"""Any APDU that comes in general blocks, put together (Green Book 9.4.6.13).

The problem: the meter sends blocks in windows of its own size and waits at the end of each for the number of the last
one that has come. The dirt: blocks that were lost or come twice, notifications among them, transfers without end.
"""

from __future__ import annotations

from ....errors import ProtocolError, Silence
from ..apdus import block_transfer
from ..enumerations import MAX_UNSOLICITED, UNSOLICITED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....conversation import Conversation
    from .hdlc import HdlcLink
    from .wrapper import WrapperLink

MAX_BLOCKS = 20_000
MAX_VALUE = 1 << 20
# Windows in a row in which the block that is due does not come.
MAX_LOST = 3


def collect(link: HdlcLink | WrapperLink, answer: bytes) -> Conversation:
    """The APDU whose first block is `answer`; a block that is missing is asked for by acknowledging the one before it.

    Raises: ProtocolError past the bounds and for other APDUs, DecodeError, LineError.
    """
    parts: list[bytes] = []
    size = lost = 0
    for number in range(1, MAX_BLOCKS):
        due, more = len(parts) + 1, False
        if answer:
            block = block_transfer.decode(answer)
            more = block.streaming
            if block.block == due:
                parts.append(block.raw)
                size += len(block.raw)
                if block.last:
                    return b"".join(parts)
        if size > MAX_VALUE:
            break
        if not more:
            lost = 0 if due == len(parts) else lost + 1
            if lost > MAX_LOST:
                raise ProtocolError(f"block {due} of a general block transfer does not come")
        answer = yield from _next(link, more, number, len(parts))
    raise ProtocolError(f"a general block transfer brings more than {MAX_VALUE} octets")


def _next(link: HdlcLink | WrapperLink, more: bool, number: int, acknowledged: int) -> Conversation:
    """The next block of a window, or of the next window; b"" where none came and nothing else repeats it."""
    try:
        if more:
            answer = yield from link.another()
        else:
            acknowledge = block_transfer.GeneralBlock(True, False, 1, number, acknowledged, b"").encode()
            answer = yield from link.request(acknowledge)
        for _ in range(MAX_UNSOLICITED):
            if answer[:1] not in UNSOLICITED:
                break
            answer = yield from link.another()
    except Silence:
        if link.numbered:
            raise
        return b""
    if not block_transfer.is_general_block(answer):
        raise ProtocolError("a general block transfer ends before its last block")
    return answer
