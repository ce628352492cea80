"""Messages of IEC 62056-21, their block check, and how their decoders go through what is held."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from ._crc cimport sum_of, xor_of
from ._decoder cimport FrameDecoder, as_shown, drop, hold, let_go
from ._input cimport left
from ._readout cimport BLOCK_LIMIT, EOT, LINE_LIMIT, has_damage

from ._readout_block import parse_readout
from .errors import DecodeError

cdef enum:
    READOUT_HELD_LIMIT = 1048576    # bytes kept for a reader who does not collect its messages

MAX_BLOCK = BLOCK_LIMIT
MAX_LINE = LINE_LIMIT

NO_START = "no start of a message"

cdef str NO_LIST_END = "a list without its end"
cdef str TOO_LONG = "a block without end"


@cython.final
@cython.no_gc
@cython.freelist(4)
cdef class Message:
    def __init__(self):
        raise TypeError("messages come out of a decoder")

    @property
    def sum_fits(self):
        # Most meters have a block check, and of theirs nobody asks: adding a list up costs half of what its check does.
        cdef const unsigned char *text = <const unsigned char *>PyBytes_AS_STRING(self.text)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.text)
        cdef unsigned int width
        if self._text_sum < 0:
            return False
        width = 0xFF if has_damage(text, size) else self._check_width
        return (sum_of(text, size) ^ <unsigned int>self._text_sum) & width == 0

    @property
    def data_sets(self):
        if self._sets is None:
            self._sets = parse_readout(self.text)
        return self._sets

    def __repr__(self):
        return as_shown(self)


cdef Message new_message(bytes command, const unsigned char *text, Py_ssize_t length, object verdict, list sets):
    cdef Message message = Message.__new__(Message)
    message.command = command
    message.text = PyBytes_FromStringAndSize(<const char *>text, length)
    message.bcc = verdict
    message.complete = True
    message._sets = sets
    message._text_sum = -1
    return message


@cython.no_gc
cdef class _Decoder(FrameDecoder):
    """What is held begins where the message at hand does; `_scanned` bytes of it have been looked at."""

    cdef int _begin(self, bytes data) except -1:
        self._restart()
        hold(self, data, READOUT_HELD_LIMIT)
        return 0

    cdef void forget(self) noexcept:
        FrameDecoder.forget(self)
        self._restart()

    def take_rest(self):
        cdef bytes rest = PyBytes_FromStringAndSize(<const char *>self.held.at, left(&self.held))
        let_go(self)
        self._restart()
        return rest

    @property
    def missing(self):
        return 1

    cdef object take_in(self, bytes data):
        if hold(self, data, READOUT_HELD_LIMIT):
            self._restart()
        while self._scanned < left(&self.held):
            found = self._step()
            if found is not None:
                return found
        return None

    cdef void _restart(self) noexcept:
        """Forget the message at hand; the next one is sought in what is held."""
        self._scanned = 0

    cdef object _step(self):
        """Look at what is not scanned: a message that is whole, or None, when more has been scanned or used up."""
        self._scanned = left(&self.held)
        return None

    cdef void _use(self, Py_ssize_t count) noexcept:
        """The first `count` bytes held are done with; what follows is looked at afresh."""
        self.held.at += count
        self._scanned = 0

    cdef void _drop(self, Py_ssize_t count, str reason) noexcept:
        drop(self, count, reason)
        self._scanned = 0

    cdef int _begun_anew(self) except -1:
        self._drop(self._scanned, NO_LIST_END)
        self._restart()
        raise DecodeError("a list whose end did not come: the next one began within it")

    cdef int _too_long(self) except -1:
        self._drop(self._scanned, TOO_LONG)
        self._restart()
        raise DecodeError(f"a block of more than {BLOCK_LIMIT} bytes")


cdef Message check_block(
    bytes command, const unsigned char *data, Py_ssize_t text_at, Py_ssize_t check_at, bint seven_bit, list sets
):
    """The message whose BCC stands at `check_at`, behind ETX or EOT; `data` begins with its STX or SOH."""
    cdef Message message
    cdef object verdict = xor_of(data + 1, check_at - 1) == data[check_at]
    cdef bint is_damaged = seven_bit and has_damage(data + 1, check_at)
    if is_damaged:
        verdict = False
    message = new_message(command, data + text_at, max(check_at - 1 - text_at, 0), verdict, sets)
    if not is_damaged:
        message._text_sum = sum_but_text(data, text_at, check_at)
        # Behind a converter characters of seven bits come in eight; what of the sum was sent has seven, too.
        message._check_width = 0x7F | data[check_at]
    message.partial = data[check_at - 1] == EOT
    return message


cdef inline int sum_but_text(const unsigned char *data, Py_ssize_t text_at, Py_ssize_t check_at) noexcept:
    """What is left of the check character without all that stands around the text: a few characters."""
    cdef unsigned int others = data[check_at - 1] if text_at < check_at else 0
    while text_at > 1:
        text_at -= 1
        others += data[text_at]
    return <int>(data[check_at] - others & 0xFF)
