"""How many connections the lines of a site may keep open at a time, under the limit that this process runs with."""

from __future__ import annotations

from .. import log
from ..ports.descriptors import RESERVE, Budget, limit, needed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Device
    from ..ports._loop import Loop


def share_descriptors(loop: Loop, devices: list[Device]) -> None:
    """`devices`: one of each line."""
    network = sum(device.over_tcp() for device in devices)
    if not network:
        return
    serial = len(devices) - network
    most, wanted = limit(), needed(network, serial)
    room = max(most - RESERVE - serial, 1)
    if wanted > most:
        log.warning(said(network, wanted, most, room), fold="descriptors")
        if loop.budget is None:
            loop.budget = Budget(loop, room)
    if loop.budget is not None:
        loop.budget.most = room  # after a reload there may be more room, or less


def said(network: int, wanted: int, most: int, room: int) -> str:
    """What is to be known of it, and done."""
    return (
        f"{network} connections need {wanted} descriptors, and this process may have {most}: {room} are open at "
        f"a time, and the one that is idle for longest makes room for the next; `ulimit -n {wanted}` (systemd: "
        f"LimitNOFILE={wanted}; procd: limits nofile) lets all stay open"
    )


def shortage(devices: list[Device]) -> list[str]:
    """For `check`: what would be said under the limit of this process, which may be another one than the service's."""
    lines = {device.line: device.over_tcp() for device in devices}
    network = sum(lines.values())
    most, wanted = limit(), needed(network, len(lines) - network)
    room = max(most - RESERVE - (len(lines) - network), 1)
    return [said(network, wanted, most, room)] if network and wanted > most else []
