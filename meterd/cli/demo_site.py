"""The site that `meterd demo` plays: which meters, on which ports, with which signals. Data only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class DemoMeter:
    """`simulator` is a module of meterd.simulate (None: nobody answers); `port` is a serial port's name, else TCP;
    `notes` what a person is to know of it, a line beside each signal.
    """

    __slots__ = ("alias", "fault", "notes", "options", "parameters", "port", "signals", "simulator")

    def __init__(
        self,
        alias: str,
        simulator: str | None,
        parameters: dict[str, Any],
        signals: dict[str, dict[str, Any]],
        port: str | None = None,
        options: dict[str, str] | None = None,
        fault: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        self.alias = alias
        self.simulator = simulator
        self.parameters = parameters
        self.signals = signals
        self.port = port
        self.options = options or {}
        self.fault = fault
        self.notes = notes


def _iec(address: str, number_type: str = "DOUBLE") -> dict[str, Any]:
    return {"number_type": number_type, "job_todo": address, "tag_job_todo": address}


def _mbus(record: str) -> dict[str, Any]:
    return {"number_type": "DOUBLE", "tag_job_todo": record}


METERS = (
    DemoMeter(
        "house",
        "iec62056_21",
        {"protocol": "IEC 62056-21", "serialnumber": 12345678, "type": "C", "baudrate": 300, "databits": 7,
         "parity": "EVEN", "scan_rate_ms": 4000},
        {"energy": _iec("1.8.0"), "power": _iec("1.7.0"), "voltage_L1": _iec("32.7.0"),
         "clock": _iec("0.9.1", "STRING")},
        port="PORT1",
        notes=("IEC 62056-21", "serial, 300 7E1"),
    ),
    DemoMeter(
        "workshop",
        "iec62056_21",
        {"protocol": "IEC 62056-21", "serialnumber": 0, "type": "C", "scan_rate_ms": 2000},
        {"energy": _iec("1.8.0"), "maximum": _iec("1.6.1"), "maximum_at": _iec("1.6.1[1]", "STRING")},
        fault="flip:5",
        notes=("IEC 62056-21, TCP", "noise on purpose:", "bits flip"),
    ),
    DemoMeter(
        "transformer",
        "dlms",
        {"protocol": "DLMS", "client_address": 16, "physical_address": 1, "type": "LN", "scan_rate_ms": 3000},
        {"energy": {"obis_job": "1.0.1.8.0.255"}, "power": {"obis_job": "1.0.1.7.0.255"},
         "voltage_L1": {"obis_job": "1.0.32.7.0.255"}, "clock": {"obis_job": "0.0.1.0.0.255"}},
        options={"counts": "13"},
        notes=("DLMS/COSEM", "HDLC over TCP"),
    ),
    DemoMeter(
        "secure",
        "dlms",
        {"protocol": "DLMS", "client_address": 48, "physical_address": 1, "type": "LN", "auth": "HighGmac",
         "security": "both", "system_title": "4D54440000000001", "encryption_key": "000102030405060708090A0B0C0D0E0F",
         "authentication_key": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF", "scan_rate_ms": 4000},
        {"energy": {"obis_job": "1.0.1.8.0.255"}},
        options={"counts": "5", "auth": "HighGmac", "security": "both",
                 "encryption_key": "000102030405060708090A0B0C0D0E0F",
                 "authentication_key": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"},
        notes=("DLMS, ciphered",),
    ),
    DemoMeter(
        "heating",
        "mbus",
        {"protocol": "mbus serial", "address": "1", "timeout_ms": 500, "baudrate": 2400, "parity": "even",
         "scan_rate_ms": 5000},
        {"energy": _mbus("energy"), "flow_temp": _mbus("flow temperature"), "volume": _mbus("volume")},
        port="PORT2",
        notes=("M-Bus", "serial, 2400 8E1"),
    ),
    DemoMeter(
        "feeder",
        "elgama",
        {"protocol": "Elgama", "id": 2141421, "meter_model": 2, "timeout_ms": 1500},
        {"energy": _iec("1.8.0"), "voltage_L1": _iec("32.7.0"), "frequency": _iec("14.7.0")},
        port="PORT3",
        notes=("Elgama GAMA", "serial, 9600 8N1"),
    ),
    DemoMeter(
        "cellar",
        None,
        {"protocol": "IEC 62056-21", "serialnumber": 17, "type": "C", "scan_rate_ms": 5000},
        {"energy": _iec("1.8.0")},
        notes=("IEC 62056-21, TCP",),
    ),
)  # fmt: skip
