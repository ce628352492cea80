"""`meterd scan` of meters that call: whoever calls is taken in, and becomes a device of a configuration.

A meter that pushes becomes a `DLMS push` device with a signal for each entry of the list that it sent; for `dlms` its
objects are read over the connection that it has opened. Nobody knows when a meter calls, so the scan waits for the
first for as long as LONGEST_S, and ends when no new one has called for QUIET_S; Ctrl-C ends it sooner.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

from .._clock import wall_clock_ms
from ..daemon.calls import Calls
from ..daemon.job import Job
from ..errors import MeterdError, PortGone
from ..model import Device, Memory
from ..ports._timers import Timer
from ..protocols import registry
from ..sinks.hub import Hub
from ..sinks.status import DeviceStatus
from .ends import interruptible_loop
from .exit_codes import OK, READ_FAILED
from .found_file import device_row, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..conversation import Conversation
    from ..daemon.call import Call

QUIET_S = 10.0
LONGEST_S = 3600.0
SILENT_S = 3.0  # one that has called and said nothing is asked then
LOOK_S = 0.5
MOST_FOUND = 256
MAX_ALIAS = 40
DISCOVERY = "discovery"


def take_in(device: Device, output: str | None, memory: Callable[[str], Memory]) -> int:
    """Write a configuration of who calls at the address of `device`; `memory(alias)` makes what a device remembers."""
    intake = Intake(device, memory)
    try:
        intake.run()
    except PortGone as error:
        print(f"meterd scan: {error}", file=sys.stderr)
        return READ_FAILED[error.reason]
    if not intake.devices:
        print("meterd scan: nobody has called, or nobody of whom anything is known", file=sys.stderr)
        return READ_FAILED["no_bytes"]
    write(output, {"devices": intake.rows(output is not None), "signals": intake.signals})
    return OK


class Intake:
    """Those who called: `devices` and `signals` found."""

    def __init__(self, device: Device, memory: Callable[[str], Memory]) -> None:
        self.device = device
        self.devices: list[Device] = []
        self.signals: list[dict[str, Any]] = []
        self._memory = memory
        self._loop = interruptible_loop()
        self._line = Calls(self._loop, device.line, None, Hub([], wall_clock_ms))
        self._line.framed_as(device)
        self._line.once = True
        self._line.unknown.told = False
        self._line.on_stranger = self._stranger
        self._met: set[str] = set()
        self._reading = 0
        self._end = Timer(self._loop.stop)
        self._look = Timer(self._look_for_silent)

    def run(self) -> None:
        """Until nobody new calls. Raises: PortGone where nobody can call."""
        self._line.port.open()
        print(f"waiting for meters to call {self._line.port.address}; Ctrl-C ends it", file=sys.stderr)
        self._line.room.open()
        self._loop.arm(self._end, self._loop.time + LONGEST_S)
        if self.device.protocol == "dlms":
            self._loop.arm(self._look, self._loop.time + LOOK_S)
        try:
            self._loop.run()
        except KeyboardInterrupt:
            pass  # what was found until then is kept
        for timer in (self._end, self._look):
            timer.deadline = None
        self._line.stop(lambda line: self._loop.stop())
        self._loop.run()

    def rows(self, with_secrets: bool) -> list[dict[str, Any]]:
        return [device_row(device, "", with_secrets) for device in self.devices]

    def _stranger(self, call: Call, name: str, pushed: Any, apdu: bytes) -> None:
        if (name or call.address) in self._met or len(self._met) >= MOST_FOUND:
            return
        if self.device.protocol == "dlms":
            self._ask(call, name)
            return
        found = self._of_push(name, pushed, apdu)
        if found is not None:
            device = self._made(name, call.address)
            self._take(device, [{**row, "device_alias": device.alias} for row in found])

    def _of_push(self, name: str, pushed: Any, apdu: bytes) -> list[dict[str, Any]] | None:
        """A signal for each entry of the list; none of one that is ciphered, where no key is given."""
        discovery: Any = registry.module(self.device.protocol, DISCOVERY)
        try:
            rows: list[dict[str, Any]] | None = discovery.rows_of(self.device, pushed, apdu)
        except MeterdError as error:
            print(f"{name or 'a caller'}: {error}", file=sys.stderr)
            return None
        if rows is None:
            print(f"{name}: its lists are ciphered: put encryption_key into its device", file=sys.stderr)
        return rows or []

    def _made(self, name: str, address: str) -> Device:
        known = name or address
        letters = "".join(one if one.isascii() and one.isalnum() else "-" for one in known).strip("-")
        alias = f"meter-{letters}"[:MAX_ALIAS]
        values = {**self.device.parameters, "name": known, "device_alias": alias}
        values["serialnumber" if name and "framing" in values else "caller"] = known
        return Device(alias, self.device.protocol, values, self.device.line)

    def _take(self, device: Device, rows: list[dict[str, Any]]) -> None:
        self._met.add(device.parameters["name"])
        self.devices.append(device)
        self.signals += rows
        print(f"{device.parameters['name']}: signals: {len(rows)}", file=sys.stderr)
        if not self._reading:
            self._loop.arm(self._end, self._loop.time + QUIET_S)

    # ---- those that are read

    def _look_for_silent(self) -> None:
        for call in list(self._line.room.calls):
            if not call.jobs and self._loop.time - call.called > SILENT_S and call.address not in self._met:
                self._ask(call, "")
        self._loop.arm(self._look, self._loop.time + LOOK_S)

    def _ask(self, call: Call, name: str) -> None:
        """Read what it has, over its connection."""
        device = self._made(name, call.address)
        self._met.add(device.parameters["name"])
        self._reading += 1
        driver: Any = SimpleNamespace(conversation=lambda plan, memory: self._discovered(device, memory))
        plan = registry.driver(device.protocol).plan(device, [])
        status = DeviceStatus(device.alias)
        self._line.take_in(call, Job(driver, plan, [], self._memory(device.alias), status, self._loop.time))

    def _discovered(self, device: Device, memory: Memory) -> Conversation:
        discovery: Any = registry.module(device.protocol, DISCOVERY)
        rows: list[dict[str, Any]] = []
        try:
            found = yield from discovery.discover(device, memory, {}, lambda text: None)
            rows = found["signals"]
        finally:
            self._reading -= 1
            self._take(device, rows)
