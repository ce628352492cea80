"""APDUs put together out of general blocks (Green Book 9.3.13), as meters push them that fit no list into one frame.

The meter sends block after block and asks nobody (streaming, or windows that it does not wait for); on a line that is
only listened to, a block that is lost cannot be asked for again. Landis+Gyr's E450 sends so, with an LLC header before
the first block alone.
Dirt: blocks that come twice, are lost or out of order; a list whose beginning was not seen; one that begins anew, or
another sender, in the middle; blocks without end.
"""

from __future__ import annotations

from ...errors import Garbled, Incomplete, Silence
from ..dlms.apdus.block_transfer import decode, is_general_block

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation
    from ..dlms.apdus.block_transfer import GeneralBlock
    from .frames import Apdus
    from .mbus_frames import Segments
    from .wrapper_frames import Wrapped

FIRST = 1
LARGEST = 65_535
MOST_REPEATED = 16  # of one transfer


class Joined:
    """The APDUs of a link, blocks joined."""

    __slots__ = ("_apdus", "_broken_in", "_gap_ms")

    def __init__(self, apdus: Apdus | Segments | Wrapped, gap_ms: int) -> None:
        self._apdus = apdus
        self._broken_in = b""
        self._gap_ms = gap_ms

    def has_begun(self) -> bool:
        """Whether of the next APDU something came already."""
        return bool(self._broken_in) or self._apdus.has_begun()

    @property
    def wport(self) -> int:
        """Of the sender of the last one, where there are such."""
        return getattr(self._apdus, "wport", 0)

    def overhear(self, octets: bytes, ciphered: bool) -> None:
        """These came while somebody else listened, who is not to lose what was meant for this."""
        overhear = getattr(self._apdus, "overhear", None)
        if overhear is not None:
            overhear(octets, ciphered)

    def answer(self, apdu: bytes) -> Conversation:
        """Send one to whom the last came from; over HDLC nobody waits for one."""
        answer = getattr(self._apdus, "answer", None)
        if answer is not None:
            yield from answer(apdu)

    def next(self, timeout_ms: int | None) -> Conversation:
        """Returns: bytes. Raises: Silence, Incomplete, Garbled, DecodeError."""
        apdu, self._broken_in = self._broken_in, b""
        if not apdu:
            apdu = yield from self._apdus.next(timeout_ms)
        if not is_general_block(apdu):
            return apdu
        block = decode(apdu)
        if block.block != FIRST:
            raise Garbled(f"the first block of a list that comes is number {block.block}: those before it are lost")
        return (yield from self._rest(block))

    def _rest(self, block: GeneralBlock) -> Conversation:
        """The APDU that begins with this block."""
        whose = self._apdus.whose
        parts, size, repeated = [block.raw], len(block.raw), 0
        while not block.last:
            try:
                apdu: bytes = yield from self._apdus.next(self._gap_ms)
            except Silence as error:
                raise Incomplete(f"a list broke off behind block {block.block}: {error}") from None
            self._broken_in = apdu
            if self._apdus.whose != whose:
                raise Garbled("two meters talk at once: the blocks of a list go on under another address")
            if not is_general_block(apdu):
                raise Garbled("a list begins among the blocks of another: the end of the first is lost")
            following = decode(apdu)
            if following == block:
                repeated += 1
                if repeated > MOST_REPEATED:
                    raise Garbled(f"block {block.block} of a list comes over and over again")
                continue
            if following.block == FIRST:
                raise Garbled("a list begins among the blocks of another: the end of the first is lost")
            self._broken_in = b""
            if following.block != block.block + 1:
                raise Garbled(f"a block in the middle of a list is lost: {following.block} follows {block.block}")
            block = following
            parts.append(block.raw)
            size += len(block.raw)
            if size > LARGEST:
                raise Garbled(f"a list has no end after {size} octets")
        self._broken_in = b""
        return b"".join(parts)
