"""M-Bus records, DIF and VIF in words, and what an encrypted telegram holds (EN 13757-3 clause 6, EN 13757-7 7.6).

The decoder of the daemon finds the records and their values; here each is told in its parts.
"""

from __future__ import annotations

from .._mbus_records import decode_records, fixed_record
from ..errors import DecodeError, MeterdError
from ..protocols.mbus.encryption import AES_CBC, UNSUPPORTED, clear_text, encrypted_size, mode_of
from ..protocols.mbus.vif import MEANINGS, fixed_meaning
from .page import PACKED, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._mbus_values import Record
    from .known import Known

NUMBERS = ("fabrication number", "identification")
FILLER = b"\x2f"
FIELDS = (
    "no data", "8 bit", "16 bit", "24 bit", "32 bit", "real, 32 bit", "48 bit", "64 bit", "to be read out",
    "BCD, 2 digits", "BCD, 4 digits", "BCD, 6 digits", "BCD, 8 digits", "variable length", "BCD, 12 digits",
    "special function",
)  # fmt: skip
ENDS = {
    "manufacturer": "the maker's own data, to the end (6.4)",
    "more_follow": "more records follow in the next telegram (6.4)",
    "reserved": "a special function of no table",
}


def protection(configuration: int) -> str:
    mode = mode_of(configuration)
    if mode == AES_CBC and encrypted_size(configuration):
        return f"encrypted, mode 5 (AES-128-CBC), {encrypted_size(configuration)} bytes"
    if mode in UNSUPPORTED:
        return f"encrypted, mode {mode}"
    return "not encrypted" if not configuration else f"{configuration:04X}, not encrypted"


def explain(
    walk: Walk, known: Known, configuration: int, access: int, identity: bytes | None, msb_first: bool = False
) -> None:
    """The records behind a header. Raises: CutShort."""
    mode, size = mode_of(configuration), encrypted_size(configuration)
    if mode in UNSUPPORTED:
        walk.take(walk.left, f"encrypted in mode {mode}, which is not opened here")
        return
    if mode != AES_CBC or not size:
        plain(walk, msb_first)
        return
    sealed = walk.look(size)
    walk.take(size, f"encrypted, {size} bytes")
    if not known.key:
        walk.note("no key was given (--key), so what is inside stays unknown")
    else:
        try:
            opened = clear_text(sealed, configuration, access, identity, known.key)
        except MeterdError as error:
            walk.note(f"{error}", True)
        else:
            walk.note(f"deciphered, {len(opened)} bytes:")
            walk.page.derived(opened, walk.depth + 1).whole(lambda inner: plain(inner, msb_first))
    if walk.left:
        plain(walk, msb_first)


def plain(walk: Walk, msb_first: bool) -> None:
    """Records that are not encrypted, to the end."""
    if not walk.left:
        return
    rest = walk.look(walk.left)
    try:
        records = decode_records(rest, 0, MEANINGS, msb_first)
    except DecodeError as error:
        _fillers(walk)
        walk.take(walk.left, f"no record can be read: {error}", True)
        return
    for record in records:
        _fillers(walk)
        _record(walk, record)
    _fillers(walk)


def _fillers(walk: Walk) -> None:
    size = 0
    while walk.look(1, size) == FILLER:
        size += 1
    if size:
        walk.take(size, "filler" if size == 1 else f"{size} fillers")


def _record(walk: Walk, record: Record) -> None:
    if record.function == "damaged":
        walk.take(len(record.raw), f"damaged: {record.remark}", True)
        return
    if record.function in ENDS:
        dif = len(record.raw) - len(record.data)
        walk.take(dif, f"DIF {record.raw[:1].hex().upper()}: {ENDS[record.function]}")
        if record.data:
            walk.take(len(record.data), f"{len(record.data)} bytes")
        return
    meaning = record.meaning
    words = ", ".join((meaning.quantity, *meaning.qualifiers))
    walk.note(f"record: {words} = {value_words(record)}")
    walk.depth += 1
    walk.take(len(record.dib), lambda found: f"DIF {found.hex(' ').upper()}: {_dib_words(record)} (6.3)")
    unit = f", in 10^{meaning.exponent} {meaning.unit}" if meaning.unit else ""
    walk.take(len(record.vib), lambda found: f"VIF {found.hex(' ').upper()}: {words}{unit} (6.4)")
    lvar = len(record.raw) - len(record.dib) - len(record.vib) - len(record.data)
    if lvar:
        walk.take(lvar, lambda found: f"LVAR: length {found[0]:02X}")
    if record.data:
        walk.take(len(record.data), value_words(record), kind=PACKED if meaning.quantity in NUMBERS else "")
    walk.depth -= 1


def _dib_words(record: Record) -> str:
    parts = [record.function, FIELDS[record.dib[0] & 0x0F]]
    parts += [f"storage {record.storage}"] if record.storage else []
    parts += [f"tariff {record.tariff}"] if record.tariff else []
    parts += [f"subunit {record.subunit}"] if record.subunit else []
    return ", ".join(parts)


def value_words(record: Record) -> str:
    if record.quality != "good":
        return record.remark or record.reason or "no value"
    return f"{record.value}{f' {record.unit}' if record.unit else ''}"


def fixed_words(data: bytes, unit: int, status: int, msb_first: bool) -> str:
    meaning = fixed_meaning(unit)
    try:
        record = fixed_record(data, 0, meaning, 0, not status & 1, msb_first)
    except DecodeError as error:
        return str(error)
    return f"counter: {meaning.quantity} = {value_words(record)}"
