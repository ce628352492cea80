"""The name of an OBIS code: IEC 62056-61 and DLMS UA Blue Book for electricity and abstract objects, EN 13757-1 for
heat, cold, gas, water and heat cost allocators.

The problem: a code is six numbers, of which most meters print the middle three; the names are a grid of a few words
rather than a list.
Assumptions: a short code is electricity's, or abstract where it begins with a letter (C.1.0); two numbers are C.D.
Dirt it must survive: any text (no code has no name); codes of a manufacturer (128 and above); codes that a meter uses
its own way, found out by the unit that came with the value.
"""

from __future__ import annotations

from . import quantities as q
from .quantities import Name, capital, fits

LETTERS = {"C": 96, "F": 97, "L": 98, "P": 99}
ANY_TARIFF, CURRENT_PERIOD = 0, 255
ABSTRACT, ELECTRICITY, ALLOCATOR, COOLING, HEAT, GAS, COLD_WATER, HOT_WATER = 0, 1, 4, 5, 6, 7, 8, 9

# Group C of electricity, all phases together: code: (word before the quantity, kind of its power, direction).
ELECTRICAL: dict[int, tuple[str, str, str]] = {
    1: ("active {} import", q.POWER, q.IMPORT),
    2: ("active {} export", q.POWER, q.EXPORT),
    3: ("reactive {} import", q.REACTIVE_POWER, q.IMPORT),
    4: ("reactive {} export", q.REACTIVE_POWER, q.EXPORT),
    5: ("reactive {} quadrant 1", q.REACTIVE_POWER, q.IMPORT),
    6: ("reactive {} quadrant 2", q.REACTIVE_POWER, q.IMPORT),
    7: ("reactive {} quadrant 3", q.REACTIVE_POWER, q.EXPORT),
    8: ("reactive {} quadrant 4", q.REACTIVE_POWER, q.EXPORT),
    9: ("apparent {} import", q.APPARENT_POWER, q.IMPORT),
    10: ("apparent {} export", q.APPARENT_POWER, q.EXPORT),
    11: ("current", q.CURRENT, q.NO_DIRECTION),
    12: ("voltage", q.VOLTAGE, q.NO_DIRECTION),
    13: ("power factor", q.POWER_FACTOR, q.NO_DIRECTION),
    14: ("frequency", q.FREQUENCY, q.NO_DIRECTION),
    15: ("active {} both directions", q.POWER, q.NO_DIRECTION),
    16: ("active {} net", q.POWER, q.NET),
    17: ("active {} quadrant 1", q.POWER, q.IMPORT),
    18: ("active {} quadrant 2", q.POWER, q.EXPORT),
    19: ("active {} quadrant 3", q.POWER, q.EXPORT),
    20: ("active {} quadrant 4", q.POWER, q.IMPORT),
    90: ("current of all phases", q.CURRENT, q.NO_DIRECTION),
    91: ("current neutral", q.CURRENT, q.NO_DIRECTION),
    92: ("voltage neutral", q.VOLTAGE, q.NO_DIRECTION),
}
ENERGY_OF = {
    q.POWER: q.ENERGY,
    q.REACTIVE_POWER: q.REACTIVE_ENERGY,
    q.APPARENT_POWER: q.APPARENT_ENERGY,
}
# Group D. Of time integrals: words behind the quantity, and the course.
INTEGRALS = {
    8: ("", q.TOTAL),
    9: (" in this billing period", q.OTHER),
    10: (" over integration period 3", q.OTHER),
    29: (" in the load profile's interval", q.OTHER),
    30: (" over integration period 6", q.OTHER),
    58: (" in test mode", q.OTHER),
}
# Of what is measured: words around the quantity, and the course.
MEASURED = {
    0: ("{}, average of the billing period", q.OTHER),
    2: ("Cumulative maximum {}", q.OTHER), 12: ("Cumulative maximum {}, period 2", q.OTHER),
    3: ("Minimum {}", q.OTHER), 13: ("Minimum {}, period 2", q.OTHER), 23: ("Minimum {}, period 3", q.OTHER),
    4: ("{}, average so far", q.MOMENTARY), 14: ("{}, average so far, period 2", q.MOMENTARY),
    24: ("{}, average so far, period 3", q.MOMENTARY), 27: ("{}, average so far, period 5", q.MOMENTARY),
    28: ("{}, average so far, period 6", q.MOMENTARY),
    5: ("{}, last average", q.MOMENTARY), 15: ("{}, last average, period 2", q.MOMENTARY),
    25: ("{}, last average, period 3", q.MOMENTARY),
    6: ("Maximum {}", q.OTHER), 16: ("Maximum {}, period 2", q.OTHER), 26: ("Maximum {}, period 3", q.OTHER),
    7: ("{}", q.MOMENTARY),
}  # fmt: skip
# Under and over limit: kind None is the quantity's own.
LIMITS = {
    31: ("threshold of low {}", None), 32: ("number of times of low {}", q.COUNT),
    33: ("duration of low {}", q.DURATION), 34: ("magnitude of low {}", None),
    35: ("threshold of high {}", None), 36: ("number of times of high {}", q.COUNT),
    37: ("duration of high {}", q.DURATION), 38: ("magnitude of high {}", None),
}  # fmt: skip

# Group C of other media (EN 13757-1): medium: (what its counters are called, {C: (words, kind, course)}).
THERMAL = {
    1: ("energy", q.ENERGY, q.TOTAL),
    2: ("volume", q.VOLUME, q.TOTAL),
    3: ("mass", q.MASS, q.TOTAL),
    8: ("power", q.POWER, q.MOMENTARY),
    9: ("volume flow", q.VOLUME_FLOW, q.MOMENTARY),
    10: ("flow temperature", q.TEMPERATURE, q.MOMENTARY),
    11: ("return temperature", q.TEMPERATURE, q.MOMENTARY),
    12: ("temperature difference", q.TEMPERATURE_DIFFERENCE, q.MOMENTARY),
    13: ("pressure", q.PRESSURE, q.MOMENTARY),
}
WATER = {
    1: ("volume", q.VOLUME, q.TOTAL),
    2: ("volume flow", q.VOLUME_FLOW, q.MOMENTARY),
    3: ("temperature", q.TEMPERATURE, q.MOMENTARY),
}
MEDIA = {
    ALLOCATOR: (
        "heat cost",
        {1: ("allocation, unrated", q.ALLOCATION, q.TOTAL), 2: ("allocation", q.ALLOCATION, q.TOTAL)},
    ),
    COOLING: ("cooling", THERMAL),
    HEAT: ("heat", THERMAL),
    GAS: (
        "gas",
        {
            1: ("volume", q.VOLUME, q.TOTAL),
            3: ("volume", q.VOLUME, q.TOTAL),
            41: ("temperature", q.TEMPERATURE, q.MOMENTARY),
            42: ("pressure", q.PRESSURE, q.MOMENTARY),
            43: ("volume flow", q.VOLUME_FLOW, q.MOMENTARY),
        },
    ),
    COLD_WATER: ("cold water", WATER),
    HOT_WATER: ("hot water", WATER),
}
AT_CONDITIONS = {0: "", 1: ", corrected", 2: ", at base conditions"}

# Objects of their own: (A, C, D, E); A None is any, E None any; {e} is E, and where it is 0 it is left out.
OBJECTS: dict[tuple[int | None, int, int, int | None], tuple[str, str]] = {
    (0, 1, 0, 0): ("clock", q.TIME),
    (1, 0, 9, 1): ("time of the meter", q.TIME),
    (1, 0, 9, 2): ("date of the meter", q.TIME),
    (0, 0, 9, 1): ("time of the meter", q.TIME),
    (0, 0, 9, 2): ("date of the meter", q.TIME),
    (0, 42, 0, 0): ("logical device name", q.TEXT),
    (0, 40, 0, None): ("association {e}", q.STATE),
    (0, 43, 1, None): ("invocation counter {e}", q.COUNT),
    (0, 17, 0, None): ("limiter {e}", q.STATE),
    (0, 24, 1, None): ("M-Bus device {e}", q.STATE),
    (0, 24, 2, None): ("last value of the M-Bus meter {e}", q.STATE),
    (0, 24, 4, None): ("valve of the M-Bus meter", q.STATE),
    (None, 0, 0, None): ("identification {e}", q.TEXT),
    (None, 0, 1, 0): ("number of billing periods", q.COUNT),
    (None, 0, 2, 0): ("firmware version", q.TEXT),
    (None, 0, 2, 8): ("firmware signature", q.TEXT),
    (1, 0, 3, 0): ("meter constant, active energy", q.CONSTANT),
    (1, 0, 3, 1): ("meter constant, reactive energy", q.CONSTANT),
    (1, 0, 4, 2): ("current transformer ratio", q.CONSTANT),
    (1, 0, 4, 3): ("voltage transformer ratio", q.CONSTANT),
    (1, 0, 8, 0): ("length of the demand period", q.DURATION),
    (1, 0, 8, 4): ("interval of the load profile", q.DURATION),
    (0, 96, 1, None): ("device number {e}", q.TEXT),
    (0, 96, 2, 0): ("number of changes of the configuration", q.COUNT),
    (0, 96, 2, 1): ("time of the last change of the configuration", q.TIME),
    (0, 96, 3, 10): ("disconnector", q.STATE),
    (0, 96, 5, None): ("status {e}", q.STATE),
    (0, 96, 6, 0): ("battery use", q.DURATION),
    (0, 96, 6, 3): ("battery voltage", q.VOLTAGE),
    (0, 96, 6, 6): ("remaining battery life", q.DURATION),
    (0, 96, 7, 0): ("number of power failures, all phases", q.COUNT),
    (0, 96, 7, 1): ("number of power failures, phase L1", q.COUNT),
    (0, 96, 7, 2): ("number of power failures, phase L2", q.COUNT),
    (0, 96, 7, 3): ("number of power failures, phase L3", q.COUNT),
    (0, 96, 7, 9): ("number of long power failures", q.COUNT),
    (0, 96, 7, 21): ("number of power failures, any phase", q.COUNT),
    (0, 96, 8, 0): ("operating time", q.DURATION),
    (0, 96, 9, 0): ("ambient temperature", q.TEMPERATURE),
    (0, 96, 11, None): ("last event of log {e}", q.STATE),
    (0, 96, 12, 5): ("radio signal strength", q.SIGNAL),
    (0, 96, 13, None): ("message {e}", q.TEXT),
    (0, 96, 14, None): ("tariff in force", q.STATE),
    (0, 96, 15, None): ("number of events {e}", q.COUNT),
    (0, 97, 97, None): ("errors {e}", q.STATE),
    (None, 98, 1, None): ("billing values", q.STATE),
    (1, 99, 1, 0): ("load profile 1", q.STATE),
    (1, 99, 2, 0): ("load profile 2", q.STATE),
    (1, 99, 97, None): ("power failure log", q.STATE),
    (0, 99, 98, None): ("event log {e}", q.STATE),
}


def parse(code: str) -> tuple[int, int, int, int, int, int] | None:
    """The six groups of a code in any of its forms (`1-0:1.8.0*255`, `1.0.1.8.0.255`, `1.8.0*01`, `32.7`, `C.1.0`,
    `F.F`), those left out as they are meant; None where it is no code.
    """
    flat = code.strip().upper().replace("&", "*").replace("-", ".").replace(":", ".")
    body, star, period = flat.partition("*")
    groups = body.split(".")
    values = [LETTERS.get(group, int(group) if group.isascii() and group.isdigit() and len(group) < 4 else -1)
              for group in groups]  # fmt: skip
    if groups == ["F", "F"]:
        values = [97, 97]
    if star:
        values.append(int(period) if period.isascii() and period.isdigit() and len(period) < 4 else -1)
    elif len(groups) in (2, 3, 5):
        values.append(CURRENT_PERIOD)
    if len(groups) == 2:
        values.insert(2, 0)
    if len(values) == 4:
        letter = values[0] in LETTERS.values() and not groups[0].isdigit()
        values = [ABSTRACT if letter else ELECTRICITY, 0, *values]
    if len(values) != 6 or not all(0 <= value <= 255 for value in values):
        return None
    return values[0], values[1], values[2], values[3], values[4], values[5]


def name_of(code: str, unit: str | None = None) -> Name | None:
    """What a code stands for; None where that is not known, or where its value comes in a unit that contradicts."""
    groups = parse(code)
    if groups is None:
        return None
    medium, _, c, d, e, f = groups
    found = _object(medium, c, d, e)
    if found is None and medium == ELECTRICITY:
        found = _electrical(c, d, e)
    elif found is None and medium in MEDIA:
        found = _other_medium(medium, c, d, e)
    if found is None or not fits(found.kind, unit):
        return None
    if f != CURRENT_PERIOD:
        found.words += f", billing period {f}"
        found.course = q.OTHER
    return found


def _object(medium: int, c: int, d: int, e: int) -> Name | None:
    for key in ((medium, c, d, e), (medium, c, d, None), (None, c, d, e), (None, c, d, None)):
        if key in OBJECTS:
            words, kind = OBJECTS[key]
            return Name(capital(words.replace("{e}", str(e) if e else "").strip()), kind)
    return None


def _electrical(c: int, d: int, e: int) -> Name | None:
    phase = (c - 1) // 20 if 21 <= c <= 80 else 0
    row = ELECTRICAL.get((c - 1) % 20 + 1 if phase else c)
    if row is None:
        return None
    pattern, kind, direction = row
    where = f", phase L{phase}" if phase else ""
    if d in INTEGRALS and kind in ENERGY_OF:
        words, course = INTEGRALS[d]
        tariff = ", total" if e == ANY_TARIFF else f", tariff {e}"
        return Name(capital(pattern.format("energy") + where + words + tariff), ENERGY_OF[kind], direction, course)
    quantity = pattern.format("power") + where
    if d in MEASURED:
        words, course = MEASURED[d]
        return Name(capital(words.format(quantity)) + _part(kind, e), kind, direction, course)
    if d in LIMITS:
        words, other = LIMITS[d]
        return Name(capital(words.format(quantity)), other or kind)
    return None


def _part(kind: str, e: int) -> str:
    """Group E of what is measured: a tariff of powers, a harmonic of voltages and currents."""
    if e == ANY_TARIFF:
        return ""
    return f", tariff {e}" if kind in ENERGY_OF else f", harmonic {e}"


def _other_medium(medium: int, c: int, d: int, e: int) -> Name | None:
    prefix, rows = MEDIA[medium]
    if c not in rows:
        return None
    words, kind, course = rows[c]
    if medium == GAS and kind == q.VOLUME and d in AT_CONDITIONS:
        words += AT_CONDITIONS[d]
    elif d:
        course = q.OTHER
        words += f", value {d}"
    words += f", tariff {e}" if e else ""
    return Name(capital(f"{prefix} {words}"), kind, q.NO_DIRECTION, course)
