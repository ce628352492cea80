"""`meterd doctor DEVICE`: climbs the ladder from the port to the objects and says in one sentence where it stops.

The rungs: port, bytes, frame, address, association, key, object. What is on the wire decides, not what was hoped for:
a port that does not open, not one byte, bytes that make no frame, a refusal, a wrong key, an object that is not there.
"""

from __future__ import annotations

import sys
from importlib import import_module

from ..daemon.one_scan import Single
from ..errors import MeterdError, Refused
from ..model import GOOD
from ..ports._loop import Loop
from ..protocols import registry
from .diagnosis import RUNGS, diagnosis, stopped_at
from .exit_codes import OK, READ_FAILED
from .one_device import device_signals, find_device
from .options import CONFIG, DEBUG, HELP, STATE, VERBOSE, UsageError, parse, usage
from .run import set_up_log, state_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from ..model import Device, Memory, Plan, Reading

OPTIONS = (CONFIG, DEBUG, VERBOSE, STATE, HELP)


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
    memory = state_directory(arguments, brief=True).memory(device.alias)
    error: Exception | None = None
    found = apart = ""
    try:
        single.run(driver.conversation(plan, memory))
    except MeterdError as caught:
        error = caught
    rung = stopped_at(error, single.evidence, readings, memory)
    _show_ladder(rung)
    try:
        single.part(driver, plan, memory)
        found = _ask_around(single, device) if rung == "bytes" else ""
        apart = _tell_the_counter_apart(single, driver, plan, memory) if _may_be_the_counter(plan, error) else ""
    finally:
        single.close()
    if rung is None:
        print(f"{device.alias} is well: {len(readings)} signals read.")
        return OK
    for line in diagnosis(device, path, rung, error, single.evidence, readings):
        print(line)
    if found:
        print(f"But {found}.")
    if apart:
        print(apart)
    for signal, message in plan.refused:
        print(f"{signal.alias}: {message}")
    bad = next((reading.reason for reading in readings if reading.quality != GOOD), None)
    reason = error.reason if isinstance(error, MeterdError) else bad
    return READ_FAILED.get(reason or "", 1)


def _may_be_the_counter(plan: Plan, error: Exception | None) -> bool:
    """Whether the meter refused what was sealed, in words that a wrong key and a lagging counter have in common."""
    return plan.counter_names is not None and isinstance(error, Refused) and error.reason in ("key", "auth")


def _tell_the_counter_apart(single: Single, driver: ModuleType, plan: Plan, memory: Memory) -> str:
    """A sentence about the invocation counter: where the meter tells its own, a second try goes on from there."""
    if not plan.device.parameters.get("invocation_counter_obis"):
        return (
            "A wrong encryption_key, a wrong authentication_key and an invocation counter behind the meter's look "
            "alike here: set invocation_counter_obis, and doctor tells the counter apart."
        )
    try:
        single.run(driver.conversation(plan, memory))
    except Refused as error:
        if error.reason in ("key", "auth"):
            return "The counter is not the cause: it is refused with the meter's own count too, so a key is wrong."
        return ""
    except MeterdError:
        return ""
    single.part(driver, plan, memory)
    return "It was the invocation counter, which lagged behind the meter's: with the meter's own count it is read."


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
