"""M-Bus dates and times (EN 13757-3 annex A) as ISO 8601 text, local to the meter where the type tells no time zone.

The problem: four layouts of packed bits, and one in BCD, told apart by their size. Assumption: the caller has checked
that the bytes are there. Dirt it must survive: unset dates (all zero or all one), months of 15 ("every month"), 31
February.
"""

from cpython.unicode cimport PyUnicode_DecodeLatin1

cdef enum:
    PRINTED = 32            # room for one ISO 8601 time

# Of times in BCD: what each part is at most, from the second to the year; how far so many parts are printed.
cdef unsigned char *MOST_BCD = [0x59, 0x59, 0x23, 0x31, 0x12, 0x99]
cdef unsigned char *PRINTED_BCD = [0, 0, 7, 10, 16, 16, 19]

cdef int *MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


cdef inline void put_digits(char *text, int number, int digits) noexcept:
    while digits > 0:
        digits -= 1
        text[digits] = <char>(48 + number % 10)
        number //= 10


cdef bint print_date(char *text, int year, int month, int day) noexcept:
    cdef int days
    if month < 1 or month > 12 or day < 1:
        return False
    days = MONTH_DAYS[month - 1]
    if month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        days = 29
    if day > days:
        return False
    put_digits(text, year, 4)
    text[4] = 45    # -
    put_digits(text + 5, month, 2)
    text[7] = 45
    put_digits(text + 8, day, 2)
    return True


cdef bint print_clock(char *text, int hour, int minute, int second) noexcept:
    """hh:mm, with :ss unless `second` is negative."""
    if hour > 23 or minute > 59 or second > 59:
        return False
    put_digits(text, hour, 2)
    text[2] = 58    # :
    put_digits(text + 3, minute, 2)
    if second >= 0:
        text[5] = 58
        put_digits(text + 6, second, 2)
    return True


cdef inline int full_year(int year, int century) noexcept:
    """Annex A, type F: 1900 + 100 centuries + year; old meters leave the century 0 and mean 2000 up to year 80."""
    if year > 99:
        return -1
    if century == 0 and year <= 80:
        return 2000 + year
    return 1900 + 100 * century + year


cdef object printed_time(const unsigned char *data, Py_ssize_t size):
    """Types G (2 bytes), J (3), F (4) and I (6) as ISO 8601, local to the meter; None where none stands."""
    cdef char[PRINTED] text
    cdef const unsigned char *date = data
    cdef int year, century = 0
    if size == 3:
        if not print_clock(text, data[2] & 0x1F, data[1] & 0x3F, data[0] & 0x3F):
            return None
        return PyUnicode_DecodeLatin1(text, 8, NULL)
    if size == 4:
        century = data[1] >> 5 & 3
        date = data + 2
    elif size == 6:
        date = data + 3
    year = full_year(date[0] >> 5 | (date[1] & 0xF0) >> 1, century)
    if year < 0 or not print_date(text, year, date[1] & 0x0F, date[0] & 0x1F):
        return None
    if size == 2:
        return PyUnicode_DecodeLatin1(text, 10, NULL)
    text[10] = 84    # T
    if size == 4:
        if not print_clock(text + 11, data[1] & 0x1F, data[0] & 0x3F, -1):
            return None
        return PyUnicode_DecodeLatin1(text, 16, NULL)
    if not print_clock(text + 11, data[2] & 0x1F, data[1] & 0x3F, data[0] & 0x3F):
        return None
    return PyUnicode_DecodeLatin1(text, 19, NULL)


cdef object printed_bcd_time(const unsigned char *data, Py_ssize_t size):
    """Second, minute, hour, day, month, year of the century, two digits each; shorter ones lack the finer parts."""
    cdef unsigned char[6] part = [0, 0, 0, 1, 1, 0]
    cdef Py_ssize_t at
    if size < 2 or size > 6:
        return None
    for at in range(size):
        if data[at] & 0x0F > 9 or data[at] > MOST_BCD[6 - size + at]:
            return None
        part[6 - size + at] = <unsigned char>(data[at] - 6 * (data[at] >> 4))
    # As type I has them: the year in the bits above day and month.
    part[3] |= <unsigned char>((part[5] & 7) << 5)
    part[4] |= <unsigned char>(part[5] >> 3 << 4)
    text = printed_time(part, 6)
    return None if text is None else (<str>text)[:PRINTED_BCD[size]]
