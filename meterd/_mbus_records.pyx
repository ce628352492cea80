"""M-Bus application layer: the user data of a telegram to data records.

The problem: records tell their own length through chains of extension bits and length bytes; one wrong step shifts all
that follow.
Assumptions: what a value information block means is looked up in `meanings`, a dict that fills itself
(`meterd.protocols.mbus.vif`): the tables stay readable there, and each block is worked out once. A bus knows
few different blocks and sends them again and again, so they are kept, in a table that cannot grow.
Standard: EN 13757-3 clause 6.3: DIF, DIFE (at most 10), VIF, text of a plain-text VIF, VIFE (at most 10), LVAR, data.
Dirt it must survive: chains without end, LVAR and texts longer than the telegram, filler bytes anywhere, a telegram cut
short. Behind such damage nobody knows where the next record begins, so the rest is one record "damaged"; what stands
before it is whole. Damage in the first record leaves nothing to keep, and is refused.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcmp

from ._input cimport input_of, left, spread, take
from ._mbus_values cimport (
    DAMAGED_RECORD, INSTANTANEOUS, MANUFACTURER_OWN, MORE_TELEGRAMS, RESERVED_FUNCTION, SPECIAL, VARIABLE, Meaning,
    Record,
)

from .errors import DecodeError

cdef enum:
    CHAIN_LIMIT = 10        # DIFE or VIFE in one record (clause 6.3.5)
    EXTENSION = 0x80
    FILLER = 0x2F
    MANUFACTURER_DATA = 0x0F
    MORE_FOLLOW = 0x1F
    PLAIN_TEXT = 0x7C       # VIF (without its extension bit) whose words follow as text
    RESERVED = -1
    CHAINS = 256            # places for blocks of several bytes, behind one for each of a single byte
    KEPT = 2 * CHAINS
    IDENTITY = 8            # identification, manufacturer, version, medium
    LONG_HEADER = 12        # and access number, status, configuration
    KEPT_SIZE = 32          # bytes of a block that is worth keeping; a plain-text VIF may have 250

# Bytes of data for each data field code; of a variable record its LVAR tells them.
cdef Py_ssize_t *DATA_SIZE = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0]

# Value information blocks met so far, and what each means, in places that their bytes tell: found without making an
# object of them. Whose meanings these are.
cdef list KEPT_BLOCKS = [None] * KEPT
cdef list KEPT_MEANINGS = [None] * KEPT
cdef object kept_of = None

MAX_CHAIN = CHAIN_LIMIT


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


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class Telegram:
    def __init__(
        self, list records not None, bytes identity=None, access_number=None, status=None, int configuration=0,
        bint fixed=False,
    ):
        self.records = records
        self.identity = identity
        self.access_number = access_number
        self.status = status
        self.configuration = configuration
        self.fixed = fixed

    @property
    def more_follow(self):
        return bool(self.records) and (<Record>self.records[len(self.records) - 1])._function == MORE_TELEGRAMS


cdef object ends_early(str part):
    return DecodeError(f"the telegram ends inside {part}")


cdef int read_dife(UserData *telegram, Record record) except -1:
    cdef const unsigned char *byte
    cdef int count = 0, more = EXTENSION
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


cdef int read_vib(UserData *telegram) except -1:
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


cdef Meaning meaning_at(const unsigned char *octets, Py_ssize_t size, object meanings):
    """What a value information block means: kept from an earlier record, or looked up."""
    global kept_of
    # Nearly all blocks are one byte; of longer ones two may want the same place, and the later one has it.
    cdef unsigned int slot = octets[0] if size == 1 else CHAINS | spread(octets, size) % CHAINS
    cdef bytes block
    if meanings is not kept_of:
        KEPT_BLOCKS[:] = KEPT_MEANINGS[:] = [None] * KEPT
        kept_of = meanings
    block = <bytes>KEPT_BLOCKS[slot]
    if block is not None and PyBytes_GET_SIZE(block) == size and memcmp(PyBytes_AS_STRING(block), octets, size) == 0:
        return <Meaning>KEPT_MEANINGS[slot]
    block = PyBytes_FromStringAndSize(<const char *>octets, size)
    meaning = <Meaning?>meanings[block]
    if size <= KEPT_SIZE:
        KEPT_MEANINGS[slot] = meaning
        KEPT_BLOCKS[slot] = block
    return meaning


cdef int read_data(UserData *telegram, Record record) except -1:
    cdef const unsigned char *data
    cdef Py_ssize_t size = DATA_SIZE[record._coding]
    if record._coding == VARIABLE:
        data = take(&telegram.rest, 1)
        if data is NULL:
            raise ends_early("a record of variable length")
        record._lvar = data[0]
        size = variable_size(data[0])
        if size == RESERVED:
            raise DecodeError(f"LVAR {data[0]:02X} is reserved, so where its record ends is unknown")
    data = take(&telegram.rest, size)
    if data is NULL:
        raise ends_early("the data of a record")
    record._data = data - telegram.start
    record._end = record._data + size
    record._find(data)
    return 0


cdef Record new_record(bytes source, Py_ssize_t start, int function, int coding):
    cdef Record record = Record.__new__(Record)
    record._source = source
    record._start = record._vib = record._data = start
    record._end = PyBytes_GET_SIZE(source)
    record._function = function
    record._coding = coding
    record._lvar = -1
    return record


cdef Record rest_of_telegram(UserData *telegram, Record record, int dif, meanings):
    """DIF 0F, 1F and the reserved special functions: what follows has no structure known here."""
    if dif == MANUFACTURER_DATA:
        record._function = MANUFACTURER_OWN
    else:
        record._function = MORE_TELEGRAMS if dif == MORE_FOLLOW else RESERVED_FUNCTION
    record.meaning = meanings[b""]
    record._vib = record._data = record._start + 1
    record._find(telegram.rest.at)
    telegram.rest.at = telegram.rest.end
    return record


cdef Record next_record(UserData *telegram, bytes source, object meanings, bint msb_first):
    cdef const unsigned char *start = telegram.rest.at
    cdef int dif = take(&telegram.rest, 1)[0]
    cdef Record record = new_record(source, start - telegram.start, dif >> 4 & 3, dif & 0x0F)
    record._msb_first = msb_first
    if record._coding == SPECIAL:
        return rest_of_telegram(telegram, record, dif, meanings)
    record.storage = dif >> 6 & 1
    if dif & EXTENSION:
        read_dife(telegram, record)
    start = telegram.rest.at
    record._vib = start - telegram.start
    read_vib(telegram)
    record.meaning = meaning_at(start, telegram.rest.at - start, meanings)
    read_data(telegram, record)
    return record


cdef list records_of(bytes data, Py_ssize_t start, object meanings, bint msb_first):
    cdef UserData telegram
    cdef Py_ssize_t begin = start
    cdef list records = []
    telegram.rest = input_of(data)
    telegram.start = telegram.rest.at
    if take(&telegram.rest, start) is NULL:
        return records
    try:
        while left(&telegram.rest):
            if telegram.rest.at[0] == FILLER:
                telegram.rest.at += 1
            else:
                begin = telegram.rest.at - telegram.start
                records.append(next_record(&telegram, data, meanings, msb_first))
    except DecodeError as error:
        if not records:
            raise
        records.append(damaged_rest(data, begin, meanings, str(error)))
    return records


def decode_records(bytes data not None, Py_ssize_t start, meanings, bint msb_first=False):
    if start < 0:
        raise ValueError("start is below 0")
    return records_of(data, start, meanings, msb_first)


cdef Record damaged_rest(bytes source, Py_ssize_t begin, meanings, str why):
    cdef Record record = new_record(source, begin, DAMAGED_RECORD, SPECIAL)
    record.meaning = meanings[b""]
    record._refusal = ("invalid", "bad_frame", why)
    return record


def fixed_record(
    bytes data not None, Py_ssize_t start, Meaning meaning not None, long long storage, bint bcd, bint msb_first,
):
    cdef Record record
    if start < 0 or start > PyBytes_GET_SIZE(data) - 4:
        raise ends_early("a counter")
    record = new_record(data, start, INSTANTANEOUS, 0x0C if bcd else 0x04)
    record._end = start + 4
    record._msb_first = msb_first
    record.meaning = meaning
    record.storage = storage
    record._find(<const unsigned char *>PyBytes_AS_STRING(data) + start)
    return record


def long_telegram(bytes data not None, bint msb_first, meanings, clear_text, key):
    cdef Telegram telegram = Telegram.__new__(Telegram)
    cdef const unsigned char *header = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef unsigned char[IDENTITY] turned
    cdef int at
    if PyBytes_GET_SIZE(data) < LONG_HEADER:
        raise DecodeError(f"the header has {len(data)} of its {LONG_HEADER} bytes")
    for at in range(IDENTITY):
        turned[at] = header[at if not msb_first or at > 5 else 3 - at if at < 4 else 9 - at]
    telegram.identity = PyBytes_FromStringAndSize(<const char *>turned, IDENTITY)
    telegram.access_number = header[8]
    telegram.status = header[9]
    telegram.configuration = header[10] << 8 | header[11] if msb_first else header[10] | header[11] << 8
    if key is None and not telegram.configuration:
        telegram.records = records_of(data, LONG_HEADER, meanings, msb_first)
    else:
        plain = clear_text(data[LONG_HEADER:], telegram.configuration, header[8], telegram.identity, key)
        telegram.records = decode_records(plain, 0, meanings, msb_first)
    return telegram
