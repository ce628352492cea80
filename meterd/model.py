"""The records that travel through meterd: devices, signals, readings, and exact numbers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

GOOD = "good"
STALE = "stale"
INVALID = "invalid"
OVERFLOW = "overflow"
QUALITIES = (GOOD, STALE, INVALID, OVERFLOW)

REASONS = (
    "no_bytes", "bad_frame", "timeout", "refused", "auth", "key", "not_found", "type", "clock", "disconnected",
    "not_read_yet",
)  # fmt: skip

# A power of ten beyond this is no quantity that a meter counts, and would print as a page of zeros.
MAX_EXPONENT = 64


class Number:
    """An exact decimal: `mantissa` × 10^`exponent`, printed with the digits that the meter sent.

    `Number(1472384, -1)` prints `147238.4`. Trailing zeros are kept, for they say how finely the meter counts.
    """

    __slots__ = ("exponent", "mantissa")

    def __init__(self, mantissa: int, exponent: int = 0) -> None:
        if not -MAX_EXPONENT <= exponent <= MAX_EXPONENT:
            raise ValueError(f"power of ten {exponent} is out of range")
        self.mantissa = mantissa
        self.exponent = exponent

    def __str__(self) -> str:
        if self.exponent >= 0:
            return str(self.mantissa) + "0" * self.exponent if self.mantissa else "0"
        places = -self.exponent
        digits = str(abs(self.mantissa)).rjust(places + 1, "0")
        sign = "-" if self.mantissa < 0 else ""
        return f"{sign}{digits[:-places]}.{digits[-places:]}"

    __json__ = __str__  # ujson prints the result as it is: a number with the meter's own digits

    def __repr__(self) -> str:
        return f"Number({self})"

    def __float__(self) -> float:
        return float(str(self))

    def reduced(self) -> tuple[int, int]:
        """Mantissa and exponent without trailing zeros: equal for equal values."""
        mantissa, exponent = self.mantissa, self.exponent
        if not mantissa:
            return (0, 0)
        while mantissa % 10 == 0:
            mantissa //= 10
            exponent += 1
        return (mantissa, exponent)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            other = Number(other)
        return isinstance(other, Number) and self.reduced() == other.reduced()

    def __hash__(self) -> int:
        return hash(self.reduced())

    def is_integral(self) -> bool:
        return self.reduced()[1] >= 0

    def __int__(self) -> int:
        """The whole part, towards zero."""
        if self.exponent >= 0:
            return self.mantissa * 10**self.exponent
        whole = abs(self.mantissa) // 10**-self.exponent
        return -whole if self.mantissa < 0 else whole

    @classmethod
    def scaled(cls, value: int, exponent: int) -> int | Number:
        """`value` × 10^`exponent`: a plain int where nothing stands behind the point."""
        if exponent == 0:
            return value
        return cls(value, exponent)

    @classmethod
    def parse(cls, text: str) -> int | Number:
        """The exact number in a decimal text; a comma or a point, a sign and outer blanks are allowed.

        Raises: ValueError where the text is anything else (exponents, NaN and digit grouping included).
        """
        whole, _, fraction = text.strip().replace(",", ".").partition(".")
        unsigned = whole[1:] if whole[:1] in ("+", "-") else whole
        digits = unsigned + fraction
        if not (digits.isascii() and digits.isdigit()) or len(digits) > MAX_EXPONENT:
            raise ValueError(f"{text!r} is not a decimal number")
        mantissa = int(digits)
        if whole[:1] == "-":
            mantissa = -mantissa
        return cls(mantissa, -len(fraction)) if fraction else mantissa


class Device:
    """One meter as configured.

    `alias`, `protocol` (its package, see `protocols.registry`), `parameters` {name: validated value, defaults filled
    in}, `line` (key of the port: 'PORT1', a device node, or 'host:port'), `place` (where it was configured, for
    messages), `profile` (what its profile files say, merged, where its protocol has profiles; `file` names the one to
    edit).
    """

    __slots__ = ("alias", "line", "parameters", "place", "profile", "protocol")

    def __init__(self, alias: str, protocol: str, parameters: dict[str, Any], line: str = "", place: str = "") -> None:
        self.alias = alias
        self.protocol = protocol
        self.parameters = parameters
        self.line = line
        self.place = place
        self.profile: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def over_tcp(self) -> bool:
        return bool(self.parameters.get("ip"))

    def __repr__(self) -> str:
        return f"Device({self.alias})"


class Signal:
    """One value to read from a device: `alias` is unique within `device_alias`; `log` > 0 keeps it in the event log."""

    __slots__ = ("alias", "device_alias", "log", "parameters", "place")

    def __init__(
        self, device_alias: str, alias: str, parameters: dict[str, Any], log: int = 0, place: str = ""
    ) -> None:
        self.device_alias = device_alias
        self.alias = alias
        self.parameters = parameters
        self.log = log
        self.place = place

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def __repr__(self) -> str:
        return f"Signal({self.device_alias}/{self.alias})"


class Reading:
    """One value of one signal at one time.

    `value` int, Number, float (only if the meter sent one), str or None; `unit` as the standard writes it, or None;
    `time_ms` gateway time, ms since 1970 UTC, 0 = the hub stamps it; `meter_time` ISO 8601 text or None;
    `quality` one of QUALITIES; `reason` one of REASONS, or None when good; `words` what the meter said to a refusal,
    for the log and for people.
    """

    __slots__ = ("meter_time", "quality", "reason", "signal", "time_ms", "unit", "value", "words")

    def __init__(
        self,
        signal: Signal,
        value: Any,
        unit: str | None = None,
        time_ms: int = 0,
        meter_time: str | None = None,
        quality: str = GOOD,
        reason: str | None = None,
    ) -> None:
        self.signal = signal
        self.value = value
        self.unit = unit
        self.time_ms = time_ms
        self.meter_time = meter_time
        self.quality = quality
        self.reason = reason
        self.words = ""

    def __repr__(self) -> str:
        value = "None" if self.value is None else str(self.value)
        signal = self.signal
        return f"Reading({signal.device_alias}/{signal.alias} {value} {self.unit} {self.quality} {self.reason})"


def failed(signal: Signal, reason: str, words: str = "") -> Reading:
    """A reading that has no value; the hub puts the last known one in its place and calls it stale."""
    reading = Reading(signal, None, quality=INVALID, reason=reason)
    reading.words = words
    return reading


class Plan:
    """What a driver made of one device and its signals: all that a scan of it needs, checked.

    `requests` is the driver's own; `refused` lists (signal, message) for signals that cannot be read as configured,
    which fail alone with reason 'type'; `secrets` are byte strings that no trace or log may show.
    """

    __slots__ = ("device", "refused", "requests", "secrets", "signals")

    def __init__(
        self,
        device: Device,
        signals: list[Signal],
        requests: Any,
        refused: list[tuple[Signal, str]] | None = None,
        secrets: tuple[bytes, ...] = (),
    ) -> None:
        self.device = device
        self.signals = signals
        self.requests = requests
        self.refused = refused or []
        self.secrets = secrets


class Memory:
    """What one device's driver remembers between scans.

    `volatile` lasts while the daemon runs (open association, FCB, caches); `persistent` (text keys, JSON values)
    also survives a restart once `save()` has returned. A counter that must never be used twice is saved first.
    """

    __slots__ = ("_save", "persistent", "volatile")

    def __init__(
        self, persistent: dict[str, Any] | None = None, save: Callable[[dict[str, Any]], bool] | None = None
    ) -> None:
        self.volatile: dict[str, Any] = {}
        self.persistent: dict[str, Any] = persistent if persistent is not None else {}
        self._save = save

    def save(self) -> bool:
        """Keep `persistent` as it stands now. False where that failed; without a keeper nothing is to be kept."""
        return self._save is None or self._save(self.persistent)
