"""How a device is talked to, as its parameters have it."""

from __future__ import annotations

from ...conversation import LineSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import Device

INTER_CHARACTER_MS = 1500  # t_a, clause 6.4.3: the longest gap within a message
NUL_BITS = 10


class SessionSettings:
    """All times in ms; `opening` None over TCP, where nobody can switch a speed.

    `parities`: ways to carry seven bits over a connection of eight, tried in turn; '' for none. `read_baudrate` and
    `max_baudrate` 0: as the meter proposes.
    """

    __slots__ = (
        "answers_row", "baud_change_delay_ms", "block_check", "gap_ms", "identity_check", "max_baudrate", "mode",
        "opening", "parities", "protocol_control", "read_baudrate", "request", "serial", "seven_bit", "t2_ms",
        "timeout_ms", "wakeup_nuls", "wakeup_pause_ms",
    )  # fmt: skip

    def __init__(self, serial: str, opening: LineSettings | None, timeout_ms: int) -> None:
        self.serial = serial
        self.opening = opening
        self.timeout_ms = timeout_ms
        self.gap_ms = max(timeout_ms, INTER_CHARACTER_MS)
        self.seven_bit = opening is not None and opening.data_bits == 7
        self.mode = "C"
        self.t2_ms = 300
        self.protocol_control = 0
        self.wakeup_nuls = 0
        self.wakeup_pause_ms: float = 0
        self.baud_change_delay_ms = 0
        self.read_baudrate = 0
        self.max_baudrate = 0
        self.block_check = "auto"
        self.identity_check = True
        self.request: str | None = None
        self.answers_row = False
        self.parities: tuple[str, ...] = ("",)

    @classmethod
    def of(cls, device: Device) -> SessionSettings:
        """The settings in the parameters of an IEC 62056-21 device."""
        opening = None
        if device.has_line():
            opening = LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])
        settings = cls(device["serialnumber"], opening, device["timeout_ms"])
        settings.mode = device["type"]
        settings.t2_ms = device["t2"]
        settings.protocol_control = device["protocol_control_char"]
        settings.wakeup_nuls = device["wakeup_nuls"]
        settings.wakeup_pause_ms = device["wakeup_pause_ms"]
        settings.baud_change_delay_ms = device["baud_change_delay_ms"]
        settings.read_baudrate = device["read_baudrate"]
        settings.max_baudrate = device["max_baudrate"]
        settings.block_check = device["block_check"]
        settings.identity_check = device["identity_check"]
        settings.request = device["request"]
        settings.answers_row = device["answer"] == "row"
        if opening is None:
            settings.parities = _parities(device)
            # The connection has taken the NULs long before the converter has sent them.
            settings.wakeup_pause_ms += settings.wakeup_nuls * NUL_BITS * 1000 / device["baudrate"]
        return settings


def _parities(device: Device) -> tuple[str, ...]:
    """What to try where a converter carries 7E1 within 8N1: what is configured, or if 7 bits are, either way."""
    chosen: str = device["tcp_parity"]
    if chosen != "auto":
        return ("" if chosen == "none" else chosen,)
    return ("", device["parity"]) if device["databits"] == 7 and device["parity"] != "none" else ("",)
