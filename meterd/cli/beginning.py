"""What commands that read meters begin with: where the log goes, which files are configured and what is wrong with
them, the state folder, and what signals do."""

from __future__ import annotations

import _signal as signals  # type: ignore[import-not-found]  # the signal module imports enum, which a gateway would feel

from .. import log
from ..daemon.state import DEFAULT_DIRECTORY, StateDirectory
from ..paths import environment, exists, read_up_to
from .options import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config.files import Configuration
    from ..ports._loop import Loop
    from .options import Arguments

GATEWAY_CONFIGURATION = "/etc/config/meterd"
GATEWAY_DIRECTORY = "/etc/meterd/state"
MAX_CONFIGURATION_BYTES = 1 << 20


def set_up_log(arguments: Arguments, default: int = log.NOTICE) -> None:
    level = arguments.number("debug", default)
    if level > log.DEBUG:
        raise UsageError("-d takes 0 to 7")
    if arguments.has("verbose"):
        level = max(level, log.NOTICE + arguments.count("verbose"))
    log.configure(level, log_output(arguments), arguments.value("port"))


def log_output(arguments: Arguments) -> Callable[[int, str], None]:
    if arguments.has("syslog"):
        from ..log_syslog import to_syslog

        return to_syslog
    return log.to_stderr


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


def catch_signals(loop: Loop, stop: Callable[[], None], on_hangup: Callable[[], None]) -> None:
    """SIGTERM and SIGINT call `stop`, SIGHUP `on_hangup`: in the loop's next turn, and nowhere else."""
    signals.set_wakeup_fd(loop.wakeup_fd(), warn_on_full_buffer=False)
    for number in (signals.SIGTERM, signals.SIGINT):
        signals.signal(number, lambda *_: loop.call_soon_from_thread(stop))
    signals.signal(signals.SIGHUP, lambda *_: loop.call_soon_from_thread(on_hangup))
    signals.signal(signals.SIGPIPE, signals.SIG_IGN)


def say_problems(configuration: Configuration) -> None:
    if configuration.errors or configuration.warnings:
        from ..daemon import not_read  # most sites are in order

        not_read.say_problems(configuration)
