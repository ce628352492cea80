"""What meters that push cost on the gateway's own processor, in instructions.

`python -m tools.gateway.prove.pushes` runs the daemon from its packages on an emulated 24Kc with two ports (ptys) on
which lists come every 2.5 s at the pace of 2,400 baud, eight octets at a time as a UART's buffer hands them over, alone
and beside two meters over TCP that are polled; and prints the instructions for each push, from its first octet to its
readings on stdout, and what a second of all of it takes. What is counted is all user code, the kernel's own work aside.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
import tty
from pathlib import Path

from ..build.cache import ToolMissing, program
from ..package import packages
from . import gateway_root
from .instructions import EMULATOR, MACHINE, output_of, ptys
from .service import interpreter
from .sites import Meters, every_protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MIPS_WRITE = 4004
STDOUT = 1
INTERVAL_S = 2.5
AT_ONCE = 8
CHARACTER_S = 11 / 2400
SIGNALS = ("0.0.96.1.0.255", "1.0.1.7.0.255", "1.0.1.8.0.255", "1.0.32.7.0.255")
OF_KAIFA = ("0.0.96.1.0.255", "1.0.1.7.0.255", "1.0.4.7.0.255", "1.0.32.7.0.255")
FORMS = {
    "codes": {}, "codes in segments of 60": {"info": "60"}, "general blocks of 60": {"blocks": "60"},
    "values alone, with a profile": {"form": "values"},
}  # fmt: skip
PUSHES = 8
MOST_PER_PUSH = 1_500_000
PATIENCE_S = 120.0
_PUSHED = re.compile(r'"device":"p\d","signal":"s')
_PIECE = re.compile(r"instructions (\d+) (\d+) (\d+)\n|(\{.*\})\n")


class Pusher:
    """A meter on a pty; `node` is where it is heard, `octets` how long a push is."""

    def __init__(self, chosen: dict[str, str]) -> None:
        from meterd.simulate import dlms_push

        self._meter = dlms_push.Pusher({**dlms_push.DEFAULTS, **chosen})
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.node = os.ttyname(self._slave)
        self.octets = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._push)
        self._thread.start()

    def _push(self) -> None:
        while True:
            frames = self._meter.frames()
            self.octets = len(frames)
            for at in range(0, len(frames), AT_ONCE):
                os.write(self._master, frames[at : at + AT_ONCE])
                if self._over.wait(AT_ONCE * CHARACTER_S):
                    return
            if self._over.wait(max(INTERVAL_S - len(frames) * CHARACTER_S, 0)):
                return

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


def pushing(pushers: list[Pusher], chosen: dict[str, str]) -> dict[str, list[dict[str, object]]]:
    """A configuration of these alone."""
    found: dict[str, list[dict[str, object]]] = {"devices": [], "signals": []}
    for number, pusher in enumerate(pushers):
        row: dict[str, object] = {
            "name": "p",
            "device_alias": f"p{number}",
            "protocol": "DLMS push",
            "device": pusher.node,
        }
        if chosen.get("form") == "values":
            row["profile"] = "kaifa-han"
        found["devices"].append(row)
        found["signals"] += [
            {"signal_name": "s", "device_alias": f"p{number}", "signal_alias": f"s{at}", "obis_job": code}
            for at, code in enumerate(OF_KAIFA if "profile" in row else SIGNALS)
        ]
    return found


def marks(text: str) -> list[tuple[int, int, int | None]]:
    """(instructions, readings of meters that push so far, their last time in ms) at each write to stdout."""
    found: list[tuple[int, int, int | None]] = []
    readings, time_ms = 0, None
    for piece in _PIECE.finditer(text):
        if piece[4] is None:
            if (int(piece[1]), int(piece[2])) == (MIPS_WRITE, STDOUT):
                found.append((int(piece[3]), readings, time_ms))
            continue
        reading = json.loads(piece[4])
        is_pushed = reading["device"].startswith("p") and not reading["signal"].startswith("_")
        if is_pushed and reading["quality"] == "good":
            readings, time_ms = readings + 1, reading["time_ms"]
    return found


def per_push(found: list[tuple[int, int, int | None]]) -> float:
    """Instructions from one push's readings to the next one's: the later half, when all that comes once is over."""
    begins: dict[int, int] = {}
    for count, readings, _ in found:
        begins.setdefault(readings, count)
    pushes = sorted(readings for readings in begins if readings and not readings % len(SIGNALS))
    middle, last = pushes[len(pushes) // 2], pushes[-1]
    return (begins[last] - begins[middle]) / ((last - middle) / len(SIGNALS))


def per_second(found: list[tuple[int, int, int | None]]) -> float:
    timed = [(count, time_ms) for count, _, time_ms in found if time_ms is not None]
    (first, begin), (last, end) = timed[len(timed) // 3], timed[-1]
    return (last - first) / ((end - begin) / 1000)


def _run(root: Path, content: object, readings: int) -> list[tuple[int, int, int | None]]:
    configuration = root / "etc" / "meterd" / "meterd.json"
    configuration.write_text(json.dumps(content))
    words = ["/usr/lib/meterd/service", "run", "-d", "4", "--state", "/tmp/state", "-c", "/etc/meterd/meterd.json"]

    def enough(text: str) -> bool:
        return len(_PUSHED.findall(text)) >= readings

    text = output_of(root, [*interpreter(root, words[0]), *words], PATIENCE_S, (MIPS_WRITE,), enough)
    if not enough(text):
        raise RuntimeError(f"the daemon did not come so far; it said:\n{text[-3000:]}")
    return marks(text)


def _with(chosen: dict[str, str], ports: int, use: Callable[[list[Pusher]], float]) -> tuple[float, int]:
    pushers = [Pusher(chosen) for _ in range(ports)]
    try:
        return use(pushers), pushers[0].octets
    finally:
        for pusher in pushers:
            pusher.close()


def _measure(root: Path) -> int:
    os.makedirs(root / "var" / "run" / "meterd", exist_ok=True)
    (root / "tmp" / "state").mkdir(exist_ok=True)
    worst = 0.0
    for what, chosen in FORMS.items():
        each, octets = _with(
            chosen, 1, lambda pushers, c=chosen: per_push(_run(root, pushing(pushers, c), PUSHES * len(SIGNALS)))
        )  # fmt: skip
        worst = max(worst, each)
        print(f"each push of {octets} octets, {len(SIGNALS)} signals, {what}: {each:,.0f} instructions", flush=True)
    for beside in (False, True):
        meters = Meters()
        try:
            polled = every_protocol(meters) if beside else {"devices": [], "signals": []}

            def both(pushers: list[Pusher], polled: dict[str, list[dict[str, object]]] = polled) -> float:
                content = pushing(pushers, {})
                polled_rows = [row for row in polled["devices"] if row["device_alias"] in ("d", "m")]
                content["devices"] += [{**row, "scan_rate_ms": 10_000} for row in polled_rows]
                content["signals"] += [row for row in polled["signals"] if row["device_alias"] in ("d", "m")]
                return per_second(_run(root, content, 2 * PUSHES * len(SIGNALS)))

            second, _ = _with({}, 2, both)
        finally:
            meters.stop()
        where = "beside two TCP meters polled every 10 s" if beside else "alone"
        print(f"two ports pushing every {INTERVAL_S} s, {where}: {second:,.0f} instructions a second", flush=True)
    print(f"each push: {'at most' if worst <= MOST_PER_PUSH else 'MORE than'} {MOST_PER_PUSH:,} instructions")
    return int(worst > MOST_PER_PUSH)


def main() -> int:
    try:
        program(EMULATOR, "qemu-user")
        with tempfile.TemporaryDirectory() as place:
            root = Path(place) / "root"
            wanted = ["meterd", "meterd-push"]
            gateway_root.create(root, MACHINE, packages.write(MACHINE), wanted)
            with ptys(root):
                return _measure(root)
    except ToolMissing as missing:
        print(f"pushes are not counted: {missing}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
