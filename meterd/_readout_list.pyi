"""One data block of a read-out."""

from ._readout_message import Message, _Decoder

class ReadoutDecoder(_Decoder):
    """Finds one data block: STX … ETX/EOT BCC, or, without STX, data lines up to the line with '!'.

    `seven_bit`: characters are 7-bit; one with bit 7 set (parity damage) makes the verdict False.
    `wanted` {effective address: index of the last group needed}: as soon as whole lines have shown all of them, `feed`
    returns the message so far with `complete` False and `bcc` None (not verified). Feed on to get the whole one.
    `bare` False: only a block with STX counts (where a block check must come, a lost STX may not pass for a list
    without one).
    """

    def __init__(
        self, seven_bit: bool = False, wanted: dict[str, int] | None = None, held: bytes = b"", bare: bool = True
    ) -> None: ...
    def feed(self, data: bytes) -> Message | None:
        """Raises: DecodeError past MAX_BLOCK bytes of one block, and where a list without STX begins within another."""

    def finish(self) -> Message | None:
        """The gap ran out (Incomplete): what is held as a message, or None.

        After STX … ETX without a block check, and after '!' without a line end: complete, bcc None. After anything
        else that has begun: complete False, bcc None, a group not closed yet left out. With parity damage: bcc False.
        """
