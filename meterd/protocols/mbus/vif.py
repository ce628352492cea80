"""What a value information block means: quantity, unit, power of ten, and how its data is coded.

The problem: VIF, extension tables and up to ten VIFE each change a part of the meaning of the data behind them.
Assumption: a bus knows few different blocks, so each is worked out once and kept (`MEANINGS`).
Standard: EN 13757-3 clause 6.4, tables in `vif_tables`.
Dirt it must survive: codes of no table (the number stays, its quantity says which code it was), VIFE of a manufacturer,
powers of ten heaped up by a chain of VIFE.
"""

from __future__ import annotations

from ..._mbus_values import OCTETS, SIGNED, TIME, UNSIGNED, Meaning
from ..._number import MAX_EXPONENT
from . import vif_tables as tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_MEANINGS = 512  # blocks kept; a bus has some dozens, an attacker any number
MANUFACTURER = "manufacturer specific"


def _table(
    series: tuple[tuple[int, int, str, str | None, int], ...],
    durations: tuple[tuple[int, str], ...] = (),
    single: dict[int, tuple[str, str | None, int]] | None = None,
    long_durations: dict[int, tuple[str, str, int]] | None = None,
) -> dict[int, dict[str, Any]]:
    """Code (7 bits) → columns of a Meaning."""
    rows: dict[int, dict[str, Any]] = {}
    for first, count, quantity, unit, exponent in series:
        for step in range(count):
            rows[first + step] = {"quantity": quantity, "unit": unit, "exponent": exponent + step}
    for first, quantity in durations:
        for step, factor in enumerate(tables.DURATION_FACTORS):
            rows[first + step] = {"quantity": quantity, "unit": "s", "factor": factor}
    for code, (quantity, unit, kind) in (single or {}).items():
        rows[code] = {"quantity": quantity, "unit": unit, "kind": kind}
    for code, (quantity, unit, factor) in (long_durations or {}).items():
        rows[code] = {"quantity": quantity, "unit": unit, "factor": factor}
    return rows


PRIMARY = _table(tables.PRIMARY_SERIES, tables.PRIMARY_DURATIONS, tables.PRIMARY_SINGLE)
FB = _table(tables.FB_SERIES)
FD = _table(tables.FD_SERIES, tables.FD_DURATIONS, tables.FD_SINGLE, tables.FD_LONG_DURATIONS)
_FIXED = _table(tables.FIXED_SERIES)
_DURATION_WORDS = {
    first + step: (words, factor)
    for first, words in tables.VIFE_DURATIONS
    for step, factor in enumerate(tables.DURATION_FACTORS)
}


def quantities() -> tuple[str, ...]:
    """Every quantity that the tables name, in their order."""
    rows = (*PRIMARY.values(), *FB.values(), *FD.values())
    return (*dict.fromkeys(row["quantity"] for row in rows), "alarm", MANUFACTURER)


def fixed_meaning(code: int) -> Meaning:
    """What a unit code (0..63) of the fixed data structure means."""
    return Meaning(**_FIXED.get(code, {"quantity": f"unknown unit {code:02X}"}))


def meaning_of(vib: bytes) -> Meaning:
    """What a value information block means; `vib` is whole: VIF, text of a plain-text VIF, VIFE. b"" is no VIF."""
    if not vib:
        return Meaning(MANUFACTURER)
    columns, chain = _primary(vib)
    columns["qualifiers"] = ()
    while chain and "error" not in columns:
        code, chain = chain[0] & 0x7F, chain[1:]
        if code == 0x7F:
            # Whatever follows is the manufacturer's own.
            columns["qualifiers"] += (f"{MANUFACTURER} {chain.hex(' ').upper()}".rstrip(),)
            break
        if code == 0x7C and chain:
            code, chain = chain[0] & 0x7F, chain[1:]
            columns["qualifiers"] += (tables.VIFE_FC_WORDS.get(code, f"VIFE FC {code:02X}"),)
            continue
        _apply(columns, code)
    if abs(columns.get("exponent", 0)) > MAX_EXPONENT - 3:
        columns["error"] = ("invalid", "type", "VIFE heap up a power of ten beyond all measure")
        columns["exponent"] = 0
    return Meaning(**columns)


def split(vib: bytes) -> tuple[bytes, bytes]:
    """The VIF with its extension tables or text, and the VIFE behind it."""
    _, chain = _primary(vib)
    return vib[: len(vib) - len(chain)], chain


def _primary(vib: bytes) -> tuple[dict[str, Any], bytes]:
    """Columns that the VIF (with its extension table) sets, and the VIFE behind it."""
    vif, code = vib[0], vib[0] & 0x7F
    if code == 0x7C:
        # The text is sent last character first; it is the unit, and the only name that the quantity has.
        end = 2 + vib[1]
        text = vib[2:end][::-1].decode("latin-1")
        return {"quantity": text, "unit": text}, vib[end:]
    if code == 0x7F:
        rest = vib[1:].hex(" ").upper()
        return {"quantity": f"{MANUFACTURER} {rest}".rstrip()}, b""
    if vib[:2] == b"\xfd\xfd" and len(vib) > 2:
        # The second level of the table: its code is no VIFE (EN 13757-3:2018), and what it means is not known here.
        return {"quantity": f"unknown VIF FD FD {vib[2] & 0x7F:02X}"}, vib[3:]
    if vif in (0xFB, 0xFD) and len(vib) > 1:
        row = (FB if vif == 0xFB else FD).get(vib[1] & 0x7F)
        return dict(row or {"quantity": f"unknown VIF {vif:02X} {vib[1] & 0x7F:02X}"}), vib[2:]
    if vif == 0xEF:
        # The third extension table is reserved: its codes are not VIFE.
        return {"quantity": f"unknown VIF {vib.hex(' ').upper()}"}, b""
    row = PRIMARY.get(code)
    return dict(row or {"quantity": f"unknown VIF {code:02X}"}), vib[1:]


def _apply(columns: dict[str, Any], code: int) -> None:
    """Change the meaning by one VIFE (without its extension bit)."""
    if code in tables.VIFE_ERRORS:
        columns["error"] = tables.VIFE_ERRORS[code]
    elif 0x70 <= code <= 0x77:
        columns["exponent"] = columns.get("exponent", 0) + code - 0x76
    elif 0x78 <= code <= 0x7B:
        columns["offset"] = code - 0x7B
    elif code == 0x7D:
        columns["exponent"] = columns.get("exponent", 0) + 3
    elif code in tables.VIFE_UNITS:
        columns["unit"] = (columns.get("unit") or "1") + tables.VIFE_UNITS[code]
    elif code in _DURATION_WORDS:
        words, factor = _DURATION_WORDS[code]
        columns.update(unit="s", exponent=0, factor=factor, offset=None, kind=UNSIGNED)
        columns["qualifiers"] += (words,)
    elif code in tables.VIFE_TIMES:
        columns.update(unit=None, exponent=0, factor=1, offset=None, kind=TIME)
        columns["qualifiers"] += (tables.VIFE_TIMES[code],)
    else:
        if code in tables.VIFE_OCTETS:
            columns["kind"] = OCTETS
        elif code in tables.VIFE_COUNTS:
            columns.update(unit=None, exponent=0, factor=1, offset=None, kind=SIGNED)
        _qualify(columns, code)


def _qualify(columns: dict[str, Any], code: int) -> None:
    if code:
        columns["qualifiers"] += (tables.VIFE_WORDS.get(code, f"VIFE {code:02X}"),)


class Meanings(dict[bytes, Meaning]):
    """Value information blocks met so far; an unknown one is worked out and kept."""

    def __missing__(self, vib: bytes) -> Meaning:
        if len(self) >= MAX_MEANINGS:
            self.clear()
        meaning = self[vib] = meaning_of(vib)
        return meaning


MEANINGS = Meanings()
