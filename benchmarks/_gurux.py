"""gurux_dlms as a peer: what it is asked for. It reads in a process of its own (`tests.conformance.gurux_reader`)."""

from __future__ import annotations

from tests.conformance.test_dlms_foreign import GuruxReader


class Gurux:
    """Reads registers of a simulated meter at `port`, over HDLC as the public client of LN meters."""

    def __init__(self) -> None:
        self._reader = GuruxReader()

    def singly(self, port: int, count: int) -> float:
        """CPU seconds for a register, one request each."""
        spent: float = self._reader.ask("repeat", **order(port, 1), count=count)
        return spent / count

    def listed(self, port: int, registers: int, count: int) -> float:
        """CPU seconds for a register of a list."""
        spent: float = self._reader.ask("repeat", **order(port, registers), count=count, list=True)
        return spent / count / registers

    def resident_mb(self, port: int) -> float:
        """At its peak, once it has read the object list."""
        self._reader.ask("objects", **order(port, 1))
        found: float = self._reader.ask("memory")
        return found

    def frame_s(self, frame: bytes, count: int, alone: bool) -> float:
        """CPU seconds for one frame: to its value, or `alone`."""
        found: float = self._reader.ask("frames", frame=frame.hex(), count=count, alone=alone)
        return found

    def close(self) -> None:
        self._reader.process.communicate()


def order(port: int, registers: int) -> dict[str, object]:
    names = [[f"1.0.1.8.{number}.255", 0] for number in range(1, registers + 1)]
    common = {"mode": "hdlc", "names": "LN", "client": 32, "auth": "NONE", "password": "", "info": 1024}
    return {**common, "port": port, "registers": names}
