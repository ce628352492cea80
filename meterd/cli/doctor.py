"""`meterd doctor DEVICE`: climbs the ladder from the port to the objects and says in one sentence where it stops.

The rungs: port, bytes, frame, address, association, key, object. What is on the wire decides, not what was hoped for:
a port that does not open, not one byte, bytes that make no frame, a refusal, a wrong key, an object that is not there.
"""

from __future__ import annotations

import sys
from importlib import import_module

from ..daemon.one_scan import Single
from ..errors import MeterdError
from ..model import GOOD
from ..ports._loop import Loop
from ..protocols import registry
from .diagnosis import RUNGS, diagnosis, stopped_at
from .exit_codes import OK, READ_FAILED
from .options import CONFIG, DEBUG, HELP, STATE, UsageError, parse, usage
from .run import set_up_log, state_directory
from .scan import device_signals, find_device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Device, Reading

OPTIONS = (CONFIG, DEBUG, STATE, HELP)


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


def _show_ladder(rung: str | None) -> None:
    for name in RUNGS:
        if name == rung:
            print(f"  {name:<12} stops here")
            return
        print(f"  {name:<12} ok")
    sys.stdout.flush()
