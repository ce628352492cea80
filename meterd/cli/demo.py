"""`meterd demo`: simulated meters on ptys and TCP, the real daemon reading them, live readings until interrupted.

On a terminal a table that refreshes itself, else JSON lines. Three processes: one plays the meters, one is the daemon
as any gateway runs it, and this one shows what comes out of it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib import import_module

from ..ports._loop import Loop
from ..simulate.faults import Fault
from ..simulate.meter_host import MeterHost
from .demo_site import METERS
from .demo_view import Lines, Table
from .ends import end_in_order
from .exit_codes import FAILED, OK
from .options import HELP, VALUE, Option, UsageError, parse, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .demo_site import DemoMeter

DURATION = Option(("--duration",), VALUE, "end after so many seconds", "SECONDS")
OPTIONS = (DURATION, HELP)
DAEMONS_END_S = 2.0  # by then it has noticed that nobody takes its readings


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd demo", "", "Simulated meters, the real daemon, live readings.", OPTIONS))
        return OK
    if arguments.operands:
        raise UsageError(f"takes no {arguments.operands[0]!r}: it has its own meters")
    duration = arguments.number("duration", 0)
    end_in_order()
    with tempfile.TemporaryDirectory(prefix="meterd-demo-") as directory:
        pid, ports = _start_meters(directory)
        try:
            return _run_daemon(directory, ports, duration)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _start_meters(directory: str) -> tuple[int, list[int]]:
    """Fork the process that plays the meters; returns its pid and each meter's TCP port (0: on a pty)."""
    read_end, write_end = os.pipe()
    ours, theirs = os.pipe()  # nothing passes here: it ends when this process does, however that ends
    pid = os.fork()
    if pid == 0:
        os.setsid()  # an interrupt at the terminal must reach the daemon while its meters still answer
        os.close(read_end)
        os.close(theirs)
        loop = Loop()
        loop.register(ours, select.POLLIN, lambda revents: loop.stop())
        host = MeterHost(loop)
        ports = [_serve(host, meter, directory) for meter in METERS]
        os.write(write_end, json.dumps(ports).encode())
        os.close(write_end)
        loop.run()
        time.sleep(DAEMONS_END_S)
        shutil.rmtree(directory, ignore_errors=True)  # we come here only where nobody else is left to do so
        os._exit(0)
    os.close(write_end)
    os.close(ours)
    with open(read_end, "rb") as pipe:
        return pid, json.loads(pipe.read())


def _serve(host: MeterHost, meter: DemoMeter, directory: str) -> int:
    if meter.simulator is None:
        return 1  # nobody listens on TCP port 1: a meter that is switched off
    module = import_module(f"meterd.simulate.{meter.simulator}")
    fault = Fault.parse(meter.fault) if meter.fault else None
    played = module.meter(**meter.options)
    if meter.port is not None:
        host.on_pty(os.path.join(directory, meter.port), played, module.LINE, fault)
        return 0
    return host.on_tcp(0, played, fault)


def configuration(directory: str, ports: list[int]) -> dict[str, Any]:
    """The demo's configuration file, as any site would have it."""
    devices, signals, names = [], [], {}
    for meter, port in zip(METERS, ports, strict=True):
        place: dict[str, Any] = {"ip": "127.0.0.1", "port": port}
        if meter.port is not None:
            place = {"device": meter.port}
            names[meter.port] = os.path.join(directory, meter.port)
        devices.append({"name": meter.alias, "device_alias": meter.alias, **meter.parameters, **place})
        for alias, columns in meter.signals.items():
            signals.append({"signal_name": alias, "device_alias": meter.alias, "signal_alias": alias, **columns})
    return {"ports": names, "devices": devices, "signals": signals, "publish": {"stdout": "json"}}


def _run_daemon(directory: str, ports: list[int], duration: int) -> int:
    path = os.path.join(directory, "demo.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(configuration(directory, ports), file, indent=1)
    command = [sys.executable, "-m", "meterd", "run", "-c", path, "--state", directory]
    command += ["--control", os.path.join(directory, "control.sock")]
    table = sys.stdout.isatty()
    with open(os.path.join(directory, "log"), "w+", encoding="utf-8") as log:
        daemon = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log if table else None, start_new_session=True
        )
        assert daemon.stdout is not None
        deadline = time.monotonic() + duration if duration else None
        try:
            (Table(METERS, path) if table else Lines()).follow(daemon.stdout.fileno(), deadline)
        except KeyboardInterrupt:
            pass
        finally:  # whoever read us may be gone, or we are ended: the daemon goes with us
            daemon.send_signal(signal.SIGTERM)
            rest = daemon.stdout.read()
            daemon.stdout.close()
            code = daemon.wait(10)
        if not table:
            sys.stdout.write(rest.decode())
        else:
            print("next: your own meters: `meterd scan` lists the serial ports; `meterd scan PORT` finds what is there")
        if code:
            log.seek(0)
            sys.stderr.write(log.read())
    return FAILED if code else OK
