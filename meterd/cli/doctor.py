"""`meterd doctor`: why a device is not read, in one answer to paste, and then how that was found out.

Devices of a configuration (some, or all), or one described by parameters; with signals or without. The answer comes
first; then the rung of the ladder on which reading stops, and why. Progress goes to standard error.
"""

from __future__ import annotations

import sys
from time import monotonic

from ..config.command_line import make_configuration
from ..errors import ConfigError
from ..gateway.json_text import dumps
from ..model import GOOD
from ..sinks.format import fields
from .answers import paste, was
from .beginning import set_up_log, state_directory
from .consultation import Consultation
from .diagnosis import RUNGS, diagnosis
from .ends import interruptible_loop
from .exit_codes import INTERRUPTED, OK, READ_FAILED
from .one_device import configured_devices, described_device
from .options import CONFIG, DEBUG, FLAG, HELP, JSON, STATE, VERBOSE, Option, parse, usage
from .terminal import Status, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Device, Signal
    from .options import Arguments

ALL = Option(("--all",), FLAG, "every device of the configuration")
OPTIONS = (CONFIG, ALL, JSON, DEBUG, VERBOSE, STATE, HELP)
OPERANDS = "(-c FILE DEVICE… | -c FILE --all | PROTOCOL parameter=value… [-- ADDRESS…])"
ABOUT = (
    "Reads each device once, says on which rung that stops, and looks around for what would go on. Rungs:\n"
    + ", ".join(RUNGS)
    + ".\nExit code of the first device that is not well: 0 all well, "
    + ", ".join(f"{code} {reason}" for reason, code in READ_FAILED.items())
    + "."
)
MAX_SHOWN = 40
TO_LOOK_AT = "nothing can be pasted: see below"


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd doctor", OPERANDS, ABOUT, OPTIONS))
        return OK
    set_up_log(arguments, 3)
    patients = _patients(words, arguments)
    state = state_directory(arguments, brief=True)
    status = Status()
    loop = interruptible_loop()
    first = OK
    for number, (device, path, signals) in enumerate(patients):
        status.line(f"{device.alias}: {device.parameters.get('protocol')} at {_port(device, path)}")
        begun = monotonic()
        consultation = Consultation(loop, device, path, signals, state.memory(device.alias), status)
        consultation.hold()
        seconds = monotonic() - begun
        if arguments.has("json"):
            print(dumps(found(consultation, seconds)), flush=True)
        else:
            print("\n" if number else "", end="")
            print(wrapped("\n".join(report(consultation, seconds)), sys.stdout), flush=True)
        code = READ_FAILED.get(consultation.reason(), 1) if consultation.rung is not None else OK
        first = first or code
        if consultation.ladder.interrupted:
            return INTERRUPTED
    return first


def _patients(words: list[str], arguments: Arguments) -> list[tuple[Device, str, list[Signal]]]:
    """Each device with its port and signals. Raises: ConfigError, UsageError."""
    addresses = words[words.index("--") + 1 :] if "--" in words else []
    if arguments.has("config"):
        return configured_devices(arguments, arguments.has("all"))
    described = arguments.operands[: len(arguments.operands) - len(addresses)]
    device, path = described_device(described, "doctor")
    if not addresses:
        return [(device, path, [])]
    given = dict(word.partition("=")[::2] for word in described[1:])
    configuration = make_configuration(described[0], given, addresses)
    if configuration.errors:
        raise ConfigError("", "\n".join(map(str, configuration.errors)))
    return [(device, path, configuration.signals.get(device.alias, []))]


def _port(device: Device, path: str) -> str:
    return device.line if device.over_tcp() else path


def report(consultation: Consultation, seconds: float) -> list[str]:
    """The answer, the ladder, why, and what to try where there is no answer."""
    device, rung = consultation.device, consultation.rung
    lines = [_answer(consultation, seconds), *_ladder(rung)]
    if rung is None:
        return lines + _signals(consultation)
    why, try_ = diagnosis(
        device, consultation.path, rung, consultation.error, consultation.single.evidence, consultation.readings
    )
    lines.append(f"Why: {why}")
    for seen in consultation.ladder.found:
        lines.append(f"But {seen.how}{f' ({seen.plate.words()})' if seen.plate.words() else ''}.")
    if consultation.changes and was(device, consultation.changes):
        lines.append(f"Configured is {was(device, consultation.changes)}.")
    lines += _evidence(consultation)
    if consultation.counter:
        lines.append(consultation.counter)
    if not consultation.verified or len(consultation.ladder.found) > 1:
        lines.append(try_)
    lines += [f"{signal.alias}: {message}" for signal, message in consultation.plan.refused]
    return lines + _signals(consultation)


def found(consultation: Consultation, seconds: float) -> dict[str, object]:
    """The same for programs: `set` are the parameters that differ (null: leave it out; "…": only a person knows)."""
    rung = consultation.rung
    return {
        "device": consultation.device.alias,
        "well": rung is None,
        "rung": rung,
        "reason": "good" if rung is None else consultation.reason(),
        "set": dict(consultation.changes),
        "tried": bool(consultation.verified),
        "report": report(consultation, seconds),
        "signals": [fields(reading) for reading in consultation.readings],
        "seconds": round(seconds, 1),
    }


def _answer(consultation: Consultation, seconds: float) -> str:
    alias, took = consultation.device.alias, f"({seconds:.1f} s)"
    if consultation.rung is None:
        count = len(consultation.readings)
        read = f"{count} signal{'s' * (count != 1)} read" if count else "the meter answers"
        return f"{alias} is well: {read}. {took}"
    if consultation.changes:
        several = " (or that of another below)" if len(consultation.ladder.found) > 1 else ""
        return f"{alias}: set {paste(consultation.changes)}{several} {took}"
    if consultation.near:
        told = "; ".join(f"{name}: {what}" for name, what in consultation.near.items())
        return f"{alias}: set {told} {took}"
    if consultation.ladder.strangers:
        return f"{alias}: no meter is there but {consultation.ladder.strangers[0]}: check ip and port {took}"
    if consultation.ladder.echoes:
        return f"{alias}: only an echo is there, and no meter {took}"
    return f"{alias}: {TO_LOOK_AT} {took}"


def _ladder(rung: str | None) -> list[str]:
    lines = []
    for name in RUNGS:
        lines.append(f"  {name:<12} {'stops here' if name == rung else 'ok'}")
        if name == rung:
            break
    return lines


def _evidence(consultation: Consultation) -> list[str]:
    """How sure the answer is."""
    if consultation.verified:
        return [f"Tried: with that {consultation.verified}."]
    ladder, evidence = consultation.ladder, consultation.single.evidence
    if consultation.rung == "port":
        return []
    if ladder.echoes and not ladder.found:
        return ["Only our own bytes came back: an optical head that is not on a meter, or a converter without a bus."]
    if ladder.found or consultation.changes:
        return ["This was not tried: a value is missing, or the protocol is another one. Read again when it is set."]
    if not ladder.tried:
        return []
    if not evidence.received_bytes and not ladder.noise:
        return [
            f"The evidence is thin: in {ladder.tried} more ways not one byte came, so power, wires and the head are as "
            "likely as a parameter."
        ]
    return [f"The evidence is thin: bytes came, and in {ladder.tried} more ways nothing that is a meter's."]


def _signals(consultation: Consultation) -> list[str]:
    """Each signal with its value or with what the meter said."""
    lines = []
    for reading in consultation.readings[:MAX_SHOWN]:
        if reading.quality == GOOD:
            lines.append(f"  {reading.signal.alias}: {reading.value} {reading.unit or ''}".rstrip())
        else:
            near = consultation.near.get(reading.signal.alias)
            told = reading.words or reading.reason
            lines.append(f"  {reading.signal.alias}: {told}{f'; the meter has {near}' if near else ''}")
    return lines
