"""M-Bus application layer: the user data of a telegram to data records.

The problem: records tell their own length through chains of extension bits and length bytes; one wrong step shifts all
that follow.
Assumptions: what a value information block means is looked up in `meanings`, a dict that fills itself
(`meterd.protocols.mbus.vif`): the tables stay readable there, and each block is worked out once.
Standard: EN 13757-3 clause 6.3: DIF, DIFE (at most 10), VIF, text of a plain-text VIF, VIFE (at most 10), LVAR, data.
Dirt it must survive: chains without end, LVAR and texts longer than the telegram, filler bytes anywhere, a telegram cut
short. Behind such damage nobody knows where the next record begins, so the rest is one record "damaged"; what stands
before it is whole. Damage in the first record leaves nothing to keep, and is refused.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject

from ._input cimport input_of, left, take
from ._mbus_values cimport SPECIAL, VARIABLE, Meaning, Record

from .errors import DecodeError

cdef enum:
    CHAIN_LIMIT = 10        # DIFE or VIFE in one record (clause 6.3.5)
    EXTENSION = 0x80
    FILLER = 0x2F
    MANUFACTURER_DATA = 0x0F
    MORE_FOLLOW = 0x1F
    PLAIN_TEXT = 0x7C       # VIF (without its extension bit) whose words follow as text
    RESERVED = -1

# Bytes of data for each data field code; of a variable record its LVAR tells them.
cdef Py_ssize_t *DATA_SIZE = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0]
cdef tuple FUNCTIONS = ("instantaneous", "maximum", "minimum", "error")

MAX_CHAIN = CHAIN_LIMIT


cdef inline Py_ssize_t reached(Telegram *telegram) noexcept:
    """How far it has been read, from the start of the user data."""
    return telegram.rest.at - telegram.start


cdef inline Py_ssize_t variable_size(int lvar) noexcept:
    """Bytes behind an LVAR (EN 13757-3 table 5), or RESERVED."""
    cdef int low = lvar & 0x0F
    if lvar < 0xC0:
        return lvar
    if lvar < 0xE0:
        return low if low <= 9 else RESERVED
    if lvar < 0xF0:
        return low
    if low < 4:
        return 4 * (low + 4)
    # F4 and F8 as the older editions have them, reals of 4 and 8 bytes; no meter is known to send 32 bytes of binary.
    if low == 4 or low == 8:
        return low
    return 48 if low == 5 else 64 if low == 6 else RESERVED


cdef object ends_early(str part):
    return DecodeError(f"the telegram ends inside {part}")


cdef int read_dib(Telegram *telegram, Record record, int dif) except -1:
    cdef const unsigned char *byte
    cdef int count = 0, more = dif & EXTENSION
    record.function = <str>FUNCTIONS[dif >> 4 & 3]
    record._coding = dif & 0x0F
    record.storage = dif >> 6 & 1
    while more:
        byte = take(&telegram.rest, 1)
        if byte is NULL:
            raise ends_early("a data information block")
        if count == CHAIN_LIMIT:
            raise DecodeError(f"more than {CHAIN_LIMIT} DIFE in one record")
        record.storage |= <long long>(byte[0] & 0x0F) << (1 + 4 * count)
        record.tariff |= (byte[0] >> 4 & 3) << (2 * count)
        record.subunit |= (byte[0] >> 6 & 1) << count
        more = byte[0] & EXTENSION
        count += 1
    return 0


cdef int read_vib(Telegram *telegram) except -1:
    cdef const unsigned char *byte = take(&telegram.rest, 1)
    cdef int count = 0, more
    if byte is NULL:
        raise ends_early("a value information block")
    more = byte[0] & EXTENSION
    if byte[0] & 0x7F == PLAIN_TEXT:
        byte = take(&telegram.rest, 1)
        if byte is NULL or take(&telegram.rest, byte[0]) is NULL:
            raise ends_early("the text of a value information block")
    while more:
        byte = take(&telegram.rest, 1)
        if byte is NULL:
            raise ends_early("a value information block")
        if count == CHAIN_LIMIT:
            raise DecodeError(f"more than {CHAIN_LIMIT} VIFE in one record")
        more = byte[0] & EXTENSION
        count += 1
    return 0


cdef int read_data(Telegram *telegram, Record record) except -1:
    cdef const unsigned char *byte
    cdef Py_ssize_t size = DATA_SIZE[record._coding]
    record._lvar = -1
    if record._coding == VARIABLE:
        byte = take(&telegram.rest, 1)
        if byte is NULL:
            raise ends_early("a record of variable length")
        record._lvar = byte[0]
        size = variable_size(byte[0])
        if size == RESERVED:
            raise DecodeError(f"LVAR {byte[0]:02X} is reserved, so where its record ends is unknown")
    record._data = reached(telegram)
    if take(&telegram.rest, size) is NULL:
        raise ends_early("the data of a record")
    record._end = record._data + size
    return 0


cdef Record rest_of_telegram(Telegram *telegram, Record record, int dif, meanings):
    """DIF 0F, 1F and the reserved special functions: what follows has no structure known here."""
    if dif == MANUFACTURER_DATA:
        record.function = "manufacturer"
    else:
        record.function = "more_follow" if dif == MORE_FOLLOW else "reserved"
    record._coding = SPECIAL
    record._lvar = -1
    record.meaning = meanings[b""]
    record._vib = reached(telegram)
    record._data = reached(telegram)
    record._end = record._data + left(&telegram.rest)
    telegram.rest.at = telegram.rest.end
    return record


cdef Record next_record(Telegram *telegram, Py_ssize_t begin, bytes source, object meanings, bint msb_first):
    cdef Record record = Record.__new__(Record)
    cdef const unsigned char *start
    cdef int dif
    cdef bytes vib
    cdef PyObject *found
    record._source = source
    record._msb_first = msb_first
    record._start = begin
    dif = take(&telegram.rest, 1)[0]
    if dif & 0x0F == SPECIAL:
        return rest_of_telegram(telegram, record, dif, meanings)
    read_dib(telegram, record, dif)
    record._vib = reached(telegram)
    start = telegram.rest.at
    read_vib(telegram)
    vib = PyBytes_FromStringAndSize(<const char *>start, telegram.rest.at - start)
    found = PyDict_GetItem(meanings, vib)
    record.meaning = <Meaning?>(meanings[vib] if found is NULL else <object>found)
    read_data(telegram, record)
    return record


def decode_records(bytes data not None, Py_ssize_t start, meanings, bint msb_first=False):
    cdef Telegram telegram
    cdef Py_ssize_t begin = start
    cdef list records = []
    if start < 0 or not isinstance(meanings, dict):
        raise ValueError("start is below 0, or meanings is no dict")
    telegram.rest = input_of(data)
    telegram.start = telegram.rest.at
    if take(&telegram.rest, start) is NULL:
        return records
    try:
        while left(&telegram.rest):
            if telegram.rest.at[0] == FILLER:
                telegram.rest.at += 1
            else:
                begin = reached(&telegram)
                records.append(next_record(&telegram, begin, data, meanings, msb_first))
    except DecodeError as error:
        if not records:
            raise
        records.append(damaged_rest(data, begin, meanings, str(error)))
    return records


cdef Record damaged_rest(bytes source, Py_ssize_t begin, meanings, str why):
    cdef Record record = Record.__new__(Record)
    record._source = source
    record._start = record._vib = record._data = begin
    record._end = PyBytes_GET_SIZE(source)
    record._lvar = -1
    record._coding = SPECIAL
    record.function = "damaged"
    record.meaning = meanings[b""]
    record._known = True
    record._refuse("invalid", "bad_frame", why)
    return record


def fixed_record(
    bytes data not None, Py_ssize_t start, Meaning meaning not None, long long storage, bint bcd, bint msb_first,
):
    cdef Record record = Record.__new__(Record)
    if start < 0 or start > PyBytes_GET_SIZE(data) - 4:
        raise ends_early("a counter")
    record._source = data
    record._msb_first = msb_first
    record._start = record._vib = record._data = start
    record._end = start + 4
    record._lvar = -1
    record._coding = 0x0C if bcd else 0x04
    record.meaning = meaning
    record.function = "instantaneous"
    record.storage = storage
    return record
