"""What a configuration has, read once as the daemon reads it: all devices, or those that the command line names."""

from __future__ import annotations

from .. import log
from ..config.files import load
from ..daemon.daemon import Daemon
from ..errors import ConfigError
from ..ports._loop import Loop
from .beginning import catch_signals, config_paths
from .exit_codes import INTERRUPTED, NOTHING_TO_RUN
from .options import UsageError
from .watching import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..config.files import Configuration
    from ..daemon.state import StateDirectory
    from ..sinks.hub import Hub
    from .options import Arguments
    from .printing import Printer


def read_all(
    configuration: Configuration, arguments: Arguments, printer: Printer, hub: Hub, state: StateDirectory
) -> int | None:
    """Read all that is configured, as the daemon does. The exit code where no reading tells of it, else None."""
    loop = Loop()
    printer.begin(loop, sum(map(len, configuration.signals.values())))
    daemon = Daemon(loop, hub, state)
    daemon.once = True
    daemon.observe = Watch(arguments, daemon).observers
    catch_signals(loop, daemon.stop, daemon.stop)
    loop.turn_ends.append(hub.flush)
    if not daemon.configure(configuration):
        from ..daemon.mistakes import nothing_to

        log.error(nothing_to("read", configuration))
        return NOTHING_TO_RUN
    _leave_to_owner(state, daemon, configuration, printer)
    if daemon.lines:
        loop.run()
    if daemon.is_stopping():
        return INTERRUPTED
    return NOTHING_TO_RUN if configuration.errors and printer.reason is None else None


def _leave_to_owner(state: StateDirectory, daemon: Daemon, configuration: Configuration, printer: Printer) -> None:
    """What is read under keys that a running daemon uses, or calls there, is read by that one; here what it does not
    know."""
    if any(job.plan.counter_names is not None or job.plan.device.calls() for job in daemon.jobs.values()):
        from .asking import ask_owner

        done = ask_owner(state, daemon, printer.take)
        if done:
            configuration.devices = [device for device in configuration.devices if device.alias not in done]
            daemon.configure(configuration)


def chosen(arguments: Arguments) -> Configuration:
    """What the command line names of its files. Raises: ConfigError, UsageError."""
    paths, wanted = _paths_and_names(arguments.operands, config_paths(arguments))
    configuration = load(paths)
    if wanted:
        _select(configuration, wanted[0], wanted[1:])
    return configuration


def _paths_and_names(operands: list[str], paths: list[str]) -> tuple[list[str], list[str]]:
    """`-c a.json meter1 U1` : what follows the first file without being one names a device and its signals."""
    import os

    files = [path for index, path in enumerate(paths) if index == 0 or os.path.exists(path)]
    return files, paths[len(files) :] + operands


def _select(configuration: Configuration, device_alias: str, signal_aliases: list[str]) -> None:
    """Keep one device, and of it the named signals. Raises: ConfigError, with the nearest name."""
    devices = {device.alias: device for device in configuration.devices}
    if device_alias not in devices:
        raise ConfigError("", _unknown("device", device_alias, list(devices)))
    signals = {signal.alias: signal for signal in configuration.signals.get(device_alias, [])}
    for alias in signal_aliases:
        if alias not in signals:
            raise ConfigError("", _unknown(f"signal of {device_alias}", alias, list(signals)))
    configuration.devices = [devices[device_alias]]
    if signal_aliases:
        configuration.signals = {device_alias: [signals[alias] for alias in signal_aliases]}


def _unknown(what: str, name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    if near:
        return f"no {what} is called {name!r}; {near[0]!r} perhaps?"
    if not known:
        raise UsageError(f"no {what} is configured without errors")
    return f"no {what} is called {name!r}; there are {', '.join(known[:20])}"
