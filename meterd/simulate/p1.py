"""A simulated P1 port: telegrams of DSMR 5 or 2.2, or ciphered ones, with a gas and a water meter behind the meter.

| option | meaning |
|---|---|
| `version` | 5 (default): CRC16, stamps with S and W; 2: none, and gas in the form of DSMR 2.2 and 3 |
| `interval_ms` | from one telegram to the next; default 1000 |
| `telegrams` | so many, then none any more; default 0: without end |
| `serial` | the meter's number; default E0005001 |
| `gas`, `water` | their channels; 0: none; default 1 and 2 |
| `encryption_key`, `authentication_key`, `title` | ciphers the telegrams (hex) |
"""

from __future__ import annotations

from .._crc import crc16
from ..conversation import LineSettings, Pause, Send
from ..errors import PortGone
from ..protocols.p1.parameters import COMMON_AUTHENTICATION_KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import Conversation

LINE = LineSettings(115200, 8, "none", 1)
DEFAULTS = {
    "version": "5", "interval_ms": "1000", "telegrams": "0", "serial": "E0005001", "gas": "1", "water": "2",
    "encryption_key": "", "authentication_key": COMMON_AUTHENTICATION_KEY, "title": "53494D0000000005",
}  # fmt: skip


def meter(**options: str) -> Callable[[], Conversation]:
    """Its options are above. Raises: TypeError for one that there is not."""
    unknown = [name for name in options if name not in DEFAULTS]
    if unknown:
        raise TypeError(f"the simulated P1 port has no option {unknown[0]!r}")
    return Port({name: str(options.get(name, default)) for name, default in DEFAULTS.items()}).conversation


class Port:
    """`sent` telegrams so far: energy and time move on with each."""

    def __init__(self, chosen: dict[str, str]) -> None:
        self.chosen = chosen
        self.sent = 0
        self._seal: Callable[[bytes], bytes] = lambda text: text
        if chosen["encryption_key"]:
            from ..protocols.dlms.security.context import SecurityContext

            keys = [bytes.fromhex(chosen[name]) for name in ("title", "encryption_key", "authentication_key")]
            context = SecurityContext(*keys, counter=1)
            self._seal = lambda text: context.protect(text, general=True)

    def conversation(self) -> Conversation:
        most = int(self.chosen["telegrams"])
        try:
            while not most or self.sent < most:
                yield Send(self.telegram())
                yield Pause(int(self.chosen["interval_ms"]) / 1000)
            while True:
                yield Pause(3600)
        except PortGone:
            return

    def telegram(self) -> bytes:
        self.sent += 1
        lines = self._old() if self.chosen["version"] == "2" else self._new()
        text = "\r\n".join([*lines, "!"]).encode()
        check = b"" if self.chosen["version"] == "2" else f"{crc16(text):04X}".encode()
        return self._seal(text + check + b"\r\n")

    def _number(self) -> str:
        return f"0-0:96.1.1({self.chosen['serial'].encode().hex().upper()})"

    def _energy(self) -> str:
        return f"1-0:1.8.1({1234 + self.sent // 1000:06}.{self.sent % 1000:03}*kWh)"

    def _new(self) -> list[str]:
        lines = [
            "/SIM5METERD", "", "1-3:0.2.8(50)", f"0-0:1.0.0(26112810{self.sent // 60 % 60:02}{self.sent % 60:02}W)",
            self._number(), self._energy(), "1-0:1.8.2(002345.678*kWh)", "1-0:2.8.1(000000.000*kWh)",
            "0-0:96.14.0(0002)", "1-0:1.7.0(00.503*kW)", "1-0:1.6.0(261128101500W)(02.589*kW)",
            "1-0:32.7.0(230.1*V)", "0-0:96.13.0(48656C6C6F)",
        ]  # fmt: skip
        for kind, channel, value in (("003", self.chosen["gas"], "00981.443"), ("007", self.chosen["water"], "0124.5")):
            if channel != "0":
                lines += [f"0-{channel}:24.1.0({kind})", f"0-{channel}:24.2.1(261128100000W)({value}*m3)"]
        return lines

    def _old(self) -> list[str]:
        lines = ["/SIM4METERD", "", self._number(), self._energy()]
        if self.chosen["gas"] != "0":
            head = f"0-{self.chosen['gas']}:24"
            lines += [f"{head}.1.0(03)", f"{head}.3.0(261128100000)(08)(60)(1)(0-1:24.2.1)(m3)", "(00981.443)"]
        return lines
