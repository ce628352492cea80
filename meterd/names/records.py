"""The name of an M-Bus record in plain words, from its quantity and all that stands around it (EN 13757-3).

The problem: what a record means is told by quantity, function, storage number, tariff, subunit and VIFE, of which most
are 0 most of the time and are then no part of the name.
Assumption: quantities and qualifiers are the words of the VIF tables; a medium is that of the header.
"""

from __future__ import annotations

from . import quantities as q
from .quantities import Name, capital, fits

# Quantity: (kind, course of a plain record of it).
KINDS: dict[str, tuple[str, str]] = {
    "energy": (q.ENERGY, q.TOTAL),
    "reactive energy": (q.REACTIVE_ENERGY, q.TOTAL),
    "apparent energy": (q.APPARENT_ENERGY, q.TOTAL),
    "volume": (q.VOLUME, q.TOTAL),
    "mass": (q.MASS, q.TOTAL),
    "heat cost allocation": (q.ALLOCATION, q.TOTAL),
    "power": (q.POWER, q.MOMENTARY),
    "reactive power": (q.REACTIVE_POWER, q.MOMENTARY),
    "apparent power": (q.APPARENT_POWER, q.MOMENTARY),
    "volume flow": (q.VOLUME_FLOW, q.MOMENTARY),
    "mass flow": (q.MASS_FLOW, q.MOMENTARY),
    "flow temperature": (q.TEMPERATURE, q.MOMENTARY),
    "return temperature": (q.TEMPERATURE, q.MOMENTARY),
    "external temperature": (q.TEMPERATURE, q.MOMENTARY),
    "temperature": (q.TEMPERATURE, q.MOMENTARY),
    "temperature difference": (q.TEMPERATURE_DIFFERENCE, q.MOMENTARY),
    "pressure": (q.PRESSURE, q.MOMENTARY),
    "relative humidity": (q.HUMIDITY, q.MOMENTARY),
    "frequency": (q.FREQUENCY, q.MOMENTARY),
    "voltage": (q.VOLTAGE, q.MOMENTARY),
    "current": (q.CURRENT, q.MOMENTARY),
    "on time": (q.DURATION, q.OTHER),
    "operating time": (q.DURATION, q.OTHER),
    "date": (q.TIME, q.OTHER),
    "time point": (q.TIME, q.OTHER),
    "fabrication number": (q.TEXT, q.OTHER),
    "identification": (q.TEXT, q.OTHER),
    "firmware version": (q.TEXT, q.OTHER),
    "software version": (q.TEXT, q.OTHER),
    "hardware version": (q.TEXT, q.OTHER),
    "error flags": (q.STATE, q.OTHER),
    "alarm": (q.STATE, q.OTHER),
    "RF level": (q.SIGNAL, q.MOMENTARY),
}
DIRECTIONS = {
    "forward": q.IMPORT,
    "backward": q.EXPORT,
    "from partner to meter": q.IMPORT,
    "from meter to partner": q.EXPORT,
    "delta between import and export": q.NET,
}
FUNCTIONS = {"instantaneous": "", "manufacturer": "", "error": "in an error state"}
# What the medium makes of a quantity's name.
OF_MEDIUM = {
    "heat": "heat", "heat (inlet)": "heat", "cooling (outlet)": "cooling", "cooling (inlet)": "cooling", "gas": "gas",
    "water": "water", "cold water": "cold water", "hot water": "hot water", "warm water": "warm water",
}  # fmt: skip
TOLD_BY_MEDIUM = {"heat": ("energy",), "cooling": ("energy",)}


def name_of(
    quantity: str,
    unit: str | None = None,
    function: str = "instantaneous",
    storage: int = 0,
    tariff: int = 0,
    subunit: int = 0,
    qualifiers: tuple[str, ...] = (),
    medium: str = "",
) -> Name:
    """What a record is; records always have a name, if only the one of their quantity."""
    kind, course = KINDS.get(quantity, (q.STATE, q.OTHER))
    if not fits(kind, unit):
        kind, course = q.STATE, q.OTHER
    before = OF_MEDIUM.get(medium, "")
    if before and quantity in TOLD_BY_MEDIUM.get(before, ("volume",)):
        quantity = f"{before} {quantity}"
    # An event's time, a limit's count: the record is no longer of its quantity.
    plain = all(word in DIRECTIONS or word.startswith(("phase ", "L1", "L2", "L3", "neutral")) for word in qualifiers)
    words = [quantity, *qualifiers]
    words += [FUNCTIONS.get(function, function.replace("_", " "))]
    words += [f"tariff {tariff}"] if tariff else []
    words += [f"unit {subunit}"] if subunit else []
    words += [f"stored value {storage}"] if storage else []
    direction = next((DIRECTIONS[word] for word in qualifiers if word in DIRECTIONS), q.NO_DIRECTION)
    if function != "instantaneous" or storage or not plain:
        course = q.OTHER
    text = ", ".join(word for word in words if word)
    return Name(capital(text or "record"), kind if plain else q.STATE, direction, course)
