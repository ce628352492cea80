"""What reading costs on the gateway's own processor: instructions, counted on an emulated 24Kc.

The same as `python -m tools.gateway.prove.instructions --reading`, which says what is counted. It takes the packages
(a cross compiler, made once) and qemu; where they cannot be had, the rows are left out.
"""

from __future__ import annotations

from tools.gateway.build.cache import ToolMissing
from tools.gateway.prove.instructions import installed, reading_rows

from ._machine import Row

WANTED = {"a scan besides its registers, in lists": 60_000}


def run() -> list[Row]:
    try:
        with installed() as root:
            found = reading_rows(root)
    except ToolMissing as missing:
        print(f"gateway_reading: left out: {missing}")
        return []
    return [
        (f"24Kc: {what}", max(figures), "instructions", -float(WANTED.get(what, most))) for what, figures, most in found
    ]
