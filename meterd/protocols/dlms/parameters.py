"""The DLMS/COSEM tables: what the Devices and Signals tabs may say (manual, chapter 17.1), and what meterd adds.

The manual prints the default of `mode` as 'DLMS--HDLC'; that spelling is read as DLMS-HDLC. It calls `client_address`
hexadecimal while its own examples are decimal (32, 16): a plain number is decimal here, '0x10' is hexadecimal.
"""

from __future__ import annotations

from ...obis import parse_logical_name
from ...parameters import (
    BOOLEAN,
    BOTH,
    CALLS,
    CHARACTER_FORMAT,
    DEVICE_IDENTITY,
    HOUR_MS,
    INTEGER,
    SCAN_ALIGN,
    SCAN_RATE,
    SERIAL_PORT,
    SIGNAL_IDENTITY,
    STRING,
    TCP_ENDPOINT,
    TIMEOUT,
    TRANSPORT,
    Parameter,
)
from .links.address import DEFAULT_FORMULA, MAX_HALF, parse_formula, parse_raw
from .octets import octets, secret_octets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...model import Device

MODES = ("IEC", "DLMS", "DLMS-HDLC", "DLMS-WRAPPER")
# What most meters are, for a device described on a command line; a configuration has the manual's defaults.
UNSAID = {"client_address": 16, "physical_address": 1, "type": "LN"}
AUTHENTICATIONS = ("None", "Low", "High", "HighMd5", "HighSha1", "HighSha256", "HighGmac", "HighEcdsa")
CONFORMANCE_OCTETS = 3
SECURITIES = ("none", "authentication", "encryption", "both")


def _mode(value: str) -> str:
    return "DLMS-HDLC" if value == "DLMS--HDLC" else value


def _password(value: str) -> str:
    secret_octets(value)
    return value


def _formula(value: str) -> str:
    parse_formula(value)
    return value


def _raw_address(value: str) -> str:
    parse_raw(value)
    return value


def _conformance(value: str) -> str:
    if len(octets(value)) != CONFORMANCE_OCTETS:
        raise ValueError("three octets in hex, such as 00 12 1D")
    return value


def _logical_name(value: str) -> str:
    parse_logical_name(value)
    return value


DEVICE = (
    *DEVICE_IDENTITY,
    Parameter(
        "serial_number",
        INTEGER,
        "Meter serial number; makes the server address when given",
        default=0,
        low=0,
        aliases=("serialnumber",),
    ),
    Parameter(
        "physical_address",
        INTEGER,
        "Meter's physical server address",
        default=1600,
        low=0,
        high=MAX_HALF,
        aliases=("server_address",),
    ),
    Parameter(
        "logical_address", INTEGER, "Meter's logical server address", default=0, low=0, high=65535, aliases=("id",)
    ),
    Parameter(
        "address_size",
        INTEGER,
        "Least size of the server address in bytes; it widens where the numbers need it",
        default=1,
        choices=(1, 2, 4),
    ),
    Parameter(
        "client_address",
        INTEGER,
        "Client address: decimal, or hexadecimal as 0x10",
        low=0,
        high=65535,
        aliases=("master_address",),
        **BOTH,
    ),
    Parameter(
        "type", STRING, "Object referencing: SN short names, LN logical names", default="SN", choices=("SN", "LN")
    ),
    Parameter(
        "mode",
        STRING,
        "Handshake: IEC signs on as IEC 62056-21 mode E first; DLMS and DLMS-HDLC start with HDLC; "
        "DLMS-WRAPPER is the TCP wrapper",
        default="DLMS-HDLC",
        choices=(*MODES, "DLMS--HDLC"),
        check=_mode,
    ),
    TRANSPORT,
    *CALLS,
    TIMEOUT,
    Parameter("auth", STRING, "Authentication", default="None", choices=AUTHENTICATIONS),
    Parameter("password", STRING, "Password or HLS secret: text, or octets as 0x…", secret=True, check=_password),
    *TCP_ENDPOINT,
    *SERIAL_PORT,
    *CHARACTER_FORMAT,
    Parameter(
        "retry_counter",
        INTEGER,
        "Requests before the link counts as lost",
        default=3,
        low=1,
        high=100,
        aliases=("retry_count",),
    ),
    SCAN_RATE,
    *SCAN_ALIGN,
    Parameter(
        "reconnect_time",
        INTEGER,
        "Wait before the meter is tried again after a failure, ms",
        default=1000,
        low=0,
        high=24 * HOUR_MS,
    ),
    Parameter(
        "server_address_hex",
        STRING,
        "Server address as it stands on the wire, hex; wins over all other addresses",
        check=_raw_address,
        origin="meterd",
    ),
    Parameter(
        "address_formula",
        STRING,
        "How serial_number becomes the physical address: SN, numbers, % + - * /, from left to right",
        default=DEFAULT_FORMULA,
        check=_formula,
        origin="meterd",
    ),
    Parameter(
        "max_info_field",
        INTEGER,
        "Largest HDLC information field to propose, bytes; 128 with window 1 sends a bare SNRM",
        default=1024,
        low=32,
        high=2030,
        origin="meterd",
    ),
    Parameter("window_size", INTEGER, "HDLC window to propose, frames", default=1, low=1, high=7, origin="meterd"),
    Parameter(
        "max_pdu_size", INTEGER, "Largest APDU to accept, bytes", default=65535, low=64, high=65535, origin="meterd"
    ),
    Parameter(
        "conformance",
        STRING,
        "Conformance block to propose, three octets in hex; without it the usual one and, where the meter refuses it, "
        "one without general block transfer and general protection",
        check=_conformance,
        origin="meterd",
    ),
    Parameter(
        "lists",
        STRING,
        "Many attributes in one request: auto where the meter grants and answers them, yes wherever it grants them, no",
        default="auto",
        choices=("auto", "yes", "no"),
        origin="meterd",
    ),
    Parameter(
        "check_invoke_id",
        BOOLEAN,
        "Over DLMS-WRAPPER: an answer bears the invoke id of its request; 0 where the meter has one of its own for all",
        default=True,
        origin="meterd",
    ),
    Parameter(
        "surplus_octets",
        BOOLEAN,
        "Pass over whatever stands behind a value; 0: zeros only, anything else may be the value's rest",
        default=False,
        origin="meterd",
    ),
    Parameter(
        "reversed_deviation",
        BOOLEAN,
        "The meter tells the deviation of its times from local time to UTC the other way round: 60 for UTC+1, not -60",
        default=False,
        origin="meterd",
    ),
    Parameter("keep_open", BOOLEAN, "Leave the association open between scans", default=False, origin="meterd"),
    Parameter(
        "security",
        STRING,
        "Protection of APDUs: none, authentication, encryption, both",
        default="none",
        choices=SECURITIES,
        origin="meterd",
    ),
    Parameter(
        "security_suite",
        INTEGER,
        "Security suite: 0 AES-128, 1 AES-128 with ECDSA P-256, 2 AES-256 with ECDSA P-384",
        default=0,
        low=0,
        high=2,
        origin="meterd",
    ),
    Parameter(
        "general_ciphering",
        BOOLEAN,
        "Wrap requests as general-glo/general-ded instead of service-specific APDUs",
        default=False,
        origin="meterd",
    ),
    Parameter(
        "system_title",
        STRING,
        "This client's system title, 8 octets as hex; must be unique among the clients that share a key; without it "
        "one is made where only a High… authentication tells it",
        origin="meterd",
    ),
    Parameter(
        "meter_title",
        STRING,
        "The meter's system title, 8 octets as hex, where it tells none or another than it uses",
        origin="meterd",
    ),
    Parameter(
        "association_object",
        STRING,
        "Association object that takes the proof of a High… authentication and holds the object list; without it "
        "0.0.40.0.0.255, and where the meter does not know that, the next up to 0.0.40.0.15.255",
        check=_logical_name,
        origin="meterd",
    ),
    Parameter("encryption_key", STRING, "Global unicast encryption key, hex", secret=True, origin="meterd"),
    Parameter("authentication_key", STRING, "Authentication key, hex", secret=True, origin="meterd"),
    Parameter(
        "dedicated_key",
        STRING,
        "Dedicated key handed to the meter for the association, hex",
        secret=True,
        origin="meterd",
    ),
    Parameter(
        "invocation_counter_obis",
        STRING,
        "Object that holds the meter's counter for this client; read with the public client before ciphering",
        check=_logical_name,
        origin="meterd",
    ),
    Parameter(
        "public_client_address",
        INTEGER,
        "Client that may read the invocation counter without keys",
        default=16,
        low=0,
        high=65535,
        origin="meterd",
    ),
    Parameter(
        "expect_serial",
        STRING,
        "The meter that has to answer: its logical device name (0.0.42.0.0.255) or device number (0.0.96.1.0.255); of "
        "another one nothing is published (reason wrong_meter)",
        origin="meterd",
    ),
    Parameter(
        "check_identity",
        BOOLEAN,
        "Look in each association at what the meter calls itself, hold it against expect_serial, and learn its objects "
        "anew where it is another one",
        default=True,
        origin="meterd",
    ),
    Parameter("private_key", STRING, "Private signing key for HighEcdsa: hex or PEM", secret=True, origin="meterd"),
    Parameter("peer_public_key", STRING, "The meter's public signing key or certificate: hex or PEM", origin="meterd"),
)

SIGNAL = (
    *SIGNAL_IDENTITY,
    Parameter(
        "short_name",
        INTEGER,
        "Short name (base name) to read; 0 where only obis_job says what to read",
        default=0,
        low=0,
        high=65535,
    ),
    Parameter(
        "obis_job",
        STRING,
        "OBIS code with an optional attribute index, such as 1.0.1.8.0.255:2; registers are scaled",
        **BOTH,
    ),
    Parameter(
        "class_id",
        INTEGER,
        "Interface class of the object, where it is known; saves reading the object list",
        low=1,
        high=65535,
        origin="meterd",
    ),
    Parameter(
        "column",
        STRING,
        "Column of a profile buffer: its OBIS code with an optional :attribute, or its number from "
        "1; without it the signal carries whole rows",
        origin="meterd",
    ),
    Parameter(
        "scaler",
        INTEGER,
        "Power of ten of the value where the meter does not tell it (the register's scaler_unit cannot be read); what "
        "the meter tells comes first",
        low=-64,
        high=64,
        origin="meterd",
    ),
    Parameter(
        "profile_rows",
        INTEGER,
        "Rows of a profile to read when it is seen for the first time",
        default=96,
        low=1,
        high=65535,
        origin="meterd",
    ),
)


def review(devices: Iterable[Device]) -> list[tuple[Device, str | None, str, bool]]:
    """What is doubtful about devices that have a port or a key in common; hardly any site has such."""
    shared = list(devices)
    lines = {device.line for device in shared}
    titles = [device["system_title"].upper().replace(" ", "")[-16:] for device in shared if device["system_title"]]
    if len(lines) == len(shared) and len(set(titles)) == len(titles):
        return []
    from .neighbours import review as look

    return look(shared)
