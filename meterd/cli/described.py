"""A device described on the command line, read once: one conversation on its port, as `meterd doctor` and the Python
API have it. What a daemon needs for a site is not loaded for one meter.

Left to the daemon's ways is all that takes more than that: meters that send unasked or call, keys that a running daemon
may use at the same time, mistakes that are to be told, and whoever wants to look on.
"""

from __future__ import annotations

from .. import log
from ..daemon.one_scan import Single
from ..errors import Aborted, MeterdError
from ..model import failed
from ..ports._loop import Loop
from ..protocols import registry
from .beginning import catch_signals
from .exit_codes import INTERRUPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from ..config.files import Configuration
    from ..daemon.state import StateDirectory
    from ..model import Plan, Signal
    from ..sinks.hub import Hub
    from .options import Arguments
    from .printing import Printer

LOOKS_ON = ("debug", "frame", "port", "raw", "record", "verbose")


def plain_plan(configuration: Configuration, arguments: Arguments) -> tuple[ModuleType, Plan] | None:
    """The driver and its plan, where one conversation is all that the reading takes. Else None; the daemon's ways find
    out the same, and say it."""
    if len(configuration.devices) != 1:
        return None
    [device] = configuration.devices
    if device.calls() or "://" in device.line or any(arguments.has(name) for name in LOOKS_ON):
        return None
    try:
        driver = registry.driver(device.protocol)
        plan: Plan = driver.plan(device, configuration.signals[device.alias])
    except Exception:  # whatever it is: planning has no effect, and is done again where it is told
        return None
    if plan.refused or plan.counter_names is not None or registry.sends_unasked(driver, plan):
        return None
    return driver, plan


def read_once(
    driver: ModuleType, plan: Plan, ports: Mapping[str, str], state: StateDirectory, printer: Printer, hub: Hub
) -> int | None:
    """Read, and say goodbye; `ports` has the node of a serial line. The exit code where no reading tells of it, else
    None."""
    log.hide(plan.secrets)
    loop = Loop()
    printer.begin(loop, len(plan.signals))
    loop.turn_ends.append(hub.flush)
    single = Single(loop, plan.device, ports.get(plan.device.line, plan.device.line), hub.outlet)
    memory = state.memory(plan.device.alias)
    catch_signals(loop, single.interrupt, single.interrupt)
    code = None
    try:
        single.run(driver.conversation(plan, memory))
    except Aborted:
        code = INTERRUPTED
    except Exception as error:  # a defect of one protocol is told as what it is, and its signals have failed
        _failed(plan, error, single.player.reported, hub)
    single.part(driver, plan, memory)
    single.close()
    return code


def _failed(plan: Plan, error: Exception, reported: set[Signal], hub: Hub) -> None:
    """The readings of those signals that got none."""
    reason = "bad_frame"
    if isinstance(error, MeterdError):
        reason = error.reason
    else:
        log.bug(f"{plan.device.alias}: scan failed on a defect of meterd", error, port=plan.device.line)
    for signal in plan.signals:
        if signal not in reported:
            hub.publish(failed(signal, reason))
