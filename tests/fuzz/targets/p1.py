"""P1 telegrams, plain and ciphered: any octets in any pieces end in readings or one of the errors, in bounded room."""

from __future__ import annotations

from meterd.errors import MeterdError
from meterd.model import Device, Memory, Plan, Signal
from meterd.protocols.p1.telegrams import LARGEST, SealedDecoder, Telegrams
from meterd.protocols.p1.values import Telegram
from meterd.simulate import p1 as simulated

KEY = "000102030405060708090A0B0C0D0E0F"
DEVICE = {"ip": "x", "serial_server": "raw", "timeout_ms": 100, "authentication_key": "FF" * 16}
TAGS = ("gas", "water", "1.8.1", "1-0:1.6.0", "0-0:96.1.1", "0-1:24.3.0[6]")
SIGNALS = [
    Signal("m", tag, {"tag_job_todo": tag, "number_type": number_type})
    for tag in TAGS
    for number_type in ("DOUBLE", "STRING")
]
SEEDS = [
    b"\x10" + simulated.Port({**simulated.DEFAULTS, **chosen}).telegram()
    for chosen in ({}, {"version": "2"}, {"encryption_key": KEY, "authentication_key": "FF" * 16})
]


def one(data: bytes) -> None:
    if not data:
        return
    size, data = 1 + data[0], data[1:]
    plain, ciphered = (
        Telegrams(Plan(Device("m", "p1", {**DEVICE, "encryption_key": key}), [], None), Memory()) for key in (None, KEY)
    )
    decoder = SealedDecoder()
    for at in range(0, len(data), size):
        frame = decoder.feed(data[at : at + size])
        while frame is not None:
            try:
                _read(Telegram(ciphered._opened(frame)))
            except MeterdError:
                pass
            frame = decoder.feed(b"")
        assert decoder.missing >= 1 and decoder.pending <= LARGEST + size
    _talk(plain, data, size)


def _talk(telegrams: Telegrams, data: bytes, size: int) -> None:
    at = 0
    while at < len(data):
        talk = telegrams.next(None)
        try:
            step = next(talk)
            while at < len(data):
                found = step.decoder.feed(data[at : at + size])
                at += size
                if found is not None:
                    step = talk.send(found)
        except StopIteration as end:
            _read(end.value)
        except MeterdError:
            pass


def _read(telegram: Telegram) -> None:
    for signal in SIGNALS:
        reading = telegram.reading(signal)
        assert (reading.value is None) <= bool(reading.reason)
    telegram.numbers()
