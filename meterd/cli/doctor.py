"""`meterd doctor DEVICE`: climbs the ladder from the port to the objects and says in one sentence where it stops.

The rungs: port, bytes, frame, address, association, key, object. What is on the wire decides, not what was hoped for:
a port that does not open, not one byte, bytes that make no frame, a refusal, a wrong key, an object that is not there.
"""

from __future__ import annotations

import sys
from importlib import import_module

from .._core import Loop
from ..errors import Garbled, LineError, MeterdError, PortGone, Refused, SecurityError, WrongMeter
from ..model import GOOD
from ..protocols import registry
from ..runtime.single import Single
from .exit_codes import OK, READ_FAILED
from .hints import hint
from .options import CONFIG, DEBUG, HELP, STATE, UsageError, parse, usage
from .run import set_up_log, state_directory
from .scan import device_signals, find_device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Device, Memory, Reading
    from ..runtime.single import Evidence

OPTIONS = (CONFIG, DEBUG, STATE, HELP)
RUNGS = ("port", "bytes", "frame", "address", "association", "key", "object")


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        about = "Reads one device once and says on which rung it stops: " + ", ".join(RUNGS) + "."
        print(usage("meterd doctor", "-c FILE DEVICE", about, OPTIONS))
        return OK
    set_up_log(arguments, 3)
    device, path = find_device(arguments, "doctor")
    signals = device_signals(arguments, device)
    if not signals:  # with nothing to ask for not a byte would be sent, and all would be well
        raise UsageError(f"{device.alias} has no signals to read; `meterd scan` shows what a meter offers")
    driver = registry.driver(device.protocol)
    plan = driver.plan(device, signals)
    readings: list[Reading] = []
    single = Single(Loop(), device, path, readings.append)
    memory = state_directory(arguments).memory(device.alias)
    error: Exception | None = None
    found = ""
    try:
        single.run(driver.conversation(plan, memory))
    except MeterdError as caught:
        error = caught
    rung = stopped_at(error, single.evidence, readings, memory)
    _show_ladder(rung)
    try:
        single.part(driver, plan, memory)
        found = _ask_around(single, device) if rung == "bytes" else ""
    finally:
        single.close()
    if rung is None:
        print(f"{device.alias} is well: {len(readings)} signals read.")
        return OK
    for line in diagnosis(device, path, rung, error, single.evidence, readings):
        print(line)
    if found:
        print(f"But {found}.")
    for signal, message in plan.refused:
        print(f"{signal.alias}: {message}")
    bad = next((reading.reason for reading in readings if reading.quality != GOOD), None)
    reason = error.reason if isinstance(error, MeterdError) else bad
    return READ_FAILED.get(reason or "", 1)


def _ask_around(single: Single, device: Device) -> str:
    """Who answers in the place of a silent meter, for protocols that know what to try; '' where nobody does."""
    try:
        probing = import_module(f"meterd.protocols.{device.protocol}.probing")
    except ModuleNotFoundError:
        return ""
    single.player.observers.clear()  # what was seen so far is the diagnosis
    try:
        return str(single.run(probing.probe(device)))
    except MeterdError:
        return ""


def stopped_at(error: Exception | None, evidence: Evidence, readings: list[Reading], memory: Memory) -> str | None:
    """The rung on which a scan stopped; None if it climbed them all."""
    if error is None:
        return "object" if any(reading.quality != GOOD for reading in readings) else None
    if isinstance(error, PortGone) and not evidence.opened:
        return "port"
    if isinstance(error, LineError):
        if not evidence.received_bytes:
            return "bytes"
        if not evidence.frames:
            return "frame"
    if isinstance(error, WrongMeter):
        return "address"
    if isinstance(error, SecurityError) or error_reason(error) == "key":
        return "key"
    if error_reason(error) == "auth":
        return "association"
    rung = str(memory.volatile.get("rung", ""))
    return rung if rung in RUNGS else "frame" if isinstance(error, Garbled) else "object"


def error_reason(error: Exception) -> str:
    return error.reason if isinstance(error, MeterdError) else ""


def diagnosis(
    device: Device, path: str, rung: str, error: Exception | None, evidence: Evidence, readings: list[Reading]
) -> list[str]:
    """The sentences for a rung: what happened, and what to try."""
    port = device.line if device.over_tcp() else path
    what = {
        "port": f"The port does not open: {error}.",
        "bytes": f"{port} opens and {evidence.sent_bytes} bytes were sent, but not one byte came back.",
        "frame": f"{evidence.received_bytes} bytes came back and made no frame: {evidence.first_bytes.hex(' ')}",
        "address": f"A meter answers, but not the configured one: {error}.",
        "association": f"The meter answers and refuses the association: {error}.",
        "key": f"The meter answers, but the security does not fit: {error}.",
        "object": "The meter answers; " + (f"then: {error}." if error else _failed_signals(readings)),
    }[rung]
    if rung == "frame" and evidence.frames:
        said = "not all of it is whole frames" if isinstance(error, Garbled) else "not as expected"
        what = f"The meter answers, but {said}: {error}."
    if isinstance(error, Refused) and error.object_name:
        what += f" (asked for {error.object_name})"
    return [what, "Try: " + hint(device, rung, error, evidence, [one.words for one in readings])]


def _failed_signals(readings: list[Reading]) -> str:
    failed = [f"{one.signal.alias} ({one.words or one.reason})" for one in readings if one.quality != GOOD]
    return f"{len(failed)} of {len(readings)} signals cannot be read: {', '.join(failed[:20])}."


def _show_ladder(rung: str | None) -> None:
    for name in RUNGS:
        if name == rung:
            print(f"  {name:<12} stops here")
            return
        print(f"  {name:<12} ok")
    sys.stdout.flush()
