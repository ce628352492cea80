"""Those who call: any octets in any pieces end in values, a refusal or one of the errors; of strangers is told in few
words."""

from __future__ import annotations

from typing import Any

from meterd._wrapper import encode_wrapper
from meterd.errors import MeterdError
from meterd.model import Device, Memory, Signal
from meterd.protocols.dlms_push import driver
from meterd.protocols.dlms_push.calls import Book, Caller, talk
from meterd.protocols.dlms_push.parameters import DEVICE as ROWS
from meterd.simulate import dlms_push as simulated

KEYS = {"encryption_key": "00" * 16, "authentication_key": "11" * 16}
DEVICE: dict[str, Any] = {row.name: row.default for row in ROWS}
DEVICE |= {"ip": "0.0.0.0", "port": 4059, "listen": True, "framing": "wrapper", "timeout_ms": 100}
JOBS = ("1.0.1.7.0.255", "1.0.1.8.0.255", "0.0.96.1.0.255")
SIGNALS = [Signal("m", job, {"obis_job": job, "scaler": -1}) for job in JOBS]
SERIAL = simulated.DEFAULTS["serial"]
NAMES: list[dict[str, Any]] = [
    {"serialnumber": SERIAL}, {"serialnumber": simulated.DEFAULTS["title"], **KEYS}, {"caller": "10.0.0.1/3"},
]  # fmt: skip


def _sent(framing: str, **chosen: str) -> bytes:
    return simulated.Pusher({**simulated.DEFAULTS, "frame": framing, **chosen}).frames()


SEEDS = [bytes((200, 0)) + _sent("wrapper", form=form) * 2 for form in ("codes", "pairs", "objects", "event")]
SEEDS += [
    bytes((60, 0)) + _sent("wrapper", **KEYS),
    bytes((60, 0)) + _sent("wrapper", serial="7"),
    bytes((255, 0)) + _sent("wrapper", blocks="30", confirmed="1"),
    bytes((40, 1)) + _sent("UI", info="60"),
    bytes((9, 0)) + encode_wrapper(3, 102, b"\x0f\x40\0\0\1\0\x01\0"),
]


class _Anybody(Caller):
    def stranger(self, name: str, said: str, pushed: object, apdu: bytes) -> None:
        assert len(said) < 200 and isinstance(name, str)


def _plan(given: dict[str, Any]) -> Any:
    return driver.plan(Device("m", "dlms_push", {**DEVICE, **given}, "listen:0.0.0.0:4059"), SIGNALS)


def one(data: bytes) -> None:
    if len(data) < 2:
        return
    size, framing, data = 1 + data[0], "HDLC" if data[1] & 1 else "wrapper", data[2:]
    book, at = Book([(_plan(given), Memory()) for given in NAMES]), 0
    while at < len(data):
        said = talk(_Anybody("10.0.0.1"), book, framing)
        try:
            step = next(said)
            while at < len(data):
                found = step.decoder.feed(data[at : at + size])
                at += size
                while found is not None:
                    step = said.send(found)
                    while not hasattr(step, "decoder"):
                        step = said.send(None)
                    found = step.decoder.feed(b"")
        except MeterdError:
            at += 1
