"""`meterd counter DEVICE`: where a device's invocation counter is kept and what it says; `--set` where it was lost.

A counter that is known never goes down. One that is lost may be stated by whoever knows a number that was never used
under the key: far above all that was, for there are 4,294,967,296 of them.
"""

from __future__ import annotations

import sys

from ..counter import LAST
from ..errors import ConfigError
from ..gateway.json_text import dumps
from ..protocols import registry
from .beginning import state_directory
from .exit_codes import OK, READ_FAILED
from .one_device import device_signals, find_device
from .options import CONFIG, HELP, JSON, STATE, VALUE, Option, UsageError, parse, usage

SET = Option(("--set",), VALUE, "begin at this number, which was never used under the key", "NUMBER")
OPTIONS = (CONFIG, SET, JSON, STATE, HELP)
ABOUT = """Says where the invocation counter of a ciphered device is kept, and what it says. With --set it begins at a
number that was never used, where the record was lost: nothing else that uses the keys may run meanwhile."""


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd counter", "-c FILE DEVICE", ABOUT, OPTIONS))
        return OK
    device, _ = find_device(arguments, "counter")
    plan = registry.driver(device.protocol).plan(device, device_signals(arguments, device))
    if plan.counter_names is None:
        raise ConfigError("", f"{device.alias} is read without keys: it has no invocation counter")
    state = state_directory(arguments, brief=True)
    assert state.folder is not None  # every way of choosing one ends in a folder
    counters = state.counters(state.folder)
    number = arguments.number("set", -1)
    if number > LAST:
        raise UsageError(f"--set takes a number up to {LAST}")
    names = plan.counter_names()
    trouble = ""
    if number >= 0:
        trouble = next(filter(None, (counters.state(name, number) for name in names)), "")
    state.folder.release()
    if trouble:
        print(f"meterd counter: {device.alias}: {trouble}", file=sys.stderr)
        return READ_FAILED["key"]
    told = [counters.look(name) for name in names]
    if arguments.has("json"):
        print(dumps({"device": device.alias, "counters": dict(zip(names, told, strict=True))}))
    else:
        print("".join(f"{device.alias}: {words}\n" for words in told), end="")
    return OK
