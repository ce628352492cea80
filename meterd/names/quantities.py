"""The kinds of quantity that meters tell, the units each may come in, and the name that a value gets from them.

The problem: one code may stand for different things on different meters (6.8 is heat on one and reactive energy on
another); the unit that came with the value tells which it was not.
Assumption: units are written without prefix or with one (Wh, kWh, MWh); `·` and `*` between them do not matter.
"""

from __future__ import annotations

# Kind: units without prefix. A kind without units has none to be held against.
ENERGY, REACTIVE_ENERGY, APPARENT_ENERGY = "energy", "reactive energy", "apparent energy"
POWER, REACTIVE_POWER, APPARENT_POWER = "power", "reactive power", "apparent power"
VOLTAGE, CURRENT, FREQUENCY, POWER_FACTOR, ANGLE = "voltage", "current", "frequency", "power factor", "angle"
VOLUME, VOLUME_FLOW, MASS, MASS_FLOW = "volume", "volume flow", "mass", "mass flow"
TEMPERATURE, TEMPERATURE_DIFFERENCE, PRESSURE = "temperature", "temperature difference", "pressure"
HUMIDITY, DURATION, COUNT, TIME, TEXT, STATE = "relative humidity", "duration", "count", "time", "text", "state"
ALLOCATION, SIGNAL, CONSTANT = "heat cost allocation", "signal strength", "constant"

UNITS: dict[str, tuple[str, ...]] = {
    ENERGY: ("Wh", "J", "cal"),
    REACTIVE_ENERGY: ("varh",),
    APPARENT_ENERGY: ("VAh",),
    POWER: ("W", "J/h", "cal/h"),
    REACTIVE_POWER: ("var",),
    APPARENT_POWER: ("VA",),
    VOLTAGE: ("V",),
    CURRENT: ("A",),
    FREQUENCY: ("Hz",),
    ANGLE: ("°", "deg"),
    VOLUME: ("m³", "m3", "l", "L", "ft³", "US gal", "gal"),
    VOLUME_FLOW: ("m³/h", "m3/h", "l/h", "L/h", "l/min", "m³/min", "m³/s", "US gal/min", "US gal/h"),
    MASS: ("g", "t"),
    MASS_FLOW: ("g/h", "t/h"),
    TEMPERATURE: ("°C", "C", "°F", "K"),
    TEMPERATURE_DIFFERENCE: ("K", "°C", "°F"),
    PRESSURE: ("bar", "Pa"),
    HUMIDITY: ("%", "%RH"),
    SIGNAL: ("dBm",),
}
PREFIXES = ("", "k", "M", "G", "m", "c", "h", "d", "µ")
# Registers that only grow, where they tell one direction.
COUNTERS = (ENERGY, REACTIVE_ENERGY, APPARENT_ENERGY, VOLUME, MASS, ALLOCATION, COUNT)
IMPORT, EXPORT, NET, NO_DIRECTION = "import", "export", "net", ""
TOTAL, MOMENTARY, OTHER = "total", "momentary", "other"


class Name:
    """`words` for people; `kind` one of the above; `direction` import, export, net or none; `course`: TOTAL counts up
    for ever, MOMENTARY is how it is now, OTHER is neither (a maximum, a stored value, a setting).
    """

    __slots__ = ("course", "direction", "kind", "words")

    def __init__(self, words: str, kind: str, direction: str = NO_DIRECTION, course: str = OTHER) -> None:
        self.words = words
        self.kind = kind
        self.direction = direction
        self.course = course

    def __repr__(self) -> str:
        return f"Name({self.words!r}, {self.kind}, {self.direction or '-'}, {self.course})"


def fits(kind: str, unit: str | None) -> bool:
    """Whether a quantity of this kind may come in this unit. What has no unit is held against nothing."""
    known = UNITS.get(kind)
    if not unit or known is None:
        return True
    plain = unit.replace("·", "").replace("*", "").strip()
    return any(plain == prefix + base for base in known for prefix in PREFIXES)


def capital(words: str) -> str:
    """The first letter large, and no other changed."""
    return words[:1].upper() + words[1:]
