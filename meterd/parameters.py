"""How a protocol declares its Device and Signal tables, and how one value is held against its row.

One `Parameter` is one row of the contract. The tables validate configuration, fill defaults, print the reference and
the JSON Schema, and word every error; nothing else in meterd knows what a parameter may be.
"""

from __future__ import annotations

from ._number import Number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

STRING = "string"
INTEGER = "integer"
BOOLEAN = "boolean"

BAUDRATES = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
NUMBER_TYPES = (
    "FLOAT", "DOUBLE", "DIGITAL", "STRING",
    "SIGNED8", "SIGNED16", "SIGNED32", "SIGNED64", "UNSIGNED8", "UNSIGNED16", "UNSIGNED32", "UNSIGNED64",
)  # fmt: skip

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


class Parameter:
    """One row of a protocol's table.

    `kind` STRING, INTEGER or BOOLEAN; `low`/`high` bound an integer, or a string's length; `choices` lists the only
    values allowed (strings are matched without regard to case and stored as listed here); `required_tcp` and
    `required_serial` as the table's two columns say; `origin` 'seed' for the manual's parameters, 'meterd' for ours;
    `aliases` older names; `secret` values are never shown, and may also come from a file named by `<name>_file`;
    `check` may refuse or rewrite a value of the right kind: it raises ValueError saying what is allowed. With `blanks`
    those at a string's ends belong to it. One that is `seldom` given is not kept where it is not: a gateway has many
    signals.
    """

    __slots__ = (
        "aliases", "blanks", "check", "choices", "default", "help", "high", "kind", "low", "name", "origin",
        "required_serial", "required_tcp", "secret", "seldom",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: str,
        help: str,
        *,
        default: Any = None,
        low: int | None = None,
        high: int | None = None,
        choices: tuple[Any, ...] = (),
        required_tcp: bool = False,
        required_serial: bool = False,
        origin: str = "seed",
        aliases: tuple[str, ...] = (),
        secret: bool = False,
        check: Callable[[Any], Any] | None = None,
        blanks: bool = False,
        seldom: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.help = help
        self.default = default
        self.low = low
        self.high = high
        self.choices = choices
        self.required_tcp = required_tcp
        self.required_serial = required_serial
        self.origin = origin
        self.aliases = aliases
        self.secret = secret
        self.check = check
        self.blanks = blanks
        self.seldom = seldom

    def but(self, **changes: Any) -> Parameter:
        """The same row with some columns changed."""
        columns = {column: changes.get(column, getattr(self, column)) for column in self.__slots__}
        return Parameter(columns.pop("name"), columns.pop("kind"), columns.pop("help"), **columns)

    def allowed(self) -> str:
        """What may stand here, in words."""
        if self.choices:
            return "one of " + ", ".join(map(str, self.choices))
        if self.kind == BOOLEAN:
            return "0 or 1"
        noun, unit = ("a whole number", "") if self.kind == INTEGER else ("text", " characters")
        if self.low is not None and self.high is not None:
            return f"{noun}, {self.low} to {self.high}{unit}"
        if self.low is not None:
            return f"{noun}, at least {self.low}{unit}"
        if self.high is not None:
            return f"{noun}, at most {self.high}{unit}"
        return noun

    def read(self, found: Any) -> Any:
        """The value that `found` (a JSON value or a workbook cell) stands for. Raises: ValueError, what is allowed."""
        value: Any
        if self.kind == STRING and type(found) is str:
            value = found if self.blanks else found.strip()
        elif self.kind == INTEGER:
            value = _integer(found)
        elif self.kind == BOOLEAN:
            value = _boolean(found)
        else:
            value = _text(found)
        if value is None:
            raise ValueError(self.allowed())
        if self.choices or self.low is not None or self.high is not None:
            value = self._within(value)
        return self.check(value) if self.check else value

    def _within(self, value: Any) -> Any:
        if self.choices:
            for choice in self.choices:
                if value == choice or (isinstance(choice, str) and str(value).lower() == choice.lower()):
                    return choice
            raise ValueError(self.allowed())
        if self.kind != BOOLEAN:
            size = len(value) if self.kind == STRING else value
            if (self.low is not None and size < self.low) or (self.high is not None and size > self.high):
                raise ValueError(self.allowed())
        return value


def _integer(found: Any) -> int | None:
    """Whole numbers come as 7, '7', '0x07', '7,0' or 7.0 from workbooks of all ages."""
    if isinstance(found, bool):
        return int(found)
    if isinstance(found, int):
        return found
    if isinstance(found, float):
        return int(found) if found.is_integer() else None
    if not isinstance(found, str):
        return None
    text = found.strip().replace(",", ".")
    try:
        if text[:2].lower() == "0x":
            return int(text, 16)
        whole, _, fraction = text.partition(".")
        return int(whole) if not fraction.strip("0") and "_" not in whole else None
    except ValueError:
        return None


def _boolean(found: Any) -> bool | None:
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    text = str(int(found) if isinstance(found, bool) else found).strip().lower()
    return True if text in _TRUE else False if text in _FALSE else None


def _text(found: Any) -> str | None:
    """A number typed into a text cell is the text that was typed."""
    if isinstance(found, bool) or found is None:
        return None
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return str(found).strip() if isinstance(found, (str, int, float)) else None


def _alias(value: str) -> str:
    plain = value if value.isalnum() else value.replace("-", "0").replace("_", "0")
    if not (plain.isascii() and plain.isalnum()) or value[0] == "_":
        raise ValueError("letters, digits, '-' and '_'; not '_' at the beginning, which is meterd's own")
    return value


def _host(value: str) -> str:
    """An address or a name, for which people paste what a browser shows."""
    if value.startswith("[") and value.endswith("]"):
        value = value[1:-1]
    if "/" in value or any(letter.isspace() for letter in value) or value.count(":") == 1:
        raise ValueError("an address or a host name alone: no http://, no path; the port has a parameter of its own")
    return value


def _data_bits(value: int) -> int:
    # The manual's table allows 9; no serial port of any Linux can be set to it.
    if value == 9:
        raise ValueError("6, 7 or 8: no serial port can be set to 9 data bits")
    return value


def printable_text(value: str) -> str:
    """A `check`: what may stand between brackets in IEC 62056-21 (clause 6.3.14). Raises: ValueError."""
    if not value.isascii() or not value.isprintable() or set(value) & set("()*/!"):
        raise ValueError("printable ASCII characters other than ( ) * / !")
    return value


def _decimal(value: str) -> str:
    """A number as people and spreadsheets write it: 0.001, 0,001, 1e-3."""
    from .number import with_power  # few signals are recalculated

    try:
        return str(with_power(value, Number))
    except ValueError:
        raise ValueError("a decimal number, such as 0.001") from None


def _decimals(value: str) -> str:
    try:
        return " ".join(map(_decimal, value.split()))
    except ValueError:
        raise ValueError("decimal numbers with blanks between, such as 0 2.5") from None


def _not_negative(value: str) -> str:
    value = _decimal(value)
    if value[0] == "-":
        raise ValueError("a decimal number that is not negative, such as 0.5")
    return value


# Beyond these it is a slip (seconds or microseconds were meant), and a meter that is never read again says nothing.
HOUR_MS = 3_600_000
YEAR_MS = 366 * 24 * HOUR_MS

BOTH: dict[str, Any] = {"required_tcp": True, "required_serial": True}

DEVICE_IDENTITY = (
    Parameter("name", STRING, "User-friendly name of the device", **BOTH),
    Parameter("description", STRING, "Description of the device", default=""),
    Parameter("device_alias", STRING, "Alphanumeric string to identify the device", check=_alias, **BOTH),
    Parameter("enable", BOOLEAN, "Enable or disable the device", default=True),
    Parameter("protocol", STRING, "Protocol to be used", **BOTH),
)
SERIAL_PORT = (
    Parameter("device", STRING, "Communication port: PORT1, PORT2 or the path of a device node", required_serial=True),
    Parameter("baudrate", INTEGER, "Communication speed, bauds", default=9600, choices=BAUDRATES),
)
CHARACTER_FORMAT = (
    Parameter("databits", INTEGER, "Data bits per character", default=8, low=6, high=9, check=_data_bits),
    Parameter("stopbits", INTEGER, "Stop bits per character", default=1, low=1, high=2),
    Parameter("parity", STRING, "Parity", default="none", choices=("none", "even", "odd")),
    Parameter("flowcontrol", STRING, "Flow control", default="none", choices=("none",)),
)
TCP_ENDPOINT = (
    Parameter(
        "ip",
        STRING,
        "IP address for a TCP connection; serial settings are then ignored, but for serial_server",
        required_tcp=True,
        check=_host,
    ),
    Parameter("port", INTEGER, "TCP port", low=0, high=65535, required_tcp=True),
    Parameter(
        "serial_server",
        STRING,
        "What answers at ip and port: raw passes bytes as they are; rfc2217 (Telnet COM port control) takes baudrate, "
        "databits, stopbits and parity as well, so that speeds are switched as on a line of our own",
        default="raw",
        choices=("raw", "rfc2217"),
        origin="meterd",
    ),
)
TRANSPORT = Parameter(
    "transport",
    STRING,
    "What carries the wrapper to ip and port: tcp, or udp, which is for mode DLMS-WRAPPER alone",
    default="tcp",
    choices=("tcp", "udp"),
    origin="meterd",
)
# Of meters that call.
CALLS = (
    Parameter(
        "listen",
        BOOLEAN,
        "1: the meter connects to meterd, which listens at ip (0.0.0.0: every address of this machine) and port",
        default=False,
        origin="meterd",
    ),
    Parameter(
        "caller",
        STRING,
        "With listen, how the meter is known when it calls: its logical device name, number or system title (hex), or "
        "the address it calls from, 10.1.2.3, of one wPort behind that 10.1.2.3/17. One that has no such name takes "
        "whoever else calls",
        high=64,
        origin="meterd",
    ),
)
SERIAL_CLOSE_DELAY = Parameter(
    "serial_close_delay", INTEGER, "Delay before closing the serial port, ms", default=400, low=0, high=HOUR_MS
)
POLL_DELAY = Parameter(
    "poll_delay_ms", INTEGER, "Shortest wait before sending any data on the port, ms", default=200, low=0, high=HOUR_MS
)
SCAN_RATE = Parameter(
    "scan_rate_ms",
    INTEGER,
    "Time frame within which all signals are read once, ms; 0 or less: none, the meter is read again as soon as its "
    "line is free",
    default=10000,
    high=YEAR_MS,
)
SCAN_ALIGN = (
    Parameter("scan_align", BOOLEAN, "After the first one scans begin by the clock, at whole multiples of scan_rate_ms "
              "from midnight on, local time: 900000 reads at each quarter of an hour", default=False, origin="meterd"),
    Parameter("scan_spread_ms", INTEGER, "With scan_align: lines begin within this time behind the clock's, each at a "
              "place of its own, ms", default=1000, low=0, high=HOUR_MS, origin="meterd"),
)  # fmt: skip
TIMEOUT = Parameter("timeout_ms", INTEGER, "Wait for an answer, ms", default=2500, low=1, high=600000)
# Not a driver's, but the hub's of a WCC Lite: names of its manual 1.4.0, pages 119 and 120, but for the thresholds',
# which it does not tell.
_HUBS: dict[str, Any] = {"seldom": True, "origin": "meterd"}
RECALCULATION = (
    Parameter("units", STRING, "Unit in which the value leaves, as it is after multiply", **_HUBS, high=32),
    Parameter("multiply", STRING, "Factor; digits are kept exact", **_HUBS, check=_decimal),
    Parameter("add", STRING, "What is added after multiply", **_HUBS, check=_decimal),
    Parameter(
        "bit_select", INTEGER, "The one bit of a whole number that leaves, 0 the lowest", **_HUBS, low=0, high=63
    ),
    Parameter(
        "suppression_values",
        STRING,
        "Values with blanks between, each of which leaves only once it has stood for suppression_time_ms",
        **_HUBS,
        check=_decimals,
    ),
    Parameter(
        "suppression_time_ms", INTEGER, "How long suppression_values are held back", **_HUBS, low=0, high=YEAR_MS
    ),
    Parameter(
        "absolute_threshold",
        STRING,
        "A good value leaves only where it differs by so much from the last one that left",
        check=_not_negative,
        **_HUBS,
    ),
    Parameter(
        "integral_threshold",
        STRING,
        "A good value leaves once its difference from the last one that left, times the seconds it stood, adds up to "
        "so much",
        check=_not_negative,
        **_HUBS,
    ),
)
RECALCULATED = frozenset(parameter.name for parameter in RECALCULATION)
SIGNAL_IDENTITY = (
    Parameter("signal_name", STRING, "User-friendly name of the signal", **BOTH),
    Parameter("device_alias", STRING, "Alias of the device it is read from", **BOTH),
    Parameter("signal_alias", STRING, "Unique alphanumeric name of the signal", check=_alias, **BOTH),
    Parameter("enable", BOOLEAN, "Enable or disable the signal", default=True),
    Parameter("log", INTEGER, "More than 0: keep the signal in the event log", default=0, low=0),
    *RECALCULATION,
)
NUMBER_TYPE = Parameter("number_type", STRING, "Number format of the value", choices=NUMBER_TYPES, **BOTH)
JOB_TODO = Parameter("job_todo", STRING, "What to request", **BOTH)
TAG_JOB_TODO = Parameter("tag_job_todo", STRING, "Which part of the answer feeds the signal", **BOTH)


def unasked(what: str) -> tuple[Parameter, ...]:
    """The rows that are alike for meters that send a `what` unasked."""
    return (
        SCAN_RATE.but(
            default=0,
            help=f"How often a {what} is expected, ms: without one for twice as long, values are stale; 0 or less: as "
            "the meter has been heard to send",
            origin="meterd",
        ),
        TIMEOUT.but(help=f"Longest gap within a {what}, ms", origin="meterd"),
        Parameter(
            "identity_check",
            BOOLEAN,
            "Publish nothing of a meter that tells another serialnumber",
            default=True,
            origin="meterd",
        ),
    )


def octets_in_hex(allowed: str, *sizes: int) -> Callable[[str], str]:
    """A `check` of so many octets; `allowed` says so in words."""

    def check(value: str) -> str:
        text = value.replace(" ", "").removeprefix("0x")
        try:
            size = len(bytes.fromhex(text))
        except ValueError:
            size = 0
        if size not in sizes:
            raise ValueError(allowed)
        return text

    return check
