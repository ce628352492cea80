"""`meterd run`: the daemon in the foreground, as an init system wants it."""

from __future__ import annotations

import gc
import sys
from posix import getcwd, getpid

from .. import __version__, log
from .._clock import wall_clock_ms
from ..config.files import load
from ..daemon.daemon import Daemon
from ..log_outputs import to_stderr
from ..paths import environment, join
from ..ports._loop import Loop
from ..protocols.registry import PROGRAMS
from ..sinks.hub import Hub
from .beginning import catch_signals, config_paths, say_problems, set_up_log, state_directory
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
from .watching import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config.files import Configuration
    from ..daemon.settling import Settling
    from ..daemon.shard import Shard
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


def stopped_protocols(arguments: Arguments) -> set[str]:
    """The packages of the protocols behind --stopped. Raises: UsageError for a name that is none."""
    names = arguments.values("stopped")
    for name in names:
        if name not in PROGRAMS:
            raise UsageError(f"--stopped: {name!r} is no protocol; {', '.join(PROGRAMS)} are")
    return {PROGRAMS[name] for name in names}


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
    to_stderr.watch(loop)
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
    catch_signals(loop, daemon.stop, lambda: reload(lambda: None))
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
