"""Device class, state class and unit text of a value for Home Assistant (its sensor component, 2026.2).

The problem: Home Assistant refuses or warns of what does not fit together: an energy register as a `measurement`, a
unit that a class has not, `m3` for m³. A volume of a heat meter under `water` would land in the water statistics.
Assumptions: units are those in which values leave meterd. A class is given only where the unit is one of its set: a
sensor without class is shown as it is, a wrong one is refused.
"""

from __future__ import annotations

from . import quantities as q
from .quantities import Name

TOTAL_INCREASING, TOTAL, MEASUREMENT = "total_increasing", "total", "measurement"
WATER_MEDIA = ("water", "cold water", "hot water", "warm water", "hot and cold water")

# Kind: (device class, units that the class has).
CLASSES: dict[str, tuple[str, tuple[str, ...]]] = {
    q.ENERGY: ("energy", ("Wh", "kWh", "MWh", "GWh", "J", "kJ", "MJ", "GJ", "cal", "kcal", "Mcal", "Gcal")),
    q.REACTIVE_ENERGY: ("reactive_energy", ("varh", "kvarh")),
    q.POWER: ("power", ("W", "kW", "MW")),
    q.REACTIVE_POWER: ("reactive_power", ("var", "kvar")),
    q.APPARENT_POWER: ("apparent_power", ("VA", "kVA")),
    q.VOLTAGE: ("voltage", ("mV", "V", "kV")),
    q.CURRENT: ("current", ("mA", "A")),
    q.FREQUENCY: ("frequency", ("Hz", "kHz", "MHz")),
    q.POWER_FACTOR: ("power_factor", ("", "%")),
    q.VOLUME: ("volume", ("m³", "L", "ft³", "gal")),
    q.VOLUME_FLOW: ("volume_flow_rate", ("m³/h", "m³/min", "m³/s", "L/h", "L/min", "gal/min")),
    q.MASS: ("weight", ("g", "kg")),
    q.TEMPERATURE: ("temperature", ("°C", "°F", "K")),
    q.TEMPERATURE_DIFFERENCE: ("temperature_delta", ("°C", "°F", "K")),
    q.PRESSURE: ("pressure", ("mbar", "bar", "Pa", "hPa", "kPa")),
    q.HUMIDITY: ("humidity", ("%",)),
    q.DURATION: ("duration", ("s", "min", "h", "d")),
    q.SIGNAL: ("signal_strength", ("dBm",)),
}
MEASURED_ONLY = ("weight",)  # of what meters count, a class that takes no totals
# Ours: theirs.
UNIT_TEXTS = {
    "m3": "m³", "l": "L", "US gal": "gal", "US gal/min": "gal/min", "l/h": "L/h", "l/min": "L/min", "m3/h": "m³/h",
    "deg": "°", "%RH": "%", "day": "d", "hour": "h",
}  # fmt: skip


class Description:
    """What a sensor's discovery says: `device_class` and `state_class` None where it has none, `unit` None likewise;
    `diagnostic` for what is about the meter rather than measured by it.
    """

    __slots__ = ("device_class", "diagnostic", "state_class", "unit")

    def __init__(
        self, device_class: str | None, state_class: str | None, unit: str | None, diagnostic: bool = False
    ) -> None:
        self.device_class = device_class
        self.state_class = state_class
        self.unit = unit
        self.diagnostic = diagnostic


def describe(name: Name, unit: str | None, medium: str = "") -> Description:
    """`medium` in the words of the M-Bus header, where it is known: what tells water from heat."""
    text = unit_text(unit)
    if name.kind in (q.TIME, q.TEXT, q.STATE, q.CONSTANT):
        return Description(None, None, text, diagnostic=True)
    device_class, units = CLASSES.get(name.kind, ("", ()))
    known = bool(device_class) and (text or "") in units
    if name.kind == q.VOLUME:
        device_class = _of_volume(medium, name.words)
    state_class = _state_class(name)
    if device_class in MEASURED_ONLY and state_class not in (MEASUREMENT, None):
        known = False
    return Description(
        device_class if known else None, state_class, text, diagnostic=name.kind in (q.DURATION, q.SIGNAL)
    )


def unit_text(unit: str | None) -> str | None:
    """A unit as Home Assistant writes it; None where there is none."""
    if not unit:
        return None
    plain = unit.replace("·", "").replace("*", "").strip()
    return UNIT_TEXTS.get(plain, plain)


def _of_volume(medium: str, words: str) -> str:
    """Water and gas have classes of their own; the volume of a heat meter is just that."""
    first = words.lower()
    if medium == "gas" or first.startswith("gas "):
        return "gas"
    if medium in WATER_MEDIA or first.startswith(("water ", "cold water ", "hot water ", "warm water ")):
        return "water"
    return "volume"


def _state_class(name: Name) -> str | None:
    if name.kind in q.COUNTERS:
        if name.course != q.TOTAL:
            return TOTAL if name.kind != q.COUNT and name.direction == q.NET else None
        return TOTAL if name.direction == q.NET else TOTAL_INCREASING
    return MEASUREMENT if name.course == q.MOMENTARY else None
