"""Simulated Elgama meters: GAMA 300 over HDLC with short names, EPQS as a programming meter of IEC 62056-21 mode C.

Several meters may hang on one line. See `meter` for the options and `elgama_gama` for what is known and what is not.
"""

from __future__ import annotations

from .._hdlc import HdlcDecoder
from ..conversation import LineSettings, Receive, Send
from ..errors import Garbled
from ..protocols.dlms.links import address
from ..protocols.iec62056_21.messages import same_serial
from . import iec62056_21
from .dlms_link import GAP_MS, HdlcServer, serve_mode_e
from .elgama_gama import Gama, GamaAssociation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._readout_message import Message
    from ..conversation import Conversation

LINE = LineSettings(9600, 8, "none", 1)
MODE_C_LINE = iec62056_21.LINE
ANYONE = address.server_address(address.SERIAL_LOGICAL, address.MAX_HALF, 4)
GAMA_OPTIONS = (
    "shown", "password", "clock", "summer", "pdu", "rows", "failures", "lists", "scaler", "info", "window", "opening",
    "busy", "hang_up",
)  # fmt: skip
IDENTIFICATION = "EGM5SIMULATED"


def meter(**options: str) -> Callable[[], Conversation]:
    """One line with Elgama meters; every option is text.

    model: gama300 (default), gama100, epqs, epqm. serial: their numbers, several with `;` between (02141421).

    GAMA: shown: another number that the meter tells; password: then client 32 must bring it; clock: local time, or
    refused, unset, invalid; summer: 1 (default) the deviation is wrong by an hour; pdu: octets of an answer that is not
    cut into blocks; info, window: HDLC limits; rows, failures: of load profile and power-failure log; lists: yes, no,
    refused, silent; scaler: added to the scalers of energies; opening: direct, mode-e; busy, hang_up: as in the DLMS
    meter.

    EPQS, EPQM: `shown` and the options of the simulated IEC 62056-21 meter.

    Returns: a factory of meter-side conversations. Raises: TypeError for options that there are not.
    """
    chosen = dict(options)
    model = chosen.pop("model", "gama300").lower()
    serials = chosen.pop("serial", "02141421").split(";")
    if model in ("epqs", "epqm"):
        return _mode_c(serials, chosen)
    if model not in ("gama300", "gama100"):
        raise TypeError(f"the simulated Elgama meter is no {model!r}: gama300, gama100, epqs or epqm")
    unknown = [name for name in chosen if name not in GAMA_OPTIONS]
    if unknown:
        raise TypeError(f"the simulated GAMA has no option {unknown[0]!r}")
    return gama_line([Gama(**{**chosen, "serial": serial}) for serial in serials], chosen)


# ---- GAMA


def gama_line(meters: list[Gama], options: dict[str, str]) -> Callable[[], Conversation]:
    """RS-485 with those meters on it, or the optical port of the first."""

    def connection() -> Conversation:
        servers = [_server(gama, options) for gama in meters]
        if options.get("opening") == "mode-e":
            return serve_mode_e(servers[0], MODE_C_LINE, IDENTIFICATION, True, False)
        return _rs485(servers)

    return connection


def _server(gama: Gama, options: dict[str, str]) -> HdlcServer:
    associations: dict[int, GamaAssociation] = {}

    def answer(client: int, apdu: bytes) -> bytes:
        return associations.setdefault(client, GamaAssociation(gama, client)).answer(apdu)

    return HdlcServer(
        address.serial_address(int(gama.serial)), answer, int(options.get("info", 128)), int(options.get("window", 1)),
        busy=int(options.get("busy", 0)), hang_up=int(options.get("hang_up", 0)),
    )  # fmt: skip


def _rs485(servers: list[HdlcServer]) -> Conversation:
    """All meters hear every frame; one answers. Called as all stations, the first does."""
    yield LINE
    decoder = HdlcDecoder()
    while True:
        try:
            frame = yield Receive(decoder, None, GAP_MS)
        except Garbled:
            decoder.reset()
            continue
        for server in servers:
            if frame.destination in (server.address, ANYONE):
                for index, reply in enumerate(server.take(frame)):
                    yield Send(reply, keep_input=index > 0)
                break


# ---- mode C


def _mode_c(serials: list[str], options: dict[str, str]) -> Callable[[], Conversation]:
    shown = options.pop("shown", "")
    if shown:
        known = options.get("registers", "")
        options["registers"] = f"{known};0.0.0=({shown})" if known else f"0.0.0=({shown})"
    options.setdefault("ident", f"/{IDENTIFICATION}")
    try:
        meters = [iec62056_21.Meter(iec62056_21.Options({**options, "serial": serial})) for serial in serials]
    except (ValueError, KeyError) as error:
        raise TypeError(f"the simulated mode C meter: {error}") from None
    return lambda: _Bus(meters).conversation()


class _Bus(iec62056_21.Connection):
    """Several meters on one line: the one that is addressed answers, or the first if nobody is named."""

    def __init__(self, meters: list[iec62056_21.Meter]) -> None:
        super().__init__(meters[0])
        self.meters = meters

    def _serve(self, heard: Message | bytes | None) -> Conversation:
        if isinstance(heard, bytes) and heard.startswith(b"/?"):
            called = heard[2:-1].decode("latin-1")
            for one in self.meters:
                if not called or same_serial(called, one.options.serial):
                    self.meter, self.options = one, one.options
                    break
        return (yield from super()._serve(heard))
