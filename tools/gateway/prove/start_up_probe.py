"""Runs on the emulated gateway: the daemon, saying on stderr when each import and each phase begins and ends.

The counting plugin prints its count at each of these writes. Two frame each of a probe's ends, so that what the probe
itself costs can be left out.
"""

import sys
from posix import write

sys.path.append(f"/usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")
write(2, b"@begin\n")
import _frozen_importlib as machinery  # noqa: E402

# module, function in it, what it is.
PHASES = (
    ("meterd.cli.run", "load", "configuration"),
    ("meterd.sinks.registry", "open_sinks", "sinks"),
    ("meterd.cli.run", "_open_control", "control socket"),
    ("meterd.config.files", "_Loading._device", "a device is checked"),
    ("meterd.config.files", "_Loading._signal", "a signal is checked"),
    ("meterd.config.files", "_Loading.finish", "devices are looked at together"),
    ("meterd.config.profiles", "Profiles.of", "profile"),
    ("meterd.daemon.daemon", "Daemon.configure", "planning"),
    ("meterd.daemon.planning", "Plans.add", "a device is planned"),
    ("meterd.daemon.daemon", "Daemon._begin_line", "a line begins"),
    ("meterd.daemon.line", "Line._begin", "a scan begins"),
    ("meterd.daemon.line", "Line._opened", "its port is open"),
    ("meterd.ports.serial_port", "SerialCarrier.open", "a serial port is opened"),
)


def probed(label, function):  # type: ignore[no-untyped-def]
    begin = b"@in " + label + b"\n"

    def probe(*words, **named):  # type: ignore[no-untyped-def]
        write(2, b"@enter\n")
        write(2, begin)
        try:
            return function(*words, **named)
        finally:
            write(2, b"@out\n")
            write(2, b"@leave\n")

    return probe


def probe_phases(name):  # type: ignore[no-untyped-def]
    for module, path, label in PHASES:
        if module == name:
            *steps, last = path.split(".")
            owner = sys.modules[module]
            for step in steps:
                owner = getattr(owner, step)
            setattr(owner, last, probed(label.encode(), getattr(owner, last)))


plain_find_and_load = machinery._find_and_load  # type: ignore[attr-defined]


def find_and_load(name, import_):  # type: ignore[no-untyped-def]
    found = probed(b"import " + name.encode(), plain_find_and_load)(name, import_)
    probe_phases(name)
    return found


machinery._find_and_load = find_and_load  # type: ignore[attr-defined]
from meterd.cli.service import main  # noqa: E402

sys.exit(main())
