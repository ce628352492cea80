"""One configuration that several daemons share: which lines are whose, and where each keeps what is its own.

`meterd run --shard 3/16` reads the lines of the third of sixteen shards. A line is one port or one host and port, and
what stands on it is read by one daemon: so the line is what is hashed, and never a device. The hash is stable over
machines, versions and Pythons (FNV-1a, mixed as MurmurHash3 ends), and which shard it stands for is the jump consistent
hash (Lamping and Veach, 2014): from N shards to N + 1 one line in N + 1 moves, into the new shard, and no other does.

What is a shard's own: its folder `shard-3` within the state folder, its control socket, and each place that the
configuration names for all of them: `readings.store` becomes `readings-3.store`, the MQTT gateway `north` `north-3`,
and who listens on a TCP port listens on the number'th from there. Nothing else is shared but invocation counters,
which belong to keys and not to shards (`shard_counters`).
The dirt: a number that is none, two daemons with one number, a shard without a line (it waits for a reload that brings
one), a number of shards that has changed since the last start.
"""

from __future__ import annotations

from posix import uname

from .. import log
from ..errors import ConfigError
from ..paths import read_up_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Protocol

    from ..config.files import Configuration
    from ..ports._loop import Loop
    from .job import Job
    from .shard_state import ShardState
    from .state import StateDirectory

    class Reader(Protocol):
        """The daemon, as far as a shard knows it."""

        loop: Loop
        jobs: dict[str, Job]

        def is_closing(self) -> bool: ...


MOST = 1024
COUNT_FILE = "shards"  # how many there were when this one ran last
MOST_NAMED = 10
# Parameters of sinks that name what two daemons cannot both have.
OWN = ("path", "gateway", "client_id")
_MASK = (1 << 64) - 1


def hash_of(line: str) -> int:
    """64 bits of a line's name."""
    value = 0xCBF29CE484222325
    for octet in line.encode("utf-8", "surrogateescape"):
        value = (value ^ octet) * 0x100000001B3 & _MASK
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33


def shard_of(line: str, count: int) -> int:
    """1 to `count`."""
    return jump(hash_of(line), count) + 1


def jump(key: int, count: int) -> int:
    """0 to `count` - 1."""
    last = following = 0
    while following < count:
        last = following
        key = (key * 2862933555777941757 + 1) & _MASK
        following = (last + 1) * (1 << 31) // ((key >> 33) + 1)
    return last


def numbered(text: str, number: int) -> str:
    """A name for one shard: before the ending, or where `{shard}` stands. Devices of the system are what they are."""
    if "{shard}" in text:
        return text.replace("{shard}", str(number))
    if text.startswith("/dev/"):
        return text
    folder, slash, name = text.rpartition("/")
    stem, point, ending = name.rpartition(".")
    return f"{folder}{slash}{stem}-{number}{point}{ending}" if stem else f"{folder}{slash}{name}-{number}"


class Shard:
    """`text` is what stands behind --shard. Raises: ValueError, in words."""

    def __init__(self, text: str) -> None:
        number, slash, count = text.partition("/")
        if not (slash and all(part.isascii() and part.isdigit() and len(part) < 5 for part in (number, count))):
            raise ValueError(f"takes NUMBER/COUNT, such as 3/16, not {text!r}")
        self.number, self.count = int(number), int(count)
        if not 1 <= self.count <= MOST:
            raise ValueError(f"{text}: there can be 1 to {MOST} shards")
        if not 1 <= self.number <= self.count:
            raise ValueError(f"{text}: {self.count} shards are numbered 1 to {self.count}")
        self._state: ShardState | None = None
        self.waits = False  # there are devices, and all of them are others'

    def has(self, line: str) -> bool:
        return shard_of(line, self.count) == self.number

    def narrow(self, configuration: Configuration) -> None:
        """Leave this shard's devices in a configuration that was checked as a whole."""
        everything = configuration.devices
        configuration.devices = own = [device for device in everything if self.has(device.line)]
        aliases = {device.alias for device in own}
        configuration.signals = {alias: found for alias, found in configuration.signals.items() if alias in aliases}
        configuration.protocols = sorted({device.protocol for device in own})
        self.waits = bool(everything) and not own
        log.notice(f"shard {self.number}/{self.count}: {len(own)} of {len(everything)} devices are this one's")

    def part(self, publish: dict[str, Any]) -> None:
        """Give each sink places of this shard's own. Raises: ConfigError where that cannot be."""
        for upper, lower, port in _meeting(publish, self.count):
            raise ConfigError(
                f"publish, parameter {upper}.port",
                f"{lower} of shard {port - publish[lower]['port'] + 1} would listen on {port} too, where {upper} of "
                f"shard 1 does: with {self.count} shards their ports must be {self.count} apart",
            )
        for name, parameters in publish.items():
            if not isinstance(parameters, dict):
                continue
            if name == "mqtt":
                _tell_gateways_apart(parameters)
            for key in OWN:
                if parameters.get(key):
                    parameters[key] = numbered(parameters[key], self.number)
            if parameters.get("address") and parameters.get("port"):  # it listens
                parameters["port"] = _port(name, parameters["port"] + self.number - 1)

    def checked(self, configuration: Configuration) -> list[ConfigError]:
        """Leave what is this shard's, for `check`; what would keep it from starting."""
        self.narrow(configuration)
        try:
            self.part(configuration.publish)
        except ConfigError as error:
            configuration.broken |= {*configuration.protocols}
            return [error]
        return []

    def take(self, configuration: Configuration, common: StateDirectory) -> StateDirectory:
        """Make of the whole configuration and state what is this shard's. Raises: ConfigError where it cannot be."""
        from .shard_state import ShardState

        self.narrow(configuration)
        self.part(configuration.publish)
        state = self._state = ShardState(common, self.number)
        trouble = state.taken()
        if trouble:
            raise ConfigError(f"--shard {self.number}/{self.count}", trouble)
        self._tell_of_change(state, configuration)
        return state

    def _tell_of_change(self, state: StateDirectory, configuration: Configuration) -> None:
        """Where the number of shards has changed since the last start: say what came from others."""
        folder = state.folder
        if folder is None or folder.own():
            return
        try:
            text = read_up_to(folder.file(COUNT_FILE), 8).decode("ascii", "replace").strip()
        except OSError:
            text = ""
        if text == str(self.count):
            return
        if text.isdigit() and 1 <= int(text) <= MOST:
            log.notice(self._moved(int(text), configuration))
        folder.put(COUNT_FILE, f"{self.count}\n".encode())

    def _moved(self, before: int, configuration: Configuration) -> str:
        came = [device.alias for device in configuration.devices if shard_of(device.line, before) != self.number]
        names = ", ".join(came[:MOST_NAMED]) + (" …" if len(came) > MOST_NAMED else "")
        return (
            f"shards: there were {before} and are {self.count} now; devices that came from another one: {len(came)}"
            + (f" ({names})" if came else "")
            + f"; start every shard with …/{self.count}, or some meters are read twice and others not at all"
        )

    def reloaded(self, daemon: Reader) -> None:
        """Devices may have gone to other shards, and their invocation counters with them."""
        if self._state is not None:
            self._state.let_go_in_time(daemon.loop, lambda: None if daemon.is_closing() else counters_of(daemon))


def counters_of(daemon: Reader) -> Iterable[str]:
    """The names of the invocation counters that the daemon's devices use."""
    for job in daemon.jobs.values():
        names = job.plan.counter_names
        if names is not None:
            try:
                yield from names()
            except ConfigError:
                continue  # its title is yet to be made, and there is no counter before it


def _meeting(publish: dict[str, Any], count: int) -> list[tuple[str, str, int]]:
    if not (publish.get("page") and publish.get("metrics")):
        return []
    from ..sinks.metrics import meeting  # of the package that both are made with

    return meeting(publish, count)


def _tell_gateways_apart(mqtt: dict[str, Any]) -> None:
    """Raises: ConfigError."""
    if "{gateway}" not in mqtt["base_topic"]:
        raise ConfigError("publish, parameter mqtt.base_topic", "lacks {gateway}, by which shards are told apart")
    if not mqtt["gateway"]:
        from ..sinks.mqtt import host_name

        mqtt["gateway"] = host_name(uname().nodename)


def _port(name: str, port: int) -> int:
    if port > 65535:
        raise ConfigError(f"publish, parameter {name}.port", f"is {port} for this shard, and the last port is 65535")
    return port
