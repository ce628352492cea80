"""`meterd remote`: does signed requests from afar, beside the daemon; off unless started, and then only --allow."""

from __future__ import annotations

import signal
from time import monotonic

from .. import __version__, log
from ..config.files import load
from ..daemon.control import default_path
from ..errors import ConfigError
from ..fleet.daemon_talk import Daemon
from ..fleet.remote import ALLOWED, Remote
from ..fleet.signed import Numbers, read_key
from ..fleet.trial import Trial
from ..fleet.whole_files import put
from .beginning import log_output
from .exit_codes import OK
from .options import CONFIG, CONTROL, FLAG, HELP, LIST, SYSLOG, VALUE, Option, UsageError, parse, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .options import Arguments

TARGET = "/etc/meterd/remote.json"
KEY = Option(("--key",), VALUE, "file with this gateway's key: 64 hexadecimal digits", "FILE")
ALLOW = Option(("--allow",), LIST, f"what may be asked: {', '.join(ALLOWED)}", "WHAT…")
FILE = Option(("--target",), VALUE, f"the one file that may be exchanged from afar (default {TARGET})", "FILE")
REVERT = Option(("--revert",), FLAG, "take back what was not confirmed, and end: before the daemon starts")
OPTIONS = (CONFIG, KEY, ALLOW, FILE, CONTROL, REVERT, SYSLOG, HELP)


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        about = "Does signed requests that come over MQTT, beside the daemon, until SIGTERM."
        print(usage("meterd remote", "-c FILE… --key FILE --allow WHAT…", about, OPTIONS))
        return OK
    log.configure(log.NOTICE, log_output(arguments))
    trial = Trial(arguments.value("target") or TARGET)
    try:
        if arguments.has("revert"):
            if trial.take_back():
                log.warning(f"{trial.target}: the configuration on trial is taken back: it was not confirmed")
            return OK
        return _run(arguments, trial)
    except OSError as error:
        raise ConfigError(str(error.filename or trial.target), str(error.strerror)) from None
    finally:
        log.flush()


def _run(arguments: Arguments, trial: Trial) -> int:
    from ..fleet.agent import Agent
    from ..sinks import mqtt

    key, allow, files = _asked(arguments)
    if trial.target not in files:
        raise UsageError(f"-c lacks {trial.target}, which the daemon must read, too: make it, with {{}} in it")
    published = load(files).publish.get("mqtt")
    if published is None:
        raise ConfigError("publish.mqtt", "is missing: remote listens at the broker that readings go to")
    settings = mqtt.settings(published)
    client = mqtt.client_class()
    log.hide((key.hex().encode(), *(settings[name].encode() for name in ("password",) if settings[name])))
    daemon = Daemon(arguments.value("control") or default_path())
    numbers = Numbers(trial.target + ".last", put)
    remote = Remote(settings["gateway"], key, allow, files, trial, numbers, daemon, monotonic, __version__)
    remote.begin()
    agent = Agent(client, settings, remote)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    agent.run()
    return OK


def _asked(arguments: Arguments) -> tuple[bytes, list[str], list[str]]:
    """Key, what is allowed, files. Raises: UsageError, OSError."""
    allow = arguments.values("allow")
    if not allow:
        raise UsageError(f"say what may be asked: --allow with some of {', '.join(ALLOWED)}")
    unknown = [word for word in allow if word not in ALLOWED]
    if unknown:
        raise UsageError(f"--allow: {unknown[0]!r} is not known; {', '.join(ALLOWED)} are")
    path = arguments.value("key")
    if path is None:
        raise UsageError("--key FILE is missing: without a key nobody can be told from anybody")
    files = arguments.values("config")
    if not files:
        raise UsageError("say what the daemon reads: -c FILE…")
    try:
        return read_key(path), allow, files
    except ValueError as error:
        raise UsageError(str(error)) from None
