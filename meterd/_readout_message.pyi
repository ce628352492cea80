"""Messages of IEC 62056-21."""

from ._decoder import FrameDecoder
from ._readout_block import DataSet

MAX_BLOCK: int  # bytes of one block; a longer one raises DecodeError
MAX_LINE: int  # bytes of one identification line, from '/' to its line end

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
    def sum_fits(self) -> bool:
        """Whether the check character is the sum of the others, as some makers have it."""

    @property
    def partial(self) -> bool:
        """Ended by EOT: acknowledge, and a further block follows."""

    @property
    def complete(self) -> bool:
        """False: given before its end, because all that is wanted was seen or because `finish` was called."""

    @property
    def data_sets(self) -> list[DataSet]:
        """The data sets of `text`, in order."""

class _Decoder(FrameDecoder):
    """What the decoders of IEC 62056-21 have besides."""

    def take_rest(self) -> bytes:
        """The bytes held beyond the last frame, for the decoder of the next message; this one forgets them."""
