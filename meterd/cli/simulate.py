"""`meterd simulate PROTOCOL`: one simulated meter on a pty, a TCP or a UDP port, or one that calls."""

from __future__ import annotations

import os
import signal
from importlib import import_module

from .. import log
from ..errors import ConfigError
from ..ports._loop import Loop
from ..protocols import registry
from ..simulate.faults import KINDS, Fault
from ..simulate.meter_host import MeterHost
from .ends import end_in_order, wake_for_signals
from .exit_codes import OK
from .options import FLAG, HELP, VALUE, Option, UsageError, parse, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from ..conversation import Conversation, LineSettings
    from .options import Arguments

PTY = Option(("--pty",), VALUE, "serve on a pty, linked at this path", "LINK")
TCP = Option(("--tcp",), VALUE, "serve on this TCP port, 0 for any free one", "PORT")
UDP = Option(("--udp",), VALUE, "serve on this UDP port, 0 for any free one", "PORT")
CALL = Option(("--call",), VALUE, "connect to this address, again and again; udp:// before it: datagrams", "HOST:PORT")
HOST = Option(("--host",), VALUE, "address to listen at (default 127.0.0.1)", "ADDRESS")
MAX_PORT = 65535
FIRST_OF_OURS = 3  # descriptors behind the three that every process has
PACED = Option(("--paced",), FLAG, "send no faster than the line's speed allows")
FAULT = Option(("--fault",), VALUE, f"kind[:every[:argument]], such as flip:3; kinds: {' '.join(KINDS)}", "FAULT")
PLACE = (PTY, TCP, UDP, CALL, HOST, PACED, FAULT)
OPTIONS = (*PLACE, HELP)


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    protocols = ", ".join(registry.PROGRAMS)
    if arguments.has("help"):
        about = (
            f"Plays one simulated meter. Protocols: {protocols}; `meterd simulate PROTOCOL --help` lists its options."
        )
        print(usage("meterd simulate", "PROTOCOL [key=value…]", about, OPTIONS))
        if arguments.operands[:1] and arguments.operands[0] in registry.PROGRAMS:
            module = _simulator(arguments.operands[0])
            print("", module.__doc__, module.meter.__doc__, sep="\n")
        return OK
    if not arguments.operands or arguments.operands[0] not in registry.PROGRAMS:
        raise UsageError(f"say which protocol: {protocols}")
    module = _simulator(arguments.operands[0])
    settings = {}
    for word in arguments.operands[1:]:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"{word!r} is not key=value")
        settings[key] = value
    try:
        meter = module.meter(**settings)
    except (TypeError, ValueError, KeyError, OSError) as error:
        raise UsageError(f"these options make no meter: {error}") from None
    return serve(arguments, meter, module.LINE)


def _port(arguments: Arguments) -> int:
    """The number of the TCP or UDP port, where it is one. Raises: UsageError unless one place is named."""
    if sum(arguments.has(place) for place in ("pty", "tcp", "udp", "call")) != 1:
        raise UsageError("say where: --pty LINK, --tcp PORT, --udp PORT or --call HOST:PORT")
    word = "udp" if arguments.has("udp") else "tcp"
    number = arguments.number(word, 0)
    if number > MAX_PORT:
        raise UsageError(f"--{word} takes 0 to {MAX_PORT}")
    return number


def _called(word: str) -> str:
    """Raises: UsageError unless it is an address."""
    host, _, port = word.removeprefix("udp://").rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) <= MAX_PORT:
        raise UsageError(f"--call takes HOST:PORT or udp://HOST:PORT, not {word!r}")
    return word


def _simulator(program: str) -> ModuleType:
    return import_module(f"meterd.simulate.{registry.PROGRAMS[program]}")


def serve(arguments: Arguments, meter: Callable[[], Conversation], line: LineSettings) -> int:
    """Serve `meter` where the arguments say, until interrupted."""
    link, number = arguments.value("pty"), _port(arguments)
    text = arguments.value("fault")
    fault = Fault.parse(text) if text else None
    if fault is not None and not (arguments.has("pty") or arguments.has("tcp")):
        raise UsageError("--fault is for --pty and --tcp")
    end_in_order()
    loop = Loop()
    host = MeterHost(loop)
    paced = arguments.has("paced")
    try:
        if arguments.has("call"):
            place = _called(arguments.value("call") or "")
            host.on_call(place, meter)
        elif link is not None:
            host.on_pty(link, meter, line, fault, paced)
            _outlived_by_no_link(link)
            place = link
        else:
            address = arguments.value("host") or "127.0.0.1"
            if arguments.has("udp"):
                number = host.on_udp(number, meter, address)
            else:
                number = host.on_tcp(number, meter, fault, line if paced else None, address)
            place = f"{address}:{number}"
    except OSError as error:
        raise ConfigError(link or f"port {number}", f"cannot be served: {error.strerror}") from None
    log.notice(f"simulated meter on {place}")
    wake_for_signals(loop)
    try:
        loop.run()
    finally:
        host.close()
    return OK


def _outlived_by_no_link(link: str) -> None:
    """Have `link` taken away when this process is gone, however it ends, a `kill -9` too: the terminal that it leads
    to may then be another meter's. A process of its own waits for that; one that has the link by then keeps it.
    """
    target = os.readlink(link)
    ours, _ = os.pipe()  # nothing passes through it: it ends when this process does
    if os.fork():
        os.close(ours)
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(ours, FIRST_OF_OURS)
    os.closerange(FIRST_OF_OURS + 1, os.sysconf("SC_OPEN_MAX"))
    os.read(FIRST_OF_OURS, 1)
    try:
        if os.readlink(link) == target:
            os.unlink(link)
    except OSError:
        pass  # it is gone already
    os._exit(0)
