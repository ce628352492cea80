"""`meterd scan`: what a meter or a bus has, written as configuration ready to use."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from time import monotonic

from ..daemon.one_scan import Single
from ..errors import Aborted, ConfigError, MeterdError
from ..model import Memory
from ..parameters import BAUDRATES as BAUDRATES_KNOWN
from ..protocols import registry
from .beginning import set_up_log, state_directory
from .diagnosis import stopped_at
from .ends import interruptible_loop
from .exit_codes import OK, READ_FAILED
from .found_file import device_row, write, write_text
from .one_device import find_device
from .options import CONFIG, DEBUG, HELP, STATE, VALUE, VERBOSE, Option, UsageError, parse, usage
from .terminal import Status, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from ..model import Device
    from .options import Arguments

OUTPUT = Option(("-o", "--output"), VALUE, "write the configuration found here instead of to stdout", "FILE")
RESUME = Option(("--resume",), VALUE, "keep the search's state here, and go on from it", "FILE")
PROFILE = Option(("--profile",), VALUE, "write the profile found here (Elgama, DLMS push)", "FILE")
BAUDRATES = Option(("--baudrates",), VALUE, "speeds to search an M-Bus line at, such as 300,2400,9600", "LIST")
OPTIONS = (CONFIG, OUTPUT, PROFILE, RESUME, BAUDRATES, DEBUG, VERBOSE, STATE, HELP)
SAVED_EVERY_S = 10.0  # a search that is killed goes on from here; flash is spared
ABOUT = """Without anything: the serial ports of this machine. At a port: finds by itself which meters are there (DLMS,
IEC 62056-21, M-Bus, Elgama; usual speeds, formats, addresses), asks each what it has, and writes a configuration that
reads them. At a device (of a configuration, or described by parameters: meterd scan mbus device=/dev/ttyUSB0): what
that meter offers, or which meters the bus has. With listen=1: which meters call (meterd scan dlms-push listen=1
framing=wrapper ip=0.0.0.0 port=4059)."""


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd scan", "[PORT | HOST:PORT | PROTOCOL parameter=value… | -c FILE DEVICE]", ABOUT, OPTIONS))
        return OK
    set_up_log(arguments)
    if not arguments.has("config") and not _names_a_protocol(arguments.operands):
        from .first_contact import find, list_ports

        return find(arguments.operands[0], arguments) if arguments.operands else list_ports()
    return _known_device(arguments)


def _known_device(arguments: Arguments) -> int:
    """What a device that is configured or described has."""
    device, path = find_device(arguments, "scan")
    if device.calls():
        from .callers import take_in

        return take_in(device, arguments.value("output"), state_directory(arguments, brief=True).memory)
    resume = arguments.value("resume")
    state = _load_state(resume)
    if arguments.has("baudrates") and device.over_tcp():
        raise UsageError("--baudrates is for serial lines: over TCP the converter has its own speed")
    if not state and arguments.has("baudrates"):
        state["wanted_baudrates"] = _baudrates(arguments.value("baudrates") or "")
    single = Single(interruptible_loop(), device, path, lambda reading: None)
    memory = state_directory(arguments, brief=True).memory(device.alias)
    try:
        found = _discover(single, memory, resume, state)
    except MeterdError as error:
        _save_state(resume, state)
        print(f"meterd scan: {device.alias}: {error}", file=sys.stderr)
        _explain(single, path, stopped_at(error, single.evidence, [], memory) or "object", error)
        return READ_FAILED.get(error.reason, 1)
    except KeyboardInterrupt:
        _save_state(resume, state)
        kept = _kept(device, state)
        if kept is not None:
            write(arguments.value("output"), kept)
        raise
    _save_state(resume, state)
    if not found.get("devices", True) and not single.evidence.frames:
        _explain(single, path, "frame" if single.evidence.received_bytes else "bytes", None)
    _hand_over(arguments, device, path, found)
    return OK


def _hand_over(arguments: Arguments, device: Device, path: str, found: dict[str, Any]) -> None:
    """Write what was found. Raises: UsageError."""
    if "lists" in found.get("profile", {}) and not found["signals"]:
        from .nameless import told

        print(f"meterd scan: {device.alias}: {told(device.protocol, found['profile'])}", file=sys.stderr)
    output = arguments.value("output")
    write(output, _configuration(device, path, found, with_secrets=output is not None))
    if arguments.has("profile"):
        if "profile" not in found:
            raise UsageError(f"{device.alias} is described by no profile")
        write_text(arguments.value("profile"), found["profile"])


def _kept(device: Device, state: dict[str, Any]) -> dict[str, Any] | None:
    """What a search had found when it was interrupted; None where it had not, or where there is no search."""
    kept = getattr(_discovery(device.protocol), "kept", None)
    found: dict[str, Any] | None = None if kept is None else kept(device, state)
    return found


def _names_a_protocol(operands: list[str]) -> bool:
    """Whether a device is described, and not a port named. Raises: UsageError for what is neither."""
    from .first_contact import looks_like_a_place

    if not operands:
        return False
    if operands[0] in registry.PROGRAMS:
        return True
    if len(operands) > 1 or not looks_like_a_place(operands[0]):
        raise UsageError(
            f"{operands[0]!r} is no port, no HOST:PORT and no protocol ({', '.join(registry.PROGRAMS)}); "
            "`meterd scan` lists the serial ports"
        )
    return False


def _explain(single: Single, path: str, rung: str, error: MeterdError | None) -> None:
    """Why nothing was found, and what would go on, found out as `meterd doctor` does."""
    from .consultation import Consultation
    from .doctor import report

    begun = monotonic()
    consultation = Consultation(single.loop, single.device, path, [], Memory(), Status())
    consultation.stopped(rung, error, single.evidence)
    print(wrapped("\n".join(report(consultation, monotonic() - begun)), sys.stderr), file=sys.stderr)


def _discovery(package: str) -> ModuleType:
    """The protocol's module with `discover(device, memory, state, progress)`."""
    try:
        return import_module(f"meterd.protocols.{package}.discovery")
    except ModuleNotFoundError:
        raise ConfigError("", f"{registry.program(package)} devices cannot be scanned") from None


def _discover(single: Single, memory: Memory, resume: str | None, state: dict[str, Any]) -> dict[str, Any]:
    discovery = _discovery(single.device.protocol)
    saved = monotonic()

    def progress(text: str) -> None:
        nonlocal saved
        if monotonic() - saved > SAVED_EVERY_S:
            saved = monotonic()
            _save_state(resume, state)
        print(
            f"\r\x1b[K{text}" if sys.stderr.isatty() else text, end="" if sys.stderr.isatty() else "\n", file=sys.stderr
        )
        sys.stderr.flush()

    try:
        found: dict[str, Any] = single.run(discovery.discover(single.device, memory, state, progress))
    except Aborted as error:
        raise MeterdError(str(error)) from None
    finally:
        single.close()
        if sys.stderr.isatty():
            print(file=sys.stderr)
    return found


def _configuration(device: Device, path: str, found: dict[str, Any], with_secrets: bool) -> dict[str, Any]:
    """What was found as a configuration file; the scanned device itself where the search names no devices."""
    devices = found["devices"] if "devices" in found else [device_row(device, path, with_secrets)]
    return {"devices": devices, "signals": found["signals"]}


def _baudrates(text: str) -> list[int]:
    wanted = [int(word) if word.strip().isdigit() else 0 for word in text.split(",")]
    for baudrate in wanted:
        if baudrate not in BAUDRATES_KNOWN:
            raise UsageError(f"--baudrates takes speeds such as 300,2400,9600, not {text!r}")
    return wanted


def _load_state(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    try:
        with open(name, encoding="utf-8") as file:
            state = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(name, f"is no state of a search: {error}") from None
    if not isinstance(state, dict):
        raise ConfigError(name, "is no state of a search")
    return state


def _save_state(name: str | None, state: dict[str, Any]) -> None:
    if name is not None:
        with open(name, "w", encoding="utf-8") as file:
            json.dump(state, file)
