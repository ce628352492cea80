"""The site that `meterd demo` plays: which meters, on which ports, with which signals. Data only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class DemoMeter:
    """`simulator` is a module of meterd.simulate (None: nobody answers); `port` is a serial port's name, else TCP."""

    __slots__ = ("alias", "fault", "options", "parameters", "port", "signals", "simulator")

    def __init__(
        self,
        alias: str,
        simulator: str | None,
        parameters: dict[str, Any],
        signals: dict[str, dict[str, Any]],
        port: str | None = None,
        options: dict[str, str] | None = None,
        fault: str = "",
    ) -> None:
        self.alias = alias
        self.simulator = simulator
        self.parameters = parameters
        self.signals = signals
        self.port = port
        self.options = options or {}
        self.fault = fault


def _iec(address: str, number_type: str = "DOUBLE") -> dict[str, Any]:
    return {"number_type": number_type, "job_todo": address, "tag_job_todo": address}


METERS = (
    DemoMeter(
        "house",
        "iec62056_21",
        {"protocol": "IEC 62056-21", "serialnumber": 12345678, "type": "C", "baudrate": 300, "databits": 7,
         "parity": "EVEN", "scan_rate_ms": 4000},
        {"energy": _iec("1.8.0"), "power": _iec("1.7.0"), "voltage_L1": _iec("32.7.0"),
         "clock": _iec("0.9.1", "STRING")},
        port="PORT1",
    ),
    DemoMeter(
        "workshop",
        "iec62056_21",
        {"protocol": "IEC 62056-21", "serialnumber": 0, "type": "C", "scan_rate_ms": 2000},
        {"energy": _iec("1.8.0"), "maximum": _iec("1.6.1"), "maximum_at": _iec("1.6.1[1]", "STRING")},
        fault="flip:5",
    ),
    DemoMeter(
        "cellar",
        None,
        {"protocol": "IEC 62056-21", "serialnumber": 17, "type": "C", "scan_rate_ms": 5000},
        {"energy": _iec("1.8.0")},
    ),
)  # fmt: skip
