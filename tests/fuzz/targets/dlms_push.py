"""Lists that DLMS meters push: any octets in any pieces end in values or one of the errors, in bounded room."""

from __future__ import annotations

from typing import Any

from meterd.errors import MeterdError
from meterd.model import Device, Memory, Signal
from meterd.protocols.dlms_push import driver
from meterd.protocols.dlms_push.parameters import DEVICE as ROWS
from meterd.simulate import dlms_push as simulated

KEYS = {"encryption_key": "00" * 16, "authentication_key": "11" * 16}
DEVICE: dict[str, Any] = {row.name: row.default for row in ROWS} | {"ip": "x", "timeout_ms": 100, "scan_rate_ms": 0}
JOBS = ("1.0.1.7.0.255", "1.0.1.8.0.255", "1.0.1.8.0.255:3", "0.0.96.1.0.255")
SIGNALS = [Signal("m", job, {"obis_job": job, "scaler": -1}) for job in JOBS]
SEEDS = [
    bytes((40, bool(keys))) + simulated.Pusher({**simulated.DEFAULTS, "form": form, "info": "60", **keys}).frames()
    for form in ("codes", "pairs", "objects")
    for keys in ({}, KEYS)
]
SEEDS += [
    bytes((20, how)) + simulated.Pusher({**simulated.DEFAULTS, "info": "50", **chosen}).frames()
    for how, chosen in (
        (2, {"frame": "M-Bus"}), (0, {"blocks": "30"}), (2, {"frame": "M-Bus", "blocks": "40"}),
        (1, {"blocks": "60", **KEYS}), (0, {"form": "event"}), (0, {"form": "values"}),
    )
]  # fmt: skip


def one(data: bytes) -> None:
    if len(data) < 2:
        return
    size, data_kind, data = 1 + data[0], data[1], data[2:]
    keys = KEYS if data_kind & 1 else {}
    framing = "M-Bus" if data_kind & 2 else "HDLC"
    plan = driver.plan(Device("m", "dlms_push", {**DEVICE, **keys, "framing": framing}, ""), SIGNALS)
    memory, at = Memory(), 0
    while at < len(data):
        talk = driver.listen([(plan, memory)])
        try:
            step = next(talk)
            while at < len(data):
                decoder = getattr(step, "decoder", None)
                if decoder is None:
                    step = talk.send(None)
                    continue
                found = decoder.feed(data[at : at + size])
                at += size
                while found is not None:
                    step = talk.send(found)
                    while not hasattr(step, "decoder"):
                        step = talk.send(None)
                    found = step.decoder.feed(b"")
        except MeterdError:
            at += 1
