"""Value information field codes as tables: EN 13757-3 tables 10 (primary), 12 (FD), 14 (FB), 15 and 16 (VIFE).

Rows of a series: (first code, number of codes, quantity, unit, power of ten of the first code); each further code is
ten times the one before. Rows of durations: (first code, quantity) for second, minute, hour, day in this order. All
amounts are brought to the unit without prefix: Wh, J, W, m³, kg, s, var, VA. The quantities are the names that a
`tag_job_todo` may use.
"""

from __future__ import annotations

from ..._mbus_values import OCTETS, SIGNED, TIME, UNSIGNED

DURATION_FACTORS = (1, 60, 3600, 86400)  # second, minute, hour, day
HCA = "units for HCA"

PRIMARY_SERIES = (
    (0x00, 8, "energy", "Wh", -3),
    (0x08, 8, "energy", "J", 0),
    (0x10, 8, "volume", "m³", -6),
    (0x18, 8, "mass", "kg", -3),
    (0x28, 8, "power", "W", -3),
    (0x30, 8, "power", "J/h", 0),
    (0x38, 8, "volume flow", "m³/h", -6),
    (0x40, 8, "volume flow", "m³/min", -7),
    (0x48, 8, "volume flow", "m³/s", -9),
    (0x50, 8, "mass flow", "kg/h", -3),
    (0x58, 4, "flow temperature", "°C", -3),
    (0x5C, 4, "return temperature", "°C", -3),
    (0x60, 4, "temperature difference", "K", -3),
    (0x64, 4, "external temperature", "°C", -3),
    (0x68, 4, "pressure", "bar", -3),
)
PRIMARY_DURATIONS = (
    (0x20, "on time"),
    (0x24, "operating time"),
    (0x70, "averaging duration"),
    (0x74, "actuality duration"),
)
# Code: (quantity, unit, kind)
PRIMARY_SINGLE = {
    0x6C: ("date", None, TIME),
    0x6D: ("time point", None, TIME),
    0x6E: ("heat cost allocation", HCA, SIGNED),
    0x78: ("fabrication number", None, UNSIGNED),
    0x79: ("identification", None, UNSIGNED),
    0x7A: ("bus address", None, UNSIGNED),
    0x7E: ("any VIF", None, SIGNED),
}

FB_SERIES = (
    (0x00, 2, "energy", "Wh", 5),
    (0x02, 2, "reactive energy", "varh", 3),
    (0x04, 2, "apparent energy", "VAh", 3),
    (0x08, 2, "energy", "J", 8),
    (0x0C, 4, "energy", "cal", 5),
    (0x10, 2, "volume", "m³", 2),
    (0x14, 4, "reactive power", "var", 0),
    (0x18, 2, "mass", "kg", 5),
    (0x1A, 2, "relative humidity", "%", -1),
    (0x20, 1, "volume", "ft³", 0),
    (0x21, 1, "volume", "ft³", -1),
    (0x22, 2, "volume", "US gal", -1),
    (0x24, 1, "volume flow", "US gal/min", -3),
    (0x25, 1, "volume flow", "US gal/min", 0),
    (0x26, 1, "volume flow", "US gal/h", 0),
    (0x28, 2, "power", "W", 5),
    (0x2A, 1, "phase angle voltage to voltage", "°", -1),
    (0x2B, 1, "phase angle voltage to current", "°", -1),
    (0x2C, 4, "frequency", "Hz", -3),
    (0x30, 2, "power", "J/h", 8),
    (0x34, 4, "apparent power", "VA", 0),
    (0x58, 4, "flow temperature", "°F", -3),
    (0x5C, 4, "return temperature", "°F", -3),
    (0x60, 4, "temperature difference", "°F", -3),
    (0x64, 4, "external temperature", "°F", -3),
    (0x70, 4, "cold or warm temperature limit", "°F", -3),
    (0x74, 4, "cold or warm temperature limit", "°C", -3),
    (0x78, 8, "cumulated maximum power", "W", -3),
)

FD_SERIES = (
    (0x00, 4, "credit", "currency units", -3),
    (0x04, 4, "debit", "currency units", -3),
    (0x40, 16, "voltage", "V", -9),
    (0x50, 16, "current", "A", -12),
)
FD_DURATIONS = (
    (0x24, "storage interval"),
    (0x2C, "duration since last readout"),
    (0x34, "period of tariff"),
    (0x3C, "period of nominal data transmissions"),
)
# Further durations: code: (quantity, unit, factor)
FD_LONG_DURATIONS = {
    0x28: ("storage interval", "month", 1),
    0x29: ("storage interval", "year", 1),
    0x31: ("duration of tariff", "s", 60),
    0x32: ("duration of tariff", "s", 3600),
    0x33: ("duration of tariff", "s", 86400),
    0x38: ("period of tariff", "month", 1),
    0x39: ("period of tariff", "year", 1),
    0x68: ("duration since last cumulation", "s", 3600),
    0x69: ("duration since last cumulation", "s", 86400),
    0x6A: ("duration since last cumulation", "month", 1),
    0x6B: ("duration since last cumulation", "year", 1),
    0x6C: ("operating time of battery", "s", 3600),
    0x6D: ("operating time of battery", "s", 86400),
    0x6E: ("operating time of battery", "month", 1),
    0x6F: ("operating time of battery", "year", 1),
    0x74: ("remaining battery lifetime", "s", 86400),
}
FD_SINGLE = {
    0x08: ("access number", None, UNSIGNED),
    0x09: ("medium", None, UNSIGNED),
    0x0A: ("manufacturer", None, UNSIGNED),
    0x0B: ("parameter set identification", None, UNSIGNED),
    0x0C: ("model version", None, UNSIGNED),
    0x0D: ("hardware version", None, UNSIGNED),
    0x0E: ("firmware version", None, UNSIGNED),
    0x0F: ("software version", None, UNSIGNED),
    0x10: ("customer location", None, UNSIGNED),
    0x11: ("customer", None, UNSIGNED),
    0x12: ("access code user", None, UNSIGNED),
    0x13: ("access code operator", None, UNSIGNED),
    0x14: ("access code system operator", None, UNSIGNED),
    0x15: ("access code developer", None, UNSIGNED),
    0x16: ("password", None, UNSIGNED),
    0x17: ("error flags", None, UNSIGNED),
    0x18: ("error mask", None, UNSIGNED),
    0x19: ("security key", None, UNSIGNED),
    0x1A: ("digital output", None, UNSIGNED),
    0x1B: ("digital input", None, UNSIGNED),
    0x1C: ("baud rate", "Bd", UNSIGNED),
    0x1D: ("response delay time", "bit times", UNSIGNED),
    0x1E: ("retry", None, UNSIGNED),
    0x1F: ("remote control", None, UNSIGNED),
    0x20: ("first storage number for cyclic storage", None, UNSIGNED),
    0x21: ("last storage number for cyclic storage", None, UNSIGNED),
    0x22: ("size of storage block", None, UNSIGNED),
    0x23: ("descriptor for tariff and subunit", None, UNSIGNED),
    0x2A: ("operator specific data", None, UNSIGNED),
    0x2B: ("time point second", "s", UNSIGNED),
    0x30: ("start of tariff", None, TIME),
    0x3A: ("dimensionless", None, SIGNED),
    0x3B: ("data container for wireless M-Bus", None, OCTETS),
    0x60: ("reset counter", None, UNSIGNED),
    0x61: ("cumulation counter", None, UNSIGNED),
    0x62: ("control signal", None, UNSIGNED),
    0x63: ("day of week", None, UNSIGNED),
    0x64: ("week number", None, UNSIGNED),
    0x65: ("time point of day change", None, UNSIGNED),
    0x66: ("state of parameter activation", None, UNSIGNED),
    0x67: ("special supplier information", None, UNSIGNED),
    0x70: ("date of battery change", None, TIME),
    0x71: ("RF level", "dBm", SIGNED),
    0x72: ("daylight saving", None, UNSIGNED),
    0x73: ("listening window management", None, UNSIGNED),
    0x75: ("number of times the meter was stopped", None, UNSIGNED),
    0x76: ("data container for manufacturer protocol", None, OCTETS),
}

# VIFE that divide or multiply the unit (table 15).
VIFE_UNITS = {
    0x20: "/s", 0x21: "/min", 0x22: "/h", 0x23: "/d", 0x24: "/week", 0x25: "/month", 0x26: "/year",
    0x27: "/revolution", 0x2C: "/l", 0x2D: "/m³", 0x2E: "/kg", 0x2F: "/K", 0x30: "/kWh", 0x31: "/GJ", 0x32: "/kW",
    0x33: "/(K·l)", 0x34: "/V", 0x35: "/A", 0x36: "·s", 0x37: "·s/V", 0x38: "·s/A",
}  # fmt: skip
VIFE_WORDS = {
    0x12: "average value",
    0x13: "inverse compact profile",
    0x14: "relative deviation",
    0x1D: "standard conform data content",
    0x1E: "compact profile with register numbers",
    0x1F: "compact profile",
    0x28: "increment per input pulse on channel 0",
    0x29: "increment per input pulse on channel 1",
    0x2A: "increment per output pulse on channel 0",
    0x2B: "increment per output pulse on channel 1",
    0x3A: "uncorrected",
    0x3B: "forward",
    0x3C: "backward",
    0x3D: "non-metric",
    0x3E: "at base conditions",
    0x3F: "OBIS declaration",
    0x40: "lower limit",
    0x41: "number of exceeds of lower limit",
    0x48: "upper limit",
    0x49: "number of exceeds of upper limit",
    0x68: "during lower limit exceed",
    0x69: "leakage",
    0x6C: "during upper limit exceed",
    0x6D: "overflow",
    0x7E: "future",
}
# VIFE behind which the data has a form of its own.
VIFE_OCTETS = (0x13, 0x1D, 0x1E, 0x1F)
# VIFE that turn the record into the date or time of an event, or its duration (nn = second, minute, hour, day).
VIFE_TIMES = {
    0x39: "start of",
    0x42: "begin of first lower limit exceed",
    0x43: "end of first lower limit exceed",
    0x46: "begin of last lower limit exceed",
    0x47: "end of last lower limit exceed",
    0x4A: "begin of first upper limit exceed",
    0x4B: "end of first upper limit exceed",
    0x4E: "begin of last upper limit exceed",
    0x4F: "end of last upper limit exceed",
    0x6A: "begin of first",
    0x6B: "end of first",
    0x6E: "begin of last",
    0x6F: "end of last",
}
VIFE_DURATIONS = (
    (0x50, "duration of first lower limit exceed"),
    (0x54, "duration of last lower limit exceed"),
    (0x58, "duration of first upper limit exceed"),
    (0x5C, "duration of last upper limit exceed"),
    (0x60, "duration of first"),
    (0x64, "duration of last"),
)
VIFE_COUNTS = (0x41, 0x49)
# Behind a VIFE FC (table 16).
VIFE_FC_WORDS = {
    0x01: "phase L1",
    0x02: "phase L2",
    0x03: "phase L3",
    0x04: "neutral",
    0x05: "L1 to L2",
    0x06: "L2 to L3",
    0x07: "L3 to L1",
    0x08: "quadrant Q1",
    0x09: "quadrant Q2",
    0x0A: "quadrant Q3",
    0x0B: "quadrant Q4",
    0x0C: "delta between import and export",
    0x10: "absolute sum of both directions",
    0x11: "type C",
    0x12: "type D",
    0x13: "from partner to meter",
    0x14: "from meter to partner",
}
# Record errors (table 17): code: (quality, reason, words).
VIFE_ERRORS = {
    0x01: ("invalid", "refused", "too many DIFEs"),
    0x02: ("invalid", "not_found", "storage number not implemented"),
    0x03: ("invalid", "not_found", "unit number not implemented"),
    0x04: ("invalid", "not_found", "tariff number not implemented"),
    0x05: ("invalid", "not_found", "function not implemented"),
    0x06: ("invalid", "not_found", "data class not implemented"),
    0x07: ("invalid", "not_found", "data size not implemented"),
    0x0B: ("invalid", "refused", "too many VIFEs"),
    0x0C: ("invalid", "refused", "illegal VIF group"),
    0x0D: ("invalid", "refused", "illegal VIF exponent"),
    0x0E: ("invalid", "refused", "VIF and DIF mismatch"),
    0x0F: ("invalid", "refused", "unimplemented action"),
    0x15: ("invalid", "not_found", "no data available"),
    0x16: ("overflow", "type", "data overflow"),
    0x17: ("overflow", "type", "data underflow"),
    0x18: ("invalid", "type", "data error"),
    0x1C: ("invalid", "refused", "premature end of record"),
}

# Fixed data structure (CI 73): unit code: (quantity, unit, power of ten); series as above.
FIXED_SERIES = (
    (0x02, 9, "energy", "Wh", 0),
    (0x0B, 9, "energy", "J", 3),
    (0x14, 9, "power", "W", 0),
    (0x1D, 9, "power", "J/h", 3),
    (0x26, 9, "volume", "m³", -6),
    (0x2F, 9, "volume flow", "m³/h", -6),
    (0x38, 1, "temperature", "°C", -3),
    (0x39, 1, "heat cost allocation", HCA, 0),
    (0x3F, 1, "dimensionless", None, 0),
)
FIXED_MEDIA = (
    "other", "oil", "electricity", "gas", "heat", "steam", "warm water", "water", "heat cost allocator", "reserved",
    "gas", "heat", "warm water", "water", "heat cost allocator", "reserved",
)  # fmt: skip

# Device types (table 13).
MEDIA = {
    0x00: "other",
    0x01: "oil",
    0x02: "electricity",
    0x03: "gas",
    0x04: "heat",
    0x05: "steam",
    0x06: "warm water",
    0x07: "water",
    0x08: "heat cost allocator",
    0x09: "compressed air",
    0x0A: "cooling (outlet)",
    0x0B: "cooling (inlet)",
    0x0C: "heat (inlet)",
    0x0D: "heat and cooling",
    0x0E: "bus or system",
    0x0F: "unknown",
    0x14: "calorific value",
    0x15: "hot water",
    0x16: "cold water",
    0x17: "hot and cold water",
    0x18: "pressure",
    0x19: "A/D converter",
    0x1A: "smoke detector",
    0x1B: "room sensor",
    0x1C: "gas detector",
    0x20: "breaker (electricity)",
    0x21: "valve (gas or water)",
    0x25: "customer unit",
    0x28: "waste water",
    0x29: "waste",
    0x2A: "carbon dioxide",
    0x31: "communication controller",
    0x32: "repeater, one way",
    0x33: "repeater, both ways",
    0x36: "radio converter, system side",
    0x37: "radio converter, meter side",
}
