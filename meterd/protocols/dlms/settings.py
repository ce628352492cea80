"""What a device's parameters come to: addresses, the link's limits, and the credentials of the association.

Everything that can be wrong in a configuration is found here, before a byte is sent; messages name the parameter and
never show a secret.
"""

from __future__ import annotations

from ...conversation import LineSettings
from ...errors import ConfigError, MeterdError, SecurityError, module_for
from ...obis import parse_logical_name
from . import enumerations as codes
from .links import address
from .octets import octets, secret_octets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from ...model import Device
    from .links.hdlc import HdlcLink
    from .links.wrapper import WrapperLink
    from .memory import DlmsMemory
    from .security import keys
    from .security.context import SecurityContext
    from .security.counting import Counters

# Mechanisms whose proof covers the system titles of both sides.
_TITLED = (codes.MECHANISM_GMAC, codes.MECHANISM_SHA256, codes.MECHANISM_ECDSA)
# The letters before the random octets of a system title that is made: those of a maker, none of whose meters this is.
MADE_TITLE = b"MTD"
TITLE_LENGTH = 8
_WITH_PASSWORD = (
    codes.MECHANISM_HIGH, codes.MECHANISM_MD5, codes.MECHANISM_SHA1, codes.MECHANISM_SHA256,
)  # fmt: skip
_KEYS = (
    "system_title",
    "meter_title",
    "encryption_key",
    "authentication_key",
    "dedicated_key",
    "private_key",
    "peer_public_key",
)


def key_reader() -> ModuleType:
    """What reads keys. Raises: ConfigError where that is not installed."""
    what = "security: ciphering or high-level authentication"
    return module_for(what, f"{__package__}.security.keys", "meterd-dlms-security")


class Credentials:
    """Who the client is and how it proves it, for every association of one device."""

    __slots__ = (
        "authenticate", "authentication_key", "dedicated_key", "encrypt", "encryption_key", "general", "mechanism",
        "meter_title", "peer_key", "private_key", "secret", "suite", "title",
    )  # fmt: skip

    def __init__(self, mechanism: int = codes.MECHANISM_NONE, suite: int = 0, general: bool = False) -> None:
        self.mechanism = mechanism
        self.secret = b""
        self.suite = suite
        self.authenticate = self.encrypt = False
        self.general = general
        self.meter_title = b""  # where the meter does not tell it, or another than it uses
        self.title = self.encryption_key = self.authentication_key = self.dedicated_key = b""
        self.private_key: keys.PrivateKey | None = None
        self.peer_key: keys.PublicKey | None = None

    @classmethod
    def of(cls, device: Device) -> Credentials:
        """Raises: ConfigError where something that the security asks for is missing or malformed."""
        mechanism, suite, general = (
            codes.MECHANISMS[device["auth"]],
            device["security_suite"],
            device["general_ciphering"],
        )
        protected = device["security"] != "none" or any(device[name] for name in ("password", *_KEYS))
        if mechanism == codes.MECHANISM_NONE and not protected:
            return _open.get((suite, general)) or _open.setdefault((suite, general), cls(mechanism, suite, general))
        self = cls(mechanism, suite, general)
        self.secret = secret_octets(device["password"] or "")
        self.authenticate = device["security"] in ("authentication", "both")
        self.encrypt = device["security"] in ("encryption", "both")
        if self.mechanism > codes.MECHANISM_LOW or self.ciphered or any(device[name] for name in _KEYS):
            self._read_keys(device)
        self._check(device)
        return self

    def _read_keys(self, device: Device) -> None:
        keys, suite = key_reader(), self.suite
        if device["system_title"]:
            self.title = keys.system_title(device["system_title"], "system_title")
        if device["meter_title"]:
            self.meter_title = keys.system_title(device["meter_title"], "meter_title")
        for name in ("encryption_key", "authentication_key", "dedicated_key"):
            if device[name]:
                setattr(self, name, keys.symmetric_key(device[name], name, suite))
        if device["private_key"]:
            self.private_key = keys.private_key(device["private_key"], "private_key", suite)
        if device["peer_public_key"]:
            self.peer_key = keys.public_key(device["peer_public_key"], "peer_public_key", suite)

    def _check(self, device: Device) -> None:
        needed = []
        if self.ciphered:
            needed.append("system_title")
        if self.keyed:
            needed.append("encryption_key")
        if self.authenticate or self.mechanism == codes.MECHANISM_GMAC:
            needed.append("authentication_key")
        if self.mechanism in _WITH_PASSWORD:
            needed.append("password")
        if self.mechanism == codes.MECHANISM_ECDSA:
            needed += ["private_key", "peer_public_key"]
            if not self.suite:
                raise ConfigError("", "security_suite: auth HighEcdsa needs suite 1 or 2")
        for name in needed:
            if not device[name]:
                demand = f"auth {device['auth']}, security {device['security']}"
                raise ConfigError("", f"{name}: is missing, and {demand} needs it")

    @property
    def ciphered(self) -> bool:
        return self.authenticate or self.encrypt

    @property
    def titled(self) -> bool:
        """Whether the AARQ carries the system title."""
        return self.ciphered or self.mechanism in _TITLED

    @property
    def keyed(self) -> bool:
        """Whether anything is sealed or proven under the keys: then a counter is spent."""
        return self.ciphered or self.mechanism == codes.MECHANISM_GMAC

    def counter_names(self) -> list[str]:
        """The names of the invocation counters of the keys in use, the global one's first."""
        from .security.counting import counter_name

        if not self.title:
            raise ConfigError("", "system_title: is made at the first reading, and the counter with it; configure one")
        keys = (self.encryption_key, self.dedicated_key)
        return [counter_name(self.title, key) for key in keys if key]

    def context(self, counters: Counters) -> SecurityContext:
        """A security context that spends of these counters. For credentials that are keyed."""
        from .security.context import SecurityContext

        return SecurityContext(
            self.title,
            self.encryption_key,
            self.authentication_key,
            suite=self.suite,
            authenticate=self.authenticate,
            encrypt=self.encrypt,
            dedicated_key=self.dedicated_key,
            counter=counters,
            heard=counters.heard,
        )

    def titled_by(self, memory: DlmsMemory) -> None:
        """See to it that there is a system title where one is told: a made one lasts as long as the state folder does.

        Made of random octets, so that no two clients have the same and none that is lost comes back. Raises:
        SecurityError where there is nothing to make it of.
        """
        if self.title or not self.titled:
            return
        if not memory.title:
            if memory.random_bytes is None:
                raise SecurityError("system_title: is missing, and there is no source of random numbers to make one")
            memory.title = (MADE_TITLE + memory.random_bytes(TITLE_LENGTH))[:TITLE_LENGTH]
            memory.save()
        self.title = memory.title

    def doubt_counter(self, error: Exception, memory: DlmsMemory) -> None:
        """Where the keys are refused another client may have counted on: the meter's count is learnt anew next time.

        What is reserved was never used, so going on from there repeats no number.
        """
        if self.keyed and isinstance(error, MeterdError) and error.reason in ("key", "auth"):
            memory.counters(self.counter_names()).doubt()

    def secrets(self) -> tuple[bytes, ...]:
        """What no trace may show."""
        found = (self.secret, self.encryption_key, self.authentication_key, self.dedicated_key)
        return tuple(octets for octets in found if octets)


# Of devices that prove nothing, all of which are alike: security suite, general ciphering → credentials.
_open: dict[tuple[int, bool], Credentials] = {}


class Settings:
    """One device: where it is, how its line is opened, and what is asked for in an association."""

    __slots__ = (
        "association_object", "attempts", "check_identity", "client", "counter_name", "credentials", "endpoint",
        "expected", "keep_open", "line", "lists", "max_info", "max_pdu", "pairs_by_invoke_id", "proposal",
        "public_client", "reversed_deviation", "server", "short_names", "sign_on_address", "signs_on",
        "surplus_octets", "timeout_ms", "window", "wrapped",
    )  # fmt: skip

    def __init__(self, device: Device) -> None:
        """Raises: ConfigError."""
        self.short_names: bool = device["type"] == "SN"
        self.wrapped: bool = device["mode"] == "DLMS-WRAPPER"
        if device["transport"] == "udp" and not (self.wrapped and device.over_tcp()):
            raise ConfigError("", "transport: udp takes an ip, and mode DLMS-WRAPPER")
        # Over TCP there is no optical head to sign on through (manual 1.4.0, page 95).
        self.signs_on: bool = device["mode"] == "IEC" and device.has_line()
        self.timeout_ms: int = device["timeout_ms"]
        self.attempts: int = device["retry_counter"]
        self.max_info: int = device["max_info_field"]
        self.window: int = device["window_size"]
        self.max_pdu: int = device["max_pdu_size"]
        self.keep_open: bool = device["keep_open"]
        self.client: int = device["client_address"]
        self.public_client: int = device["public_client_address"]
        self.endpoint: str = device.line
        self.check_identity: bool = device["check_identity"]
        self.expected: str = device["expect_serial"] or ""
        self.server = self._server(device)
        self.line = _line_settings(device) if device.has_line() else None
        counter = device["invocation_counter_obis"]
        self.counter_name: bytes = parse_logical_name(counter) if counter else b""
        self.credentials = Credentials.of(device)
        # The conformance to propose where it is not the reader's usual one.
        self.proposal: frozenset[str] | None = None
        if device["conformance"]:  # hardly any device has one
            from .apdus import conformance

            self.proposal = conformance.decode(octets(device["conformance"]))
        self.lists: str = device["lists"]
        self.reversed_deviation: bool = device["reversed_deviation"]
        self.surplus_octets: bool = device["surplus_octets"]
        self.pairs_by_invoke_id: bool = device["check_invoke_id"]
        name = device["association_object"]
        self.association_object: bytes = parse_logical_name(name) if name else b""

    def _server(self, device: Device) -> bytes:
        """The HDLC address, or the wPort as two octets."""
        logical, physical = device["logical_address"], device["physical_address"]
        if device["serial_number"]:
            logical = address.SERIAL_LOGICAL  # with a serial number the manual ignores what else is given
        if self.wrapped:
            return address.wrapper_port(logical, physical).to_bytes(2, "big")
        parameter = ""
        try:
            for parameter in ("client_address", "public_client_address"):
                address.client_address(device[parameter])
            parameter = "server_address_hex"
            if device[parameter]:
                return address.parse_raw(device[parameter])
            parameter = "serial_number"
            if device[parameter]:
                return address.serial_address(device[parameter], device["address_formula"])
            parameter = "address_size"
            return address.server_address(logical, physical, device[parameter])
        except ValueError as error:
            raise ConfigError("", f"{parameter}: {error}") from None

    def wrapper_link(self, client: int) -> WrapperLink:
        from .links.wrapper import WrapperLink

        link = WrapperLink(client, int.from_bytes(self.server, "big"), self.timeout_ms)
        link.shortcut.pairs = not self.pairs_by_invoke_id
        return link

    def hdlc_link(self, client: int) -> HdlcLink:
        from .links.hdlc import HdlcLink

        return HdlcLink(
            address.client_address(client), self.server, self.timeout_ms, self.attempts, self.max_info, self.window
        )

    def identity(self) -> str:
        """Who is asked, by whom and by which kind of names: what is learnt of a meter holds as long as this is it."""
        return f"{self.client}/{self.server.hex()}/{'SN' if self.short_names else 'LN'}"

    def describe(self) -> str:
        """The addresses as a log shows them: decimal and hexadecimal."""
        client = f"client {self.client} (0x{self.client:02X})"
        if self.wrapped:
            port = int.from_bytes(self.server, "big")
            return f"{client}, server wPort {port} (0x{port:04X})"
        logical, physical = address.split_address(self.server)
        # One byte holds one number, whichever of the two it was given as.
        told = f"{logical}" if len(self.server) == 1 else f"logical {logical}, physical {physical}"
        return f"{client}, server {self.server.hex(' ').upper()} ({told})"


def _line_settings(device: Device) -> LineSettings:
    return LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])
