"""Identification and programming mode."""

from ._readout_message import Message, _Decoder

class IdentificationDecoder(_Decoder):
    """Finds `/XXXZ…` ended by CR LF or bare LF; frame = the line from '/' on, without its end.

    Noise, NULs, echoes (`/?…!`), lines without '/' and lines with parity damage are discarded.
    """

    def __init__(self, held: bytes = b"") -> None: ...
    def feed(self, data: bytes) -> bytes | None: ...

class ProgrammingDecoder(_Decoder):
    """Finds one message of programming mode: SOH command [STX data] ETX/EOT BCC, STX data ETX/EOT BCC, ACK or NAK.

    An error message is an ordinary data block: text b'(ER05)'. ACK followed by an option select (`06 30 35 31 0D 0A`,
    an echo or the host's sign-on) is told from a bare ACK by what follows in the same feed, and discarded.
    """

    def __init__(self, seven_bit: bool = False, held: bytes = b"") -> None: ...
    def feed(self, data: bytes) -> Message | None:
        """Raises: DecodeError past MAX_BLOCK bytes of one block."""
