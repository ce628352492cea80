"""The numbers of the DLMS/COSEM standards and their words: classes, tags, results, units. Tables only.

Sources: Green Book 9.4 (APDU tags), 9.5 (enumerations of the COSEMpdu module), Blue Book 4.1.5 (data types) and 4.3.2
(units).
"""

from __future__ import annotations

# Interface classes (Blue Book 4).
DATA, REGISTER, EXTENDED_REGISTER, DEMAND_REGISTER = 1, 3, 4, 5
PROFILE_GENERIC, CLOCK = 7, 8
ASSOCIATION_LN = 15

# Data types (Blue Book 4.1.5).
NULL = 0
ARRAY = 1
STRUCTURE = 2
BOOLEAN = 3
BIT_STRING = 4
DOUBLE_LONG = 5
DOUBLE_LONG_UNSIGNED = 6
OCTET_STRING = 9
VISIBLE_STRING = 10
UTF8_STRING = 12
BCD = 13
INTEGER = 15
LONG = 16
UNSIGNED = 17
LONG_UNSIGNED = 18
COMPACT_ARRAY = 19
LONG64 = 20
LONG64_UNSIGNED = 21
ENUM = 22
FLOAT32 = 23
FLOAT64 = 24
DATE_TIME = 25
DATE = 26
TIME = 27
DELTA_INTEGER = 28
DELTA_LONG = 29
DELTA_DOUBLE_LONG = 30
DELTA_UNSIGNED = 31
DELTA_LONG_UNSIGNED = 32
DELTA_DOUBLE_LONG_UNSIGNED = 33
DONT_CARE = 255

# xDLMS APDU tags (Green Book 9.5, XDLMS-APDU).
INITIATE_REQUEST = 0x01
READ_REQUEST = 0x05
WRITE_REQUEST = 0x06
INITIATE_RESPONSE = 0x08
READ_RESPONSE = 0x0C
WRITE_RESPONSE = 0x0D
CONFIRMED_SERVICE_ERROR = 0x0E
DATA_NOTIFICATION = 0x0F
GET_REQUEST = 0xC0
SET_REQUEST = 0xC1
EVENT_NOTIFICATION_REQUEST = 0xC2
ACTION_REQUEST = 0xC3
GET_RESPONSE = 0xC4
SET_RESPONSE = 0xC5
ACTION_RESPONSE = 0xC7
EXCEPTION_RESPONSE = 0xD8
GENERAL_GLO_CIPHERING = 0xDB
GENERAL_DED_CIPHERING = 0xDC
GENERAL_CIPHERING = 0xDD
GENERAL_SIGNING = 0xDF
GENERAL_BLOCK_TRANSFER = 0xE0
# What comes unasked, in the first octet: DataNotification, InformationReport, EventNotification, the last two ciphered.
UNSOLICITED = frozenset((b"\x0f", b"\x18", b"\xc2", b"\x38", b"\xca", b"\x58", b"\xd2"))
# The general forms of ciphering and signing, in which meters push under a key of its own, too.
GENERAL_FORMS = frozenset((b"\xdb", b"\xdc", b"\xdd", b"\xdf"))
# Of what comes unasked, passed over before giving up: a burst may have waited for somebody to listen.
MAX_UNSOLICITED = 256

# ACSE APDU tags (BER, application class, constructed).
AARQ = 0x60
AARE = 0x61
RLRQ = 0x62
RLRE = 0x63

# Application contexts, 2.16.756.5.8.1.n.
LN = 1
SN = 2
LN_CIPHERED = 3
SN_CIPHERED = 4

# Authentication mechanisms, 2.16.756.5.8.2.n, under the names that the `auth` parameter uses.
MECHANISMS = {
    "None": 0, "Low": 1, "High": 2, "HighMd5": 3, "HighSha1": 4, "HighGmac": 5, "HighSha256": 6, "HighEcdsa": 7,
}  # fmt: skip
MECHANISM_NONE = 0
MECHANISM_LOW = 1
MECHANISM_HIGH = 2
MECHANISM_MD5 = 3
MECHANISM_SHA1 = 4
MECHANISM_GMAC = 5
MECHANISM_SHA256 = 6
MECHANISM_ECDSA = 7

# Base names of the association object, by convention (Blue Book 4.1.3).
SN_ASSOCIATION = 0xFA00
# reply_to_HLS_authentication: a method of Association LN, and its offset in Association SN (Blue Book, mapping of short
# names).
REPLY_TO_HLS = 1
SN_REPLY_TO_HLS = SN_ASSOCIATION + 0x58
SN_VAA_NAME = 0xFA00
LN_VAA_NAME = 0x0007

# Of every service with data, and those of each alone.
_RESULTS = {
    0: "success",
    1: "hardware fault",
    2: "temporary failure",
    3: "read-write denied",
    4: "object undefined",
    9: "object class inconsistent",
    11: "object unavailable",
    12: "type unmatched",
    13: "scope of access violated",
    14: "data block unavailable",
    250: "other reason",
}
DATA_ACCESS_RESULTS = {
    **_RESULTS,
    15: "long get aborted",
    16: "no long get in progress",
    17: "long set aborted",
    18: "no long set in progress",
    19: "data block number invalid",
}
ACTION_RESULTS = {**_RESULTS, 15: "long action aborted", 16: "no long action in progress"}
# Results that mean: there is no such object, attribute or class here.
NOT_FOUND = (4, 9, 11)

# State and service errors of an ExceptionResponse.
STATE_ERRORS = {1: "service not allowed", 2: "service unknown"}
EXCEPTION_SERVICE_ERRORS = {
    1: "operation not possible",
    2: "service not supported",
    3: "other reason",
    4: "PDU too long",
    5: "deciphering error",
    6: "invocation counter error",
}
SERVICE_NOT_ALLOWED = 1
DECIPHERING_ERROR = 5
INVOCATION_COUNTER_ERROR = 6

# ConfirmedServiceError: which service failed, and {class of error: (its name, {code: words})}.
CONFIRMED_SERVICES = {1: "initiate", 2: "get status", 3: "get name list", 5: "read", 6: "write"}
SERVICE_ERRORS: dict[int, tuple[str, dict[int, str]]] = {
    0: ("application reference", {
        0: "other", 1: "time elapsed", 2: "application unreachable", 3: "application reference invalid",
        4: "application context unsupported", 5: "provider communication error", 6: "deciphering error",
    }),
    1: ("hardware resource", {
        0: "other", 1: "memory unavailable", 2: "processor resource unavailable", 3: "mass storage unavailable",
        4: "other resource unavailable",
    }),
    2: ("VDE state", {
        0: "other", 1: "no DLMS context", 2: "loading data set", 3: "status no change", 4: "status inoperable",
    }),
    3: ("service", {0: "other", 1: "PDU size", 2: "service unsupported"}),
    4: ("definition", {
        0: "other", 1: "object undefined", 2: "object class inconsistent", 3: "object attribute inconsistent",
    }),
    5: ("access", {
        0: "other", 1: "scope of access violated", 2: "object access violated", 3: "hardware fault",
        4: "object unavailable",
    }),
    6: ("initiate", {
        0: "other", 1: "DLMS version too low", 2: "incompatible conformance", 3: "PDU size too short",
        4: "refused by the VDE handler",
    }),
    7: ("load data set", {0: "other", 1: "primitive out of sequence", 2: "not loadable"}),
    9: ("task", {0: "other", 1: "no remote control", 2: "task invocation stopped", 3: "task invocation running"}),
}  # fmt: skip
APPLICATION_REFERENCE = 0
INITIATE_ERROR = 6
ERROR_DECIPHERING = 6

# AARE: association-result, and the two sets of diagnostics (Green Book 9.4.2, ISO/IEC 8650-1).
ASSOCIATION_RESULTS = {0: "accepted", 1: "rejected for good", 2: "rejected for now"}
NO_REASON = (0, 1)  # diagnostics of either source
ACSE_SERVICE_USER = 1
ACSE_SERVICE_PROVIDER = 2
USER_DIAGNOSTICS = {
    0: "no reason",
    1: "no reason given",
    2: "application context name not supported",
    3: "calling AP-title not recognised",
    4: "calling AP invocation identifier not recognised",
    5: "calling AE-qualifier not recognised",
    6: "calling AE invocation identifier not recognised",
    7: "called AP-title not recognised",
    8: "called AP invocation identifier not recognised",
    9: "called AE-qualifier not recognised",
    10: "called AE invocation identifier not recognised",
    11: "authentication mechanism name not recognised",
    12: "authentication mechanism name required",
    13: "authentication failure",
    14: "authentication required",
}
PROVIDER_DIAGNOSTICS = {0: "no reason", 1: "no reason given", 2: "no common ACSE version"}
DIAGNOSTIC_AUTHENTICATION_REQUIRED = 14
# Diagnostics that another secret or mechanism would cure; 14 comes with "accepted" where HLS goes on.
AUTHENTICATION_DIAGNOSTICS = (11, 12, 13, 14)

# Physical units (Blue Book 4.3.2, Table 4), as the standard writes them; 254 is another
# unit, 255 none.
UNITS = {
    1: "a", 2: "mo", 3: "wk", 4: "d", 5: "h", 6: "min", 7: "s", 8: "°", 9: "°C", 10: "currency",
    11: "m", 12: "m/s", 13: "m³", 14: "m³", 15: "m³/h", 16: "m³/h", 17: "m³/d", 18: "m³/d", 19: "l", 20: "kg",
    21: "N", 22: "Nm", 23: "Pa", 24: "bar", 25: "J", 26: "J/h", 27: "W", 28: "VA", 29: "var", 30: "Wh",
    31: "VAh", 32: "varh", 33: "A", 34: "C", 35: "V", 36: "V/m", 37: "F", 38: "Ω", 39: "Ωm²/m", 40: "Wb",
    41: "T", 42: "A/m", 43: "H", 44: "Hz", 45: "1/(Wh)", 46: "1/(varh)", 47: "1/(VAh)", 48: "V²h", 49: "A²h",
    50: "kg/s", 51: "S", 52: "K", 53: "1/(V²h)", 54: "1/(A²h)", 55: "1/m³", 56: "%", 57: "Ah",
    60: "Wh/m³", 61: "J/m³", 62: "Mol %", 63: "g/m³", 64: "Pa s", 65: "J/kg", 66: "g/cm²", 67: "atm",
    70: "dBm", 71: "dBµV", 72: "dB",
    128: "in", 129: "ft", 130: "lb", 131: "°F", 132: "°R", 133: "in²", 134: "ft²", 135: "acre", 136: "in³", 137: "ft³",
    138: "acre ft", 139: "gal (imp)", 140: "gal (US)", 141: "lbf", 142: "psi", 143: "lb/ft³", 144: "lb/(ft s)",
    145: "ft²/s", 146: "Btu", 147: "thm (EU)", 148: "thm (US)", 149: "Btu/lb", 150: "Btu/ft³", 151: "ft³",
    152: "ft/s", 153: "ft³/s", 154: "ft³/min", 155: "ft³/h", 156: "ft³/d", 157: "acre ft/s", 158: "acre ft/min",
    159: "acre ft/h", 160: "acre ft/d", 161: "gal (imp)", 162: "gal (imp)/s", 163: "gal (imp)/min",
    164: "gal (imp)/h", 165: "gal (imp)/d", 166: "gal (US)", 167: "gal (US)/s", 168: "gal (US)/min",
    169: "gal (US)/h", 170: "gal (US)/d", 171: "Btu/s", 172: "Btu/min", 173: "Btu/h", 174: "Btu/d",
}  # fmt: skip
