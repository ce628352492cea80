"""`meterd read`: one scan of the configured meters, readings on stdout, an exit code that tells why it failed."""

from __future__ import annotations

from .. import log
from ..config.files import load
from ..daemon.daemon import Daemon
from ..errors import ConfigError
from ..model import GOOD
from ..ports._loop import Loop
from ..sinks.format import json_line
from ..sinks.hub import Hub
from ..sinks.lines import LineSink
from ..sinks.stdout import STDOUT
from .exit_codes import FAILED, NOTHING_TO_RUN, OK, READ_FAILED
from .options import CONFIG, DEBUG, FRAMES, HELP, PORT, RAW, RECORD, STATE, VERBOSE, UsageError, parse, usage
from .run import Watch, config_paths, say_problems, set_up_log, state_directory, wall_clock_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..config.files import Configuration
    from ..daemon.state import StateDirectory
    from ..model import Reading

OPTIONS = (CONFIG, DEBUG, VERBOSE, PORT, RAW, FRAMES, RECORD, STATE, HELP)


class Printer:
    """A sink that prints each reading as a JSON line and keeps the first failure's reason."""

    def __init__(self, loop: Loop) -> None:
        self._lines = LineSink(STDOUT, json_line, loop)
        self.reason: str | None = None
        self.count = 0

    def accept(self, reading: Reading) -> None:
        self.count += 1
        if reading.quality != GOOD and self.reason is None:
            self.reason = reading.reason or "type"
        self._lines.accept(reading)

    def take(self, line: str, reading: dict[str, Any]) -> None:
        """A reading that the running daemon has made."""
        self.count += 1
        if reading["quality"] != GOOD and self.reason is None:
            self.reason = reading["reason"] or "type"
        print(line, flush=True)

    def flush(self) -> None:
        self._lines.flush()

    def reopen(self) -> None:
        """Stdout stays as it is."""

    def close(self) -> None:
        self._lines.close()


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        about = "Scans once and prints one JSON line per reading. Exit codes: 0 all good, " + ", ".join(
            f"{code} {reason}" for reason, code in READ_FAILED.items()
        )
        print(usage("meterd read", "-c FILE… [-- DEVICE [SIGNAL…]]", about, OPTIONS))
        return OK
    set_up_log(arguments)
    paths, wanted = _paths_and_names(arguments.operands, config_paths(arguments))
    configuration = load(paths)
    say_problems(configuration)
    if wanted:
        _select(configuration, wanted[0], wanted[1:])
    loop = Loop()
    printer = Printer(loop)
    hub = Hub([printer], wall_clock_ms)
    state = state_directory(arguments, brief=True)
    daemon = Daemon(loop, hub, state)
    daemon.once = True
    daemon.observe = Watch(arguments, daemon).observers
    daemon.catch_signals(daemon.stop)
    loop.turn_ends.append(hub.flush)
    if not daemon.configure(configuration):
        log.error("nothing to read: no device is both enabled and without errors (meterd check FILE… tells more)")
        return NOTHING_TO_RUN
    _leave_to_owner(state, daemon, configuration, printer)
    if daemon.lines:
        loop.run()
    hub.close()
    if state.folder is not None:
        state.folder.release()
    if configuration.errors and printer.reason is None:
        return NOTHING_TO_RUN
    return OK if printer.reason is None and printer.count else READ_FAILED.get(printer.reason or "", FAILED)


def _leave_to_owner(state: StateDirectory, daemon: Daemon, configuration: Configuration, printer: Printer) -> None:
    """What is read under keys that a running daemon uses is read by that one; here what it does not know."""
    if any(job.plan.counter_names is not None for job in daemon.jobs.values()):
        from .asking import ask_owner

        done = ask_owner(state, daemon, printer.take)
        if done:
            configuration.devices = [device for device in configuration.devices if device.alias not in done]
            daemon.configure(configuration)


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
