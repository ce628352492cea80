"""The whole DLMS client against a hostile meter: readings or a MeterdError, within bounded turns and time.

Octets: a mode (bit 0 short names, bit 1 wrapper, bit 2 raw bytes in place of whole frames), then answers, each with a
length octet before it; the last answer comes again and again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meterd._number import Number
from meterd._wrapper import WrapperDecoder, encode_wrapper
from meterd.conversation import Receive, Send
from meterd.model import Device, Memory, Signal
from meterd.protocols.dlms import driver
from meterd.protocols.dlms.parameters import DEVICE, SIGNAL
from meterd.simulate import dlms as simulated
from meterd.simulate.dlms_link import HdlcServer
from tests.pair import converse
from tests.strangers.serve import Octets

if TYPE_CHECKING:
    from meterd.conversation import Conversation

LIMIT_S = 900.0
JOBS = ({"obis_job": "1.0.1.8.0.255"}, {"obis_job": "0.0.1.0.0.255"}, {"obis_job": "1.0.99.1.0.255", "column": "2"})
SHORT_NAMES, WRAPPER, RAW = 1, 2, 4


def seeds() -> list[bytes]:
    """What the simulated meter says in each mode, so that mutations get past the first frames."""
    found = []
    for mode in (0, SHORT_NAMES, WRAPPER, WRAPPER | SHORT_NAMES):
        said: list[bytes] = []
        meter = simulated.meter(mode="wrapper", rows="2", pdu="250", lists="no")()
        meter.send(None)

        def answer(client: int, apdu: bytes, meter: Any = meter, said: list[bytes] = said) -> bytes:
            wrapped = _wrapped(meter, apdu)
            said.append(wrapped)
            return wrapped

        play(mode, answer)
        found.append(bytes((mode,)) + b"".join(bytes((len(apdu),)) + apdu for apdu in said if len(apdu) < 256))
    return [*found, b"\x04\x09\x7e\xa0\x07\x21\x03\x73\x00\x00\x7e", b"\x00"]


def _wrapped(meter: Any, apdu: bytes) -> bytes:
    """Ask a simulated meter behind the wrapper, without the wrapper."""
    step = meter.send(_Frame(apdu))
    answered = b""
    while isinstance(step, Send):
        answered = step.data[8:]
        step = meter.send(None)
    return answered


class _Frame:
    source, destination = 16, 1

    def __init__(self, apdu: bytes) -> None:
        self.apdu = apdu


def device(mode: int) -> Device:
    given = {
        "client_address": 16, "physical_address": 1, "type": "SN" if mode & SHORT_NAMES else "LN",
        "mode": "DLMS-WRAPPER" if mode & WRAPPER else "DLMS-HDLC", "timeout_ms": 100, "max_pdu_size": 250,
    }  # fmt: skip
    return Device("meter", "dlms", {row.name: given.get(row.name, row.default) for row in DEVICE})


def play(mode: int, answer: Any, raw: Any = None) -> None:
    """One scan: what the client sends goes to `answer` as APDUs, or to `raw` as it is."""
    signals = [Signal("meter", str(n), {row.name: job.get(row.name, row.default) for row in SIGNAL})
               for n, job in enumerate(JOBS)]  # fmt: skip
    if raw is not None:
        meter = babbling(raw)
    elif mode & WRAPPER:
        meter = behind_the_wrapper(answer)
    else:
        meter = HdlcServer(b"\x03", answer, 64, 3).run()
    talk = driver.conversation(driver.plan(device(mode), signals), Memory())
    for reading in converse(talk, meter, byte_s=0.0, limit_s=LIMIT_S).readings:
        check(reading.value, reading.reason)


def babbling(raw: Any) -> Conversation:
    decoder = Octets()
    while True:
        yield Receive(decoder, None, 1000)
        said = raw()
        if said:
            yield Send(said)


def behind_the_wrapper(answer: Any) -> Conversation:
    decoder = WrapperDecoder()
    while True:
        asked = yield Receive(decoder, None, 1000)
        yield Send(encode_wrapper(1, 16, answer(16, asked.apdu)[:60_000]))


def check(value: Any, reason: str | None) -> None:
    assert value is None or isinstance(value, (int, float, str, Number)), type(value)
    assert (value is None) <= (reason is not None), "no value and no reason"


SEEDS = seeds()


def one(data: bytes) -> None:
    mode = data[0] if data else 0
    answers: list[bytes] = []
    offset = 1
    while offset < len(data):
        answers.append(data[offset + 1 : offset + 1 + data[offset]])
        offset += 1 + data[offset]
    turn = iter(answers)
    last = answers[-1] if answers else b""
    if mode & RAW:
        play(mode, None, lambda: next(turn, last))
    else:
        play(mode, lambda client, apdu: next(turn, last))
