"""`meterd run`: the daemon in the foreground, as an init system wants it."""

from __future__ import annotations

import gc
import sys
from posix import getcwd, getpid

from .. import __version__, log
from .._clock import wall_clock_ms
from ..config.files import load
from ..daemon.daemon import Daemon
from ..daemon.state import DEFAULT_DIRECTORY, StateDirectory
from ..errors import ConfigError
from ..paths import environment, exists, join, read_up_to
from ..ports._loop import Loop
from ..protocols.registry import PROGRAMS
from ..sinks.hub import Hub
from .exit_codes import FAILED, NOTHING_TO_RUN, OK
from .options import (
    CONFIG,
    CONTROL,
    DEBUG,
    FRAMES,
    HELP,
    PORT,
    RAW,
    READY,
    RECORD,
    SHARD,
    STATE,
    STOPPED,
    SYSLOG,
    VERBOSE,
    VERSION,
    UsageError,
    parse,
    shard_number,
    usage,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..config.files import Configuration
    from ..daemon.daemon import AnyLine
    from ..daemon.settling import Settling
    from ..daemon.shard import Shard
    from ..ports.player import Observer
    from ..ports.wire_log import WireLog
    from ..sinks.hub import Sink
    from .options import Arguments

OPTIONS = (
    CONFIG,
    DEBUG,
    VERBOSE,
    PORT,
    RAW,
    FRAMES,
    READY,
    RECORD,
    STATE,
    CONTROL,
    SHARD,
    STOPPED,
    SYSLOG,
    VERSION,
    HELP,
)
GATEWAY_CONFIGURATION = "/etc/config/meterd"
GATEWAY_DIRECTORY = "/etc/meterd/state"
MAX_CONFIGURATION_BYTES = 1 << 20


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd run", "-c FILE…", "Reads the configured meters until SIGTERM; SIGHUP reloads.", OPTIONS))
        return OK
    if arguments.has("version"):
        print(f"meterd {__version__}")
        return OK
    if arguments.operands:
        raise UsageError(f"{arguments.operands[0]!r} is no option; configuration files stand behind -c")
    return run(arguments)


def set_up_log(arguments: Arguments, default: int = log.NOTICE) -> None:
    level = arguments.number("debug", default)
    if level > log.DEBUG:
        raise UsageError("-d takes 0 to 7")
    if arguments.has("verbose"):
        level = max(level, log.NOTICE + arguments.count("verbose"))
    out = log.to_syslog if arguments.has("syslog") else log.to_stderr
    log.configure(level, out, arguments.value("port"))


def config_paths(arguments: Arguments) -> list[str]:
    paths = arguments.values("config")
    if not paths:
        raise UsageError("say what to read: -c FILE")
    return paths


def state_directory(arguments: Arguments, brief: bool = False) -> StateDirectory:
    """The state folder of this command, which is the service's, whoever calls it and from where: counters live in one.

    In this order: --state; what systemd gives a service; on a gateway what /etc/config/meterd says, or its default;
    /var/lib/meterd. `brief` for a command that runs once and leaves no more than it must.
    """
    own = _of_the_gateway()
    path = arguments.value("state") or environment("STATE_DIRECTORY") or own or DEFAULT_DIRECTORY
    return StateDirectory(path, brief, [folder for folder in (own, GATEWAY_DIRECTORY, DEFAULT_DIRECTORY) if folder])


def _of_the_gateway() -> str:
    """The folder of a gateway's service; empty elsewhere."""
    if not exists(GATEWAY_CONFIGURATION):
        return ""
    try:
        text = read_up_to(GATEWAY_CONFIGURATION, MAX_CONFIGURATION_BYTES).decode("utf-8", "surrogateescape")
    except OSError:
        return GATEWAY_DIRECTORY
    return _option(text) or GATEWAY_DIRECTORY


def _option(text: str) -> str:
    """`option state 'FOLDER'` of the section of type meterd."""
    inside = False
    for line in text.split("\n"):
        words = line.split(None, 2)
        if words[:1] == ["config"]:
            inside = words[1:2] == ["meterd"]
        elif inside and words[:2] == ["option", "state"] and len(words) == 3:
            return words[2].strip().strip("'\"")
    return ""


def stopped_protocols(arguments: Arguments) -> set[str]:
    """The packages of the protocols behind --stopped. Raises: UsageError for a name that is none."""
    names = arguments.values("stopped")
    for name in names:
        if name not in PROGRAMS:
            raise UsageError(f"--stopped: {name!r} is no protocol; {', '.join(PROGRAMS)} are")
    return {PROGRAMS[name] for name in names}


def say_problems(configuration: Configuration) -> None:
    if configuration.errors or configuration.warnings:
        from ..daemon import not_read  # most sites are in order

        not_read.say_problems(configuration)


class Watch:
    """Which observers a line's player gets: -r, -f, --record. A daemon that runs has none and need not load them."""

    def __init__(self, arguments: Arguments, daemon: Daemon) -> None:
        self._daemon = daemon
        self._raw = arguments.has("raw")
        self._frames = arguments.has("frame")
        self._only = arguments.value("port")
        self._log = self._open(arguments.value("record"))

    def _open(self, name: str | None) -> WireLog | None:
        if name is None:
            return None
        try:
            # Kept open for the life of the process: every entry is flushed as it is written.
            file = open(name, "w", encoding="ascii")  # noqa: SIM115
        except OSError as error:
            raise ConfigError(name, f"cannot be written: {error.strerror}") from None
        from ..ports.wire_log import WireLog

        return WireLog(file, lambda: self._daemon.loop.time)

    def observers(self, line: AnyLine) -> Iterable[Observer]:
        if self._only is not None and self._only not in (line.key, line.path):
            return
        if self._raw:
            from .output import RawOutput

            yield RawOutput(line.key, lambda: self._daemon.loop.time, lambda: self._daemon.secrets_of(line))
        if self._frames:
            from .output import FrameOutput

            yield FrameOutput(line.key)
        if self._log is not None:
            yield self._log.observer(line.key, lambda: self._daemon.secrets_of(line))


def run(arguments: Arguments, packages: tuple[str, ...] | None = None) -> int:
    """Run the daemon; `packages` restricts it to some protocols. Returns the exit code."""
    gc.disable()
    set_up_log(arguments)
    paths = config_paths(arguments)
    shard = shard_named(arguments.value("shard"))
    configuration = load(paths)
    _set_level(arguments, configuration)
    say_problems(configuration)
    state = state_directory(arguments)
    if state.folder is not None and packages is None:
        state.folder.control = join(getcwd(), _control_path(arguments))
    if shard is not None:
        state = shard.take(configuration, state)
    loop = Loop()
    log.to_stderr.watch(loop)
    hub = Hub(_sinks(configuration, loop), wall_clock_ms)
    daemon = Daemon(loop, hub, state, packages)
    daemon.shard = shard
    daemon.status_interval_s = configuration.publish["status_interval_s"]
    daemon.observe = Watch(arguments, daemon).observers
    daemon.stopped_protocols |= stopped_protocols(arguments)
    loop.turn_ends.append(hub.flush)
    if not daemon.configure(configuration) and not daemon.is_waiting():
        hub.close()
        return _nothing_to_run(configuration)

    state.write_behind()
    settling = _settling(loop)
    reload = _reload_of(daemon, paths, arguments, settling)
    ended = _end_with_the_last_way_out(daemon, hub)
    control = _open_control(arguments, daemon, hub, reload) if packages is None else None
    daemon.catch_signals(lambda: reload(lambda: None))
    _write_ready(arguments.value("readyfile"))
    log.notice(f"meterd {__version__}: devices: {len(daemon.jobs)}, lines: {len(daemon.lines)}")
    liveness = _watched(loop)
    settling.begin()
    try:
        if liveness is not None:
            liveness.begin()
        loop.run()
    finally:
        if liveness is not None:
            liveness.end()
        if control is not None:  # a debug program leaves the daemon's socket alone
            control.close()
        hub.close()
        state.finish()
        log.flush()
    return FAILED if ended else OK


def _sinks(configuration: Configuration, loop: Loop) -> list[Sink]:
    from ..sinks.registry import open_sinks  # one reading by hand opens none

    return open_sinks(configuration.publish, loop)


def _settling(loop: Loop) -> Settling:
    from ..daemon.settling import Settling  # nor does it last

    return Settling(loop)


def _reload_of(
    daemon: Daemon, paths: list[str], arguments: Arguments, settling: Settling
) -> Callable[[Callable[[], None]], None]:
    def reload(then: Callable[[], None]) -> None:
        def done() -> None:
            _set_level(arguments, daemon.configuration)
            settling.begin()
            then()

        settling.begin()
        daemon.hub.reopen()
        daemon.reload(paths, done)

    return reload


def _nothing_to_run(configuration: Configuration) -> int:
    from ..daemon.mistakes import nothing_to

    log.error(nothing_to("run", configuration))
    return NOTHING_TO_RUN


def _end_with_the_last_way_out(daemon: Daemon, hub: Hub) -> list[object]:
    """What it returns has something in it once nobody takes readings any more."""
    ended: list[object] = []

    def one_less() -> None:
        from ..daemon.ways_out import nobody_is_left

        if nobody_is_left(hub.sinks):
            ended.append(True)
            daemon.stop()

    for sink in hub.sinks:
        if hasattr(sink, "on_end"):
            sink.on_end = one_less
    return ended


def _watched(loop: Loop):  # type: ignore[no-untyped-def]
    """What tells systemd or procd that the loop turns, where either wants to know."""
    if environment("WATCHDOG_USEC") is None and environment("NOTIFY_SOCKET") is None:
        return None
    from ..daemon.liveness import Liveness

    return Liveness(loop)


def _open_control(arguments: Arguments, daemon: Daemon, hub: Hub, reload: Callable[[Callable[[], None]], None]):  # type: ignore[no-untyped-def]
    from ..daemon.control import Control

    _open_page(daemon, reload)
    return Control(daemon, hub, _control_path(arguments), reload)


def _open_page(daemon: Daemon, reload: Callable[[Callable[[], None]], None]) -> None:
    """Where one of the sinks is what the page is made of, what it says."""
    for sink in daemon.hub.sinks:
        if hasattr(sink, "attend"):
            from ..page.site import Site

            Site(daemon, sink, reload, __version__)


def _control_path(arguments: Arguments) -> str:
    from ..daemon.control import default_path

    return arguments.value("control") or default_path(shard_number(arguments))


def shard_named(text: str | None) -> Shard | None:
    """What --shard says. Raises: UsageError."""
    if text is None:
        return None
    try:
        from ..daemon.shard import Shard

        return Shard(text)
    except ModuleNotFoundError:
        raise UsageError("--shard: is not installed here: opkg install meterd-fleet") from None
    except ValueError as error:
        raise UsageError(f"--shard {error}") from None


def _set_level(arguments: Arguments, configuration: Configuration | None) -> None:
    """The log level of the configuration, unless the command line has one."""
    if configuration is not None and configuration.log_level is not None and arguments.value("debug") is None:
        log.set_level(configuration.log_level)


def _write_ready(name: str | None) -> None:
    if name is None:
        return
    try:
        with open(name, "w", encoding="ascii") as file:
            file.write(f"{getpid()}\n")
    except OSError as error:
        print(f"{name}: cannot be written: {error.strerror}", file=sys.stderr)
