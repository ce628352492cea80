"""Foreign decoders of pushes, each in an environment of its own (`tests.foreign`), and what they read where we read.

`python -m tests.conformance.push_peers` prints the table: telegram × decoder × value, theirs beside ours.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from meterd.config.profiles import Profiles
from meterd.model import Device, Memory, Signal
from meterd.protocols.dlms_push import driver
from meterd.protocols.dlms_push.parameters import DEVICE, SIGNAL
from meterd.simulate import dlms_push as simulated
from tests.foreign import ask
from tests.strangers.pusher import (
    AUTH,
    KEY,
    TITLE,
    as_e450,
    blocks,
    entries,
    event,
    framed,
    generally,
    glo_event,
    long_frame,
    notification,
    sealed,
    whole,
)
from tests.unit.elgama_case import values_of
from tests.unit.pushes import all_that_is_heard

AMSHAN = """
import json, sys
from han.autodecoder import AutoDecoder
from han.hdlc import HdlcFrameReader
question = json.load(sys.stdin)
found = {}
for frame in HdlcFrameReader(False).read(bytes.fromhex(question["octets"])):
    assert frame.is_valid
    found |= {name: str(value) for name, value in (AutoDecoder().decode_message_payload(frame.payload) or {}).items()}
print(json.dumps(found))
"""
PYDLMS = """
import json, sys
from pydlms.push import PushDecoder
from pydlms.security import SecurityContext
question = json.load(sys.stdin)
def octets(name):
    return bytes.fromhex(question[name]) if question.get(name) else None
security = None
if question.get("key"):
    policy = {} if question.get("auth") else {"policy": 0x20}
    security = SecurityContext(octets("key"), octets("auth"), server_system_title=octets("title"),
                               client_system_title=b"RECEIVER", general_aad=question.get("aad", "sc-ak"), **policy)
messages = PushDecoder(question.get("framing", "hdlc"), security).feed(octets("octets"))
found = {}
for message in messages:
    for record in message.records:
        if record.obis is not None:
            found[".".join(str(part) for part in bytes(record.obis.to_bytes()))] = str(record.value)
print(json.dumps(found))
"""
COLLECTOR = """
import json, sys
out, sys.stdout = sys.stdout, sys.stderr  # gurux prints what it thinks of frames
from smartmeter_datacollector.smartmeter import iskraam550, lge360, lge450, lge570, meter
question = json.load(sys.stdin)
meter.SerialReader = lambda *given: None
modules = {"landis-gyr-e360": lge360.LGE360, "landis-gyr-e570": lge570.LGE570, "iskra-am550": iskraam550.IskraAM550}
parser = modules.get(question["profile"], lge450.LGE450)("here", decryption_key=question.get("key"))._parser
found = {}
octets = bytes.fromhex(question["octets"])
while octets:
    size = ((octets[1] & 7) << 8 | octets[2]) + 2
    frame, octets = octets[:size], octets[size:]
    parser.append_to_hdlc_buffer(frame)
    if parser.extract_data_from_hdlc_frames():
        bundle = parser.convert_dlms_bundle_to_reader_data(parser.parse_to_dlms_objects(), None)
        for point in bundle.data_points:
            found[str(point.obis)] = str(point.value)
print(json.dumps(found), file=out)
"""
AUSTRIA = """
import json, sys
from smartmeter_austria_energy.decrypt import Decrypt
from smartmeter_austria_energy.supplier import SUPPLIERS
question = json.load(sys.stdin)
octets = bytes.fromhex(question["octets"])
cut = octets[1] + 6
decrypt = Decrypt(SUPPLIERS["TINETZ"], octets[:cut], octets[cut:], question["key"])
decrypt.parse_all()
found = {}
for obis, value in decrypt.obis_values.items():
    if hasattr(value, "raw_value") and hasattr(value, "scale"):
        found[".".join(map(str, obis))] = str(value.raw_value * 10 ** value.scale)
print(json.dumps(found))
"""
PROGRAMS = {
    "amshan 2.1.1": ("amshan", AMSHAN),
    "pydlms-client 0.1.0": ("pydlms", PYDLMS),
    "smartmeter-datacollector 2.0.0 on gurux_dlms 1.0.203": ("collector", COLLECTOR),
    "smartmeter-austria-energy 1.5.0": ("austria", AUSTRIA),
}
# amshan has names for codes; which code a list has differs by maker.
AMSHAN_NAMES = {
    "active_power_import": ("1.0.1.7.0.255", "1.1.1.7.0.255"),
    "reactive_power_export": ("1.0.4.7.0.255", "1.1.4.7.0.255"),
    "active_power_import_total": ("1.0.1.8.0.255", "1.1.1.8.0.255"),
    "current_l1": ("1.0.31.7.0.255", "1.1.31.7.0.255"),
    "current_l2": ("1.0.51.7.0.255", "1.1.51.7.0.255"),
    "voltage_l1": ("1.0.32.7.0.255", "1.1.32.7.0.255"),
    "voltage_l3": ("1.0.72.7.0.255", "1.1.72.7.0.255"),
}
AMS, PY, COL, AUT = PROGRAMS


class Telegram:
    """`octets` on the wire, what our device and a peer are told about them, and who is asked."""

    def __init__(
        self,
        words: str,
        octets: bytes,
        peers: tuple[str, ...],
        profile: str | None = None,
        asked: dict[str, str] | None = None,
        **given: Any,
    ) -> None:  # fmt: skip
        self.words = words
        self.octets = octets
        self.peers = peers
        self.profile = profile
        self.given = given
        self.asked = asked or {}

    def theirs(self, peer: str) -> dict[str, str]:
        """What the peer reads: {code or name: value}."""
        environment, program = PROGRAMS[peer]
        keys = {
            "key": self.given.get("encryption_key"), "auth": self.given.get("authentication_key"),
            "title": self.given.get("system_title"), "profile": self.profile,
            "framing": self.given.get("framing", "HDLC").replace("-", "").lower(),
        }  # fmt: skip
        found: dict[str, str] = ask(environment, program, {"octets": self.octets.hex(), **keys, **self.asked})
        return found

    def ours(self, jobs: list[str]) -> dict[str, str]:
        """What we read of these: {job: value}."""
        values = values_of(DEVICE, {"device": "PORT1", "timeout_ms": 500, **self.given})
        device = Device("house", "dlms_push", values, "PORT1")
        if self.profile is not None:
            device.profile = Profiles().load("dlms_push", self.profile)
        signals = [Signal("house", job, values_of(SIGNAL, {"obis_job": job})) for job in jobs]

        plan, memory = driver.plan(device, signals), Memory()
        outcome = all_that_is_heard(lambda: driver.listen([(plan, memory)]), [self.octets])
        return {one.signal.alias: str(one.value) for one in outcome.readings if one.value is not None}

    def compared(self, peer: str) -> list[tuple[str, str, str]]:
        """(code, our value, theirs) for each number that the peer has."""
        theirs = self.theirs(peer)
        by_code = {}
        for name, value in theirs.items():
            if _is_number(value):
                for code in AMSHAN_NAMES.get(name, () if "_" in name else (_whole_code(name),)):
                    by_code[code] = value
        ours = self.ours(sorted(by_code))
        return [(code, ours[code], by_code[code]) for code in by_code if code in ours]


def _whole_code(name: str) -> str:
    code = name.replace("-", ".").replace(":", ".").replace("*", ".")
    return code if code.count(".") == 5 else f"{code}.255"


def _is_number(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except ArithmeticError:
        return False


def same(ours: str, theirs: str) -> bool:
    """Equal but for what a binary float lost."""
    return abs(Decimal(ours) - Decimal(theirs)) <= abs(Decimal(ours)) * Decimal("1e-9")


def _simulated(**chosen: str) -> bytes:
    return simulated.Pusher({**simulated.DEFAULTS, **chosen}).frames()


def _apdu(profile: str, telegram: str) -> bytes:
    content = Profiles().load("dlms_push", profile)
    assert content is not None
    return bytes.fromhex(content["telegrams"][telegram]["apdu"])


def _shipped(profile: str, telegram: str) -> bytes:
    return framed(_apdu(profile, telegram))


def _tirolean(apdu: bytes) -> bytes:
    """Two long frames, the first as long as one may be, as TINETZ has them; both are told apart by nothing else."""
    return long_frame(apdu[:245], 0x00) + long_frame(apdu[245:], 0x11)


def _many(count: int) -> bytes:
    """A list long enough for two frames."""
    from tests.strangers.pusher import name, scaling

    each = [name(f"1.0.{number}.7.0.255") + whole(1000 + number) + scaling(-1, 27) for number in range(1, count + 1)]
    return notification(
        b"\x02" + bytes([3 * count]) + b"".join(each), b"\x0c\x07\xea\x0b\x1c\x06\x0a\x0f\x05\xff\x80\x00\x00"
    )


CIPHER = {"encryption_key": KEY}
BOTH = {"encryption_key": KEY, "authentication_key": AUTH}
LIST = notification(entries(4711))
E450 = _apdu("landis-gyr-e450", "objects")
TELEGRAMS = [
    Telegram("simulated: codes, UI frame", _simulated(), (AMS, PY)),
    Telegram("simulated: codes, I frames in segments", _simulated(frame="I", info="60"), (PY,)),
    Telegram("simulated: codes and values in turns", _simulated(form="pairs"), (PY,)),
    Telegram("simulated: values alone", _simulated(form="values"), (AMS,), "kaifa-han"),
    Telegram("simulated: event", _simulated(form="event"), (PY,)),
    Telegram("simulated: codes in general blocks", _simulated(blocks="50"), (PY,)),
    Telegram("simulated: codes in M-Bus", _simulated(frame="M-Bus", info="60"), (PY,), framing="M-Bus"),
    Telegram("simulated: ciphered, with a tag", _simulated(encryption_key=KEY, authentication_key=AUTH), (PY,), **BOTH),
    Telegram("simulated: ciphered, without", _simulated(encryption_key=KEY), (PY,), **CIPHER),
    Telegram("by hand: codes", framed(LIST), (AMS, PY)),
    Telegram("profile kaifa-han: list 2", _shipped("kaifa-han", "2, three phases"), (AMS,), "kaifa-han"),
    Telegram("profile kaifa-han: list 2, one phase", _shipped("kaifa-han", "2, one phase"), (AMS,), "kaifa-han"),
    Telegram("profile kaifa-han: list 3", _shipped("kaifa-han", "3, three phases"), (AMS,), "kaifa-han"),
    Telegram("profile kamstrup-han", _shipped("kamstrup-han", "3"), (AMS,), "kamstrup-han"),
    Telegram("profile landis-gyr-e450", _shipped("landis-gyr-e450", "objects"), (COL,), "landis-gyr-e450"),
    Telegram("the same in three segments", framed(E450, 70), (COL,), "landis-gyr-e450"),
    Telegram("the same ciphered", framed(sealed(E450, 2)), (COL,), "landis-gyr-e450", **CIPHER),
    Telegram("the same without the profile", _shipped("landis-gyr-e450", "objects"), (PY,)),
    Telegram("by hand: general blocks as E450", as_e450(blocks(LIST, 40)), (PY,)),
    Telegram("by hand: event", framed(event(whole(815))), (PY,)),
    Telegram("by hand: general-glo, tag", framed(sealed(LIST, 3, control=0x30)), (PY,), **BOTH),
    Telegram("by hand: general-glo in blocks", as_e450(blocks(sealed(LIST, 3, control=0x30), 60)), (PY,), **BOTH),
    Telegram("by hand: glo-event", framed(glo_event(77, 4, control=0x30)), (PY,), system_title=TITLE, **BOTH),
    Telegram("by hand: general-ciphering", framed(generally(LIST, 5, tagged=True)), (PY,), **BOTH),
    Telegram(
        "by hand: general-ciphering, its head under the tag", framed(generally(LIST, 5, tagged=True, head_too=True)),
        (PY,), asked={"aad": "with-header"}, **BOTH,
    ),
    Telegram("by hand: M-Bus, two frames, ciphered", _tirolean(sealed(_many(20), 9, control=0x21)), (AUT,),
             framing="M-Bus", **CIPHER),
]  # fmt: skip


def main(show: Callable[[str], Any] = print) -> None:
    show("| telegram | decoder | code | ours | theirs |")
    show("|---|---|---|---|---|")
    for telegram in TELEGRAMS:
        for peer in telegram.peers:
            for code, ours, theirs in telegram.compared(peer):
                show(f"| {telegram.words} | {peer} | {code} | {ours} | {theirs} |")


if __name__ == "__main__":
    sys.exit(main())
