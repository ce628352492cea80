"""The records that travel through meterd: devices, plans, memories; signals and readings are compiled."""

from __future__ import annotations

from ._reading import GOOD, Reading, Signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .counter import Counter

STALE = "stale"
INVALID = "invalid"
OVERFLOW = "overflow"
QUALITIES = (GOOD, STALE, INVALID, OVERFLOW)

REASONS = (
    "no_bytes", "bad_frame", "timeout", "refused", "auth", "key", "not_found", "type", "clock", "disconnected",
    "not_read_yet", "wrong_meter",
)  # fmt: skip


# Of what many meters have in common so much is known again.
MOST_SHARED = 256


def shared(known: dict[Any, Any], value: Any) -> Any:
    """What nobody changes, once for all meters: `value`, or what is equal to it among the first that were asked for.

    `known` is the caller's, of values of one kind.
    """
    if len(known) < MOST_SHARED:
        return known.setdefault(value, value)
    return known.get(value, value)


LISTENS = "listen:"  # how the key of a line begins on which meters call


def network_line(parameters: Mapping[str, Any]) -> str:
    """The key of the line of a device that is reached over the network."""
    scheme = "rfc2217://" if parameters.get("serial_server") == "rfc2217" else ""
    if parameters.get("transport") == "udp":
        scheme = "udp://"
    if parameters.get("listen"):
        scheme = LISTENS + scheme
    return f"{scheme}{parameters.get('ip')}:{parameters.get('port')}"


class Device:
    """One meter as configured.

    `alias`, `protocol` (its package, see `protocols.registry`), `parameters` {name: validated value, defaults filled
    in}, `line` (key of the port: 'PORT1', a device node, or 'host:port'), `profile` (what its profile files say,
    merged, where its protocol has profiles; `file` names the one to edit).
    """

    __slots__ = ("alias", "line", "parameters", "profile", "protocol")

    def __init__(self, alias: str, protocol: str, parameters: Mapping[str, Any], line: str = "") -> None:
        self.alias = alias
        self.protocol = protocol
        self.parameters = parameters
        self.line = line
        self.profile: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def over_tcp(self) -> bool:
        return bool(self.parameters.get("ip"))

    def has_line(self) -> bool:
        """Whether its speed and character format are meterd's to set: by itself, or through the server (RFC 2217)."""
        return not self.over_tcp() or self.parameters.get("serial_server") == "rfc2217"

    def calls(self) -> bool:
        """Whether the meter connects to us."""
        return bool(self.parameters.get("listen"))

    def __repr__(self) -> str:
        return f"Device({self.alias})"


def failed(signal: Signal, reason: str, words: str = "") -> Reading:
    """A reading that has no value; the hub puts the last known one in its place and calls it stale."""
    reading = Reading(signal, None, quality=INVALID, reason=reason)
    reading.words = words
    return reading


NONE_UNKNOWN: frozenset[Signal] = frozenset()


class Plan:
    """What a driver made of one device and its signals: all that a scan of it needs, checked.

    `requests` is the driver's own; `refused` lists (signal, message) for signals that cannot be read as configured,
    which fail alone with reason 'type', or 'not_found' where they are `unknown`, too; `secrets` are byte strings that
    no trace or log may show. `counter_names`, where the device is talked to under keys, gives the names of their
    invocation counters (see `Memory.counter`).
    """

    __slots__ = ("counter_names", "device", "refused", "requests", "secrets", "signals", "unknown")

    def __init__(
        self,
        device: Device,
        signals: list[Signal],
        requests: Any,
        refused: list[tuple[Signal, str]] | None = None,
        secrets: tuple[bytes, ...] = (),
        counter_names: Callable[[], list[str]] | None = None,
    ) -> None:
        self.counter_names = counter_names
        self.device = device
        self.signals = signals
        self.requests = requests
        self.refused: Sequence[tuple[Signal, str]] = refused or ()
        self.unknown: frozenset[Signal] | set[Signal] = NONE_UNKNOWN
        self.secrets = secrets


LONG_SINCE = float("inf")


class Memory:
    """What one device's driver remembers between scans.

    `own`, a typed class of the driver's, lasts while the daemon runs (FCB, caches); `persistent` (text keys, JSON
    values) also survives a restart once `save()` has returned. `counter(name)` is an invocation counter, which
    belongs to keys and not to a device: whoever has the name has the same one. `random_bytes` makes challenges,
    where there is a source. `rung` names how far the last conversation got, for diagnosis. `line_lost` says that
    the line was away since the last scan that went well, so that what answers now may be another meter; a driver
    that has looked says False. `brief`: the line has others to serve, so a meter that has not answered lately is to
    be tried once, without retries (`daemon.schedule`). `started_s`: when the present scan began, by a clock that nobody
    sets; for who scans once there is no such time, and everything is long ago.
    """

    __slots__ = (
        "_save",
        "brief",
        "counter",
        "line_lost",
        "own",
        "persistent",
        "random_bytes",
        "rung",
        "started_s",
    )

    def __init__(
        self, persistent: dict[str, Any] | None = None, save: Callable[[dict[str, Any], bool], bool] | None = None,
        random_bytes: Callable[[int], bytes] | None = None,
        counter: Callable[[str], Counter] | None = None,
    ) -> None:  # fmt: skip
        self.own: Any = None
        self.brief = False
        self.rung = ""
        self.line_lost = False
        self.started_s = LONG_SINCE
        self.random_bytes = random_bytes
        self.counter = counter or _counters_of_no_record()
        self.persistent: dict[str, Any] = persistent if persistent is not None else {}
        self._save = save

    def save(self, lore: bool = False) -> bool:
        """Keep `persistent` as it stands now. False where that failed; without a keeper nothing is to be kept.

        `lore` where it only spares questions: a command that runs once leaves no file for that.
        """
        return self._save is None or self._save(self.persistent, lore)


def _counters_of_no_record() -> Callable[[str], Counter]:
    """Counters for as long as the memory itself lasts."""
    known: dict[str, Counter] = {}

    def counter(name: str) -> Counter:
        from .counter import Counter

        return known.setdefault(name, Counter())

    return counter
