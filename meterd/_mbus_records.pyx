"""M-Bus application layer: the user data of a telegram to data records.

The problem: records tell their own length through chains of extension bits and length bytes; one wrong step shifts all
that follow.
Assumptions: what a value information block means is looked up in `meanings`, a dict that fills itself
(`meterd.protocols.mbus.vif`): the tables stay readable there. A meter sends the same records again and again, and all
meters of a kind the same ones, with other values. So the records of a telegram in the clear are kept: the next one
whose octets are the same, but for those of values, is cut as it was, and a record that nobody holds any more gets its
new value where it lies. At most 128 kinds of up to 64 records; of a meter that sends twelve this is about 2 kB.
Standard: EN 13757-3 clause 6.3: DIF, DIFE (at most 10), VIF, text of a plain-text VIF, VIFE (at most 10), LVAR, data.
Dirt it must survive: chains without end, LVAR and texts longer than the telegram, filler bytes anywhere, a telegram cut
short. Behind such damage nobody knows where the next record begins, so the rest is one record "damaged"; what stands
before it is whole. Damage in the first record leaves nothing to keep, and is refused.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.ref cimport Py_REFCNT
from libc.string cimport memcmp

from ._input cimport Input, input_of, left, spread, take
from ._mbus cimport MbusFrame
from ._mbus_values cimport (
    DAMAGED_RECORD, HELD_HERE, MANUFACTURER_OWN, MORE_TELEGRAMS, RESERVED_FUNCTION, SPECIAL, VARIABLE, Heading,
    Meaning, Record, data_at, find_value,
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
    KINDS = 128             # of telegrams, whose records are kept
    PROBES = 4              # places where one kind may be
    KEPT_RECORDS = 64       # of one telegram; of a longer one none
    IDENTITY = 8            # identification, manufacturer, version, medium
    MANUFACTURER = 4        # where in it version and medium follow
    LONG_HEADER = 12        # and access number, status, configuration
    LONG_ANSWER = 0x72
    LONG_ANSWER_MSB = 0x76  # the same, multi-byte values turned round

# Bytes of data for each data field code; of a variable record its LVAR tells them.
cdef Py_ssize_t *DATA_SIZE = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0]

# Where each octet of the identity stands in mode 2 (CI 76).
cdef unsigned char *TURNED = [3, 2, 1, 0, 5, 4, 6, 7]

# Records of telegrams met before, in places that manufacturer, version, medium and size tell; what value information
# blocks of one byte mean, as nearly all are; and whose meanings these are.
cdef list KEPT = [None] * KINDS
cdef list MEANT = [None] * EXTENSION
cdef object kept_of = None

# Of the protocol, as it told `know`: what blocks mean, how a telegram is decrypted, what else a frame may hold.
cdef object known = None, plain_of = None, otherwise = None

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
        return last_function(self.records) == MORE_TELEGRAMS


cdef int last_function(list records) noexcept:
    """The function of the last record; that of damage where there is none."""
    if not records:
        return DAMAGED_RECORD
    return (<Record>records[len(records) - 1])._heading.function


cdef object ends_early(str part):
    return DecodeError(f"the telegram ends inside {part}")


cdef int keep_for(object meanings) except -1:
    """Let go what has the meanings of another dict."""
    global kept_of
    if meanings is not kept_of:
        KEPT[:] = [None] * KINDS
        MEANT[:] = [None] * EXTENSION
        kept_of = meanings
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
    keep_for(meanings)
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


cdef bint alike(list records, bytes data, bint msb_first):
    """Whether all octets of `data` but those of values are as they were in the telegram of `records`.

    The octets ahead of a record's data (fillers, DIF to VIFE, LVAR) tell where the data end, so both are cut alike.
    """
    cdef const unsigned char *octets = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef const unsigned char *former = NULL
    cdef Py_ssize_t start = LONG_HEADER
    cdef Record record = <Record>records[0]
    if PyBytes_GET_SIZE(record._source) != PyBytes_GET_SIZE(data) or record._msb_first != msb_first:
        return False
    for record in records:
        former = <const unsigned char *>PyBytes_AS_STRING(record._source)
        if memcmp(former + start, octets + start, data_at(record) - start) != 0:
            return False
        start = record._end
    return memcmp(former + start, octets + start, PyBytes_GET_SIZE(data) - start) == 0


cdef list filled_anew(list records, bytes data):
    """The same records with the values of `data`; one that somebody still holds is left to him as it is."""
    cdef const unsigned char *octets = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef Record former, record
    cdef Py_ssize_t place
    for place in range(len(records)):
        former = <Record>records[place]
        if Py_REFCNT(former) > HELD_HERE:
            record = new_record(data, former._start, former._msb_first)
            record._end = former._end
            record._heading = former._heading
            record.meaning = former.meaning
            records[place] = former = record
        former._source = data
        former._refusal = None
        find_value(former, octets + data_at(former))
        if former._refusal is not None:
            former.value = None  # what it was before
    return records[:]


cdef list records_of_kind(bytes data, object meanings, bint msb_first):
    """Cut as an earlier telegram was where both are alike; otherwise octet by octet."""
    cdef const unsigned char *header = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef unsigned int home = spread(header + MANUFACTURER, 4) + <unsigned int>PyBytes_GET_SIZE(data)
    cdef unsigned int place
    cdef int probe
    cdef list records
    for probe in range(PROBES):
        place = (home + probe) % KINDS
        records = <list>KEPT[place]
        if records is None:
            break
        if alike(records, data, msb_first):
            return filled_anew(records, data)
    else:
        place = home % KINDS
    records = records_of(data, LONG_HEADER, meanings, msb_first)
    if len(records) <= KEPT_RECORDS and last_function(records) < DAMAGED_RECORD:
        KEPT[place] = records[:]
    return records


def know(meanings, clear_text, other_layout):
    global known, plain_of, otherwise
    known = meanings
    plain_of = clear_text
    otherwise = other_layout


def decode_telegram(MbusFrame frame not None, key=None, identity=None):
    cdef Telegram telegram
    cdef bytes data = frame.data
    cdef const unsigned char *header = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef unsigned char[IDENTITY] turned
    cdef bint msb_first = frame.ci == LONG_ANSWER_MSB
    cdef int at
    if frame.ci != LONG_ANSWER and not msb_first:
        return otherwise(frame, key, identity)
    if PyBytes_GET_SIZE(data) < LONG_HEADER:
        raise DecodeError(f"the header has {len(data)} of its {LONG_HEADER} bytes")
    keep_for(known)
    telegram = Telegram.__new__(Telegram)
    if msb_first:
        for at in range(IDENTITY):
            turned[at] = header[TURNED[at]]
        telegram.identity = PyBytes_FromStringAndSize(<const char *>turned, IDENTITY)
        telegram.configuration = header[10] << 8 | header[11]
    else:
        telegram.identity = PyBytes_FromStringAndSize(<const char *>header, IDENTITY)
        telegram.configuration = header[10] | header[11] << 8
    telegram.access_number = header[8]
    telegram.status = header[9]
    if key is None and not telegram.configuration:
        telegram.records = records_of_kind(data, known, msb_first)
    else:
        plain = plain_of(data[LONG_HEADER:], telegram.configuration, header[8], telegram.identity, key)
        telegram.records = records_of(plain, 0, known, msb_first)
    return telegram
