"""M-Bus application layer: the user data of a telegram to data records.

The problem: records tell their own length through chains of extension bits and length bytes; one wrong step shifts all
that follow.
Assumptions: what a value information block means is looked up in `meanings`, a dict that fills itself
(`meterd.protocols.mbus.vif`): the tables stay readable there.
Standard: EN 13757-3 clause 6.3: DIF, DIFE (at most 10), VIF, text of a plain-text VIF, VIFE (at most 10), LVAR, data.
Dirt it must survive: chains without end, LVAR and texts longer than the telegram, filler bytes anywhere, a telegram cut
short. Behind such damage nobody knows where the next record begins, so the rest is one record "damaged"; what stands
before it is whole. Damage in the first record leaves nothing to keep, and is refused.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from ._input cimport Input, input_of, left, take
from ._mbus_values cimport (
    DAMAGED_RECORD, MANUFACTURER_OWN, MORE_TELEGRAMS, RESERVED_FUNCTION, SPECIAL, VARIABLE, Heading, Meaning, Record,
    find_value,
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

# Bytes of data for each data field code; of a variable record its LVAR tells them.
cdef Py_ssize_t *DATA_SIZE = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0]

# What value information blocks of one byte mean, as nearly all are; and whose meanings these are.
cdef list MEANT = [None] * EXTENSION
cdef object meant_of = None

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


cdef object ends_early(str part):
    return DecodeError(f"the telegram ends inside {part}")


cdef int mean_by(object meanings) except -1:
    """Let go what has the meanings of another dict."""
    global meant_of
    if meanings is not meant_of:
        MEANT[:] = [None] * EXTENSION
        meant_of = meanings
    return 0


cdef int skip_chain(Input *rest, int more, bint of_values) except -1:
    """Go behind the DIFE or VIFE that follow where the byte before them has its extension bit set."""
    cdef const unsigned char *byte
    cdef int count = 0
    while more & EXTENSION:
        byte = take(rest, 1)
        if byte is NULL:
            raise ends_early("a value information block" if of_values else "a data information block")
        if count == CHAIN_LIMIT:
            raise DecodeError(f"more than {CHAIN_LIMIT} {'VIFE' if of_values else 'DIFE'} in one record")
        more = byte[0]
        count += 1
    return 0


cdef int skip_vib(Input *rest) except -1:
    cdef const unsigned char *vif = take(rest, 1)
    cdef const unsigned char *byte
    if vif is NULL:
        raise ends_early("a value information block")
    if vif[0] & 0x7F == PLAIN_TEXT:
        byte = take(rest, 1)
        if byte is NULL or take(rest, byte[0]) is NULL:
            raise ends_early("the text of a value information block")
    return skip_chain(rest, vif[0], True)


cdef void read_dib(Heading *heading, const unsigned char *dib) noexcept:
    cdef int count, dife
    heading.function = dib[0] >> 4 & 3
    heading.coding = dib[0] & 0x0F
    heading.lvar = -1
    heading.storage = dib[0] >> 6 & 1
    heading.tariff = heading.subunit = 0
    for count in range(heading.dib - 1):
        dife = dib[1 + count]
        heading.storage |= <long long>(dife & 0x0F) << (1 + 4 * count)
        heading.tariff |= (dife >> 4 & 3) << (2 * count)
        heading.subunit |= (dife >> 6 & 1) << count


cdef Meaning read_heading(Input *rest, Heading *heading, object meanings):
    """All that stands ahead of a record's data."""
    cdef const unsigned char *octets = rest.at
    rest.at += 1
    skip_chain(rest, octets[0], False)
    heading.dib = <unsigned char>(rest.at - octets)
    read_dib(heading, octets)
    skip_vib(rest)
    heading.size = <short>(rest.at - octets)
    octets += heading.dib
    if rest.at - octets > 1:
        return <Meaning?>meanings[octets[:rest.at - octets]]
    if MEANT[octets[0]] is None:
        MEANT[octets[0]] = <Meaning?>meanings[octets[:1]]
    return <Meaning>MEANT[octets[0]]


cdef const unsigned char *take_data(Input *rest, Heading *heading) except NULL:
    cdef const unsigned char *data
    cdef Py_ssize_t size = DATA_SIZE[heading.coding]
    if heading.coding == VARIABLE:
        data = take(rest, 1)
        if data is NULL:
            raise ends_early("a record of variable length")
        heading.lvar = data[0]
        size = variable_size(data[0])
        if size == RESERVED:
            raise DecodeError(f"LVAR {data[0]:02X} is reserved, so where its record ends is unknown")
    data = take(rest, size)
    if data is NULL:
        raise ends_early("the data of a record")
    return data


cdef Record new_record(bytes source, Py_ssize_t start, bint msb_first):
    """With a heading of its own to be filled in, and all behind it as its data."""
    cdef Record record = Record.__new__(Record)
    record._source = source
    record._start = start
    record._end = PyBytes_GET_SIZE(source)
    record._heading.lvar = -1
    record._msb_first = msb_first
    return record


cdef int rest_of_telegram(Record record, int dif, meanings) except -1:
    """DIF 0F, 1F and the reserved special functions: what follows has no structure known here."""
    cdef Heading *heading = &record._heading
    if dif == MANUFACTURER_DATA:
        heading.function = MANUFACTURER_OWN
    else:
        heading.function = MORE_TELEGRAMS if dif == MORE_FOLLOW else RESERVED_FUNCTION
    heading.coding = SPECIAL
    heading.dib = heading.size = 1
    record.meaning = meanings[b""]
    return 0


cdef Record next_record(Input *rest, bytes source, object meanings, bint msb_first):
    cdef const unsigned char *start = <const unsigned char *>PyBytes_AS_STRING(source)
    cdef const unsigned char *data
    cdef Record record = new_record(source, rest.at - start, msb_first)
    if rest.at[0] & 0x0F == SPECIAL:
        rest_of_telegram(record, rest.at[0], meanings)
        data = rest.at + 1
        rest.at = rest.end
    else:
        record.meaning = read_heading(rest, &record._heading, meanings)
        data = take_data(rest, &record._heading)
        record._end = rest.at - start
    find_value(record, data)
    return record


cdef list records_of(bytes data, Py_ssize_t start, object meanings, bint msb_first):
    cdef Input rest = input_of(data)
    cdef const unsigned char *begin = rest.at
    cdef list records = []
    mean_by(meanings)
    if take(&rest, start) is NULL:
        return records
    try:
        while left(&rest):
            begin = rest.at
            if begin[0] == FILLER:
                rest.at += 1
            else:
                records.append(next_record(&rest, data, meanings, msb_first))
    except DecodeError as error:
        if not records:
            raise
        start = begin - <const unsigned char *>PyBytes_AS_STRING(data)
        records.append(damaged_rest(data, start, meanings, str(error)))
    return records


def decode_records(bytes data not None, Py_ssize_t start, meanings, bint msb_first=False):
    if start < 0:
        raise ValueError("start is below 0")
    return records_of(data, start, meanings, msb_first)


cdef Record damaged_rest(bytes source, Py_ssize_t begin, meanings, str why):
    cdef Record record = new_record(source, begin, False)
    record._heading.function = DAMAGED_RECORD
    record._heading.coding = SPECIAL
    record.meaning = meanings[b""]
    record._refusal = ("invalid", "bad_frame", why)
    return record


def fixed_record(
    bytes data not None, Py_ssize_t start, Meaning meaning not None, long long storage, bint bcd, bint msb_first,
):
    cdef Record record
    if start < 0 or start > PyBytes_GET_SIZE(data) - 4:
        raise ends_early("a counter")
    record = new_record(data, start, msb_first)
    record._end = start + 4
    record._heading.coding = 0x0C if bcd else 0x04
    record._heading.storage = storage
    record.meaning = meaning
    find_value(record, <const unsigned char *>PyBytes_AS_STRING(data) + start)
    return record
