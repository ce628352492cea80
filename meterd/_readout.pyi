"""IEC 62056-21 messages (clauses 5 and 6): bytes to lines, blocks, data sets and commands. See `_readout.pyx`.

Which decoder when (a conversation, i.e. the reading side):
- after the request `/?…!`: `IdentificationDecoder` → bytes, the line without its end;
- after the acknowledgement in read-out mode, and for modes A and B: `ReadoutDecoder` → `Message`;
- in programming mode, both roles: `ProgrammingDecoder` → `Message`.

A decoder keeps what follows its frame. Where the next message needs another decoder (mode A sends identification and
data in one breath) hand it on: `ReadoutDecoder(held=identification_decoder.take_rest())`; the next `feed`, even of
b'', starts with those bytes.
"""

MAX_BLOCK: int  # bytes of one block; a longer one raises DecodeError
MAX_LINE: int  # bytes of one identification line, from '/' to its line end

DataSet = tuple[str | None, str | None, int, str, str | None]
"""(address, effective_address, index, value, unit), all text latin-1.

address: text before '(' without blanks around it; None if the group follows another or begins a line.
effective_address: the last address seen, None before the first.
index: 0, 1, 2… counted over all groups of the block under that effective address, printed again or not.
value: characters between '(' and the first '*' or ')', exactly as sent. unit: those after that '*', or None.
"""

class Message:
    """One block or control character, whatever its verdict. Immutable."""

    @property
    def command(self) -> bytes:
        """b'' for a data block; the command after SOH (b'P0', b'R1', b'B0'); b'\\x06' for ACK, b'\\x15' for NAK."""

    @property
    def text(self) -> bytes:
        """What stands between STX and ETX or EOT (without STX: the data lines up to and with the line of the '!')."""

    @property
    def bcc(self) -> bool | None:
        """True: block check right. False: it is wrong, or a character had bad parity. None: there is none."""

    @property
    def partial(self) -> bool:
        """Ended by EOT: acknowledge, and a further block follows."""

    @property
    def complete(self) -> bool:
        """False: given before its end, because all that is wanted was seen or because `finish` was called."""

    @property
    def data_sets(self) -> list[DataSet]:
        """The data sets of `text`, in order."""

class _Decoder:
    """What the three decoders share: `meterd.conversation.Decoder`, see there."""

    @property
    def pending(self) -> int: ...
    @property
    def missing(self) -> int: ...
    @property
    def discarded(self) -> int: ...
    @property
    def reason(self) -> str: ...
    def reset(self) -> None: ...
    def take_rest(self) -> bytes:
        """The bytes held beyond the last frame, for the decoder of the next message; this one forgets them."""

class IdentificationDecoder(_Decoder):
    """Finds `/XXXZ…` ended by CR LF or bare LF; frame = the line from '/' on, without its end.

    Noise, NULs, echoes (`/?…!`), lines without '/' and lines with parity damage are discarded.
    """

    def __init__(self, held: bytes = b"") -> None: ...
    def feed(self, data: bytes) -> bytes | None: ...

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
        """Raises: DecodeError past MAX_BLOCK bytes of one block."""

    def finish(self) -> Message | None:
        """The gap ran out (Incomplete): what is held as a message, or None.

        After STX … ETX without a block check, and after '!' without a line end: complete, bcc None. After anything
        else that has begun: complete False, bcc None, a group not closed yet left out. With parity damage: bcc False.
        """

class ProgrammingDecoder(_Decoder):
    """Finds one message of programming mode: SOH command [STX data] ETX/EOT BCC, STX data ETX/EOT BCC, ACK or NAK.

    An error message is an ordinary data block: text b'(ER05)'. ACK followed by an option select (`06 30 35 31 0D 0A`,
    an echo or the host's sign-on) is told from a bare ACK by what follows in the same feed, and discarded.
    """

    def __init__(self, seven_bit: bool = False, held: bytes = b"") -> None: ...
    def feed(self, data: bytes) -> Message | None:
        """Raises: DecodeError past MAX_BLOCK bytes of one block."""

def parse_readout(block: bytes) -> list[DataSet]:
    """The data sets of a block of text. Never raises: a line that breaks the grammar costs only itself.

    Identification lines ('/' at line start) are left out, '!' outside parentheses ends the block, lines end with CR LF
    or bare LF, blanks around an address are dropped, units start after the first '*'.
    """
