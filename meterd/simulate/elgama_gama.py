"""The objects and the application of a simulated GAMA 300: the short names that are public, its load profile and log.

No answer of a real GAMA is public byte for byte; values, the object list's extent and the answers' framing are of this
simulation's own making. What is known and simulated: short names, client 16 without and 32 with a password, answers cut
into SN blocks whether the client knows block transfer or not, clocks whose deviation stays that of winter in summer.
"""

from __future__ import annotations

from ..errors import DecodeError
from ..protocols.dlms import enumerations as codes
from ..protocols.dlms.apdus import conformance
from ..protocols.dlms.apdus import selection as selections
from ..protocols.dlms.apdus.encode import encode
from ..protocols.dlms.data import date_time_octets
from ..protocols.dlms.naming import SHORT_NAME_STEP
from ..protocols.dlms.times import NO_DEVIATION, later
from .dlms_objects import (
    HERTZ,
    NO_UNIT,
    OTHER_REASON,
    PERIOD_S,
    VARH,
    VOLT,
    WATT,
    WH,
    MeterObject,
    ObjectTable,
    Profile,
    register,
)
from .dlms_server import Policy, ServerAssociation, Shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VAR, AMPERE = 29, 33
WINTER_DEVIATION = (-60).to_bytes(2, "big", signed=True)
SUMMER, KNOWN = 0x80, 0x00
CLOCK_BASE, SERIAL_BASE, PROFILE_BASE, LOG_BASE = 0x6800, 0x7300, 0xC000, 0xC200
U32, I32, U16 = codes.DOUBLE_LONG_UNSIGNED, codes.DOUBLE_LONG, codes.LONG_UNSIGNED

# base name, C.D.E, tag, raw value, scaler, unit
REGISTERS = (
    (0x0100, "1.8.0", U32, 147_238_405, -1, WH),
    (0x0118, "1.8.1", U32, 100_000_001, -1, WH),
    (0x0200, "2.8.0", U32, 52_310, -1, WH),
    (0x0300, "3.8.0", U32, 9_912_345, -1, VARH),
    (0x0400, "4.8.0", U32, 71, -1, VARH),
    (0x3A00, "16.7.0", I32, -12_345, -1, WATT),
    (0x3C00, "3.7.0", U32, 4_210, -1, VAR),
    (0x3D00, "4.7.0", U32, 0, -1, VAR),
    (0x3E00, "13.7.0", U16, 987, -3, NO_UNIT),
    (0x3F00, "36.7.0", I32, -4_115, -1, WATT),
    (0x4300, "56.7.0", I32, -4_115, -1, WATT),
    (0x4700, "76.7.0", I32, -4_115, -1, WATT),
    (0x4B00, "31.7.0", U32, 521, -2, AMPERE),
    (0x4C00, "51.7.0", U32, 519, -2, AMPERE),
    (0x4D00, "71.7.0", U32, 523, -2, AMPERE),
    (0x4F00, "32.7.0", U16, 23_011, -2, VOLT),
    (0x5000, "52.7.0", U16, 22_987, -2, VOLT),
    (0x5100, "72.7.0", U16, 23_102, -2, VOLT),
    (0x5200, "14.7.0", U16, 5_001, -2, HERTZ),
)


class Gama:
    """How one simulated GAMA is: `serial` its number, `shown` the one that it tells, `password` '' for none; `clock`
    ISO 8601 local time, or 'refused', 'unset', 'invalid'; `summer` the clock quirk; `pdu` the largest answer that it
    does not cut; `rows`, `failures` of load profile and log; `lists` how it takes several variables in one request;
    `scaler` is added to the scalers of energies, as an indirect meter has others."""

    def __init__(self, **options: Any) -> None:
        self.serial = str(options.get("serial", "02141421"))
        self.shown = str(options.get("shown") or self.serial)
        self.password = str(options.get("password", ""))
        self.clock = str(options.get("clock", "2026-07-01T12:07:30"))
        self.summer = str(options.get("summer", "1")) == "1"
        self.pdu = int(options.get("pdu", 220))
        self.rows = int(options.get("rows", 200))
        self.failures = int(options.get("failures", 3))
        self.lists = str(options.get("lists", "yes"))
        self.scaler = int(options.get("scaler", 0))
        self.profile = GamaProfile(self)
        self.log = MeterObject(7, "0.0.99.98.0.255", {2: self._log()})
        self.shared = Shared(self._policy(), GamaTable(self._objects()))

    def now(self) -> bytes:
        """What the clock stands at, as the meter writes times: in summer its deviation is wrong by an hour."""
        text = self.clock if self.clock[:1].isdigit() else "2026-07-01T12:07:30"
        octets = date_time_octets(text)
        return octets[:9] + WINTER_DEVIATION + bytes((SUMMER if self.summer else KNOWN,))

    def fail(self) -> None:
        """One power failure and return more."""
        self.failures += 1
        self.log.attributes[2] = self._log()

    def _log(self) -> bytes:
        entries = []
        for number in range(self.failures):
            lost = later(self.now(), 3600 * (number - 10))
            for time, state in ((lost, 1), (later(lost, 90), 0)):
                entries.append((codes.STRUCTURE, [(codes.OCTET_STRING, time), (codes.UNSIGNED, state)]))
        return encode(codes.ARRAY, entries)

    def _policy(self) -> Policy:
        policy = Policy()
        policy.short_names = True
        policy.secret = self.password.encode()
        policy.mechanism = codes.MECHANISM_LOW if self.password else codes.MECHANISM_NONE
        policy.lists = self.lists
        without = {"general-block-transfer", "block-transfer-with-get-or-read"}
        policy.features = (conformance.SN_READER | {"write", "unconfirmed-write", "information-report"}) - without
        return policy

    def _objects(self) -> list[MeterObject]:
        objects = []
        for base, code, tag, value, scaler, unit in REGISTERS:
            energy = self.scaler if unit in (WH, VARH) else 0
            objects.append(_at(base, register(f"1.0.{code}.255", tag, value, scaler + energy, unit)))
        objects.append(_at(CLOCK_BASE, MeterObject(8, "0.0.1.0.0.255", self._clock_attributes())))
        shown = encode(codes.VISIBLE_STRING, self.shown)
        objects.append(_at(SERIAL_BASE, MeterObject(1, "1.0.0.0.0.255", {2: shown})))
        objects.append(_at(0x9000, MeterObject(1, "0.0.96.10.1.255", {2: encode(codes.UNSIGNED, 0)})))
        objects.append(_at(PROFILE_BASE, self.profile))
        objects.append(_at(LOG_BASE, self.log))
        return objects

    def _clock_attributes(self) -> dict[int, bytes]:
        if self.clock == "refused":
            return {}
        octets = self.now()
        if self.clock == "unset":
            octets = b"\xff" * 12
        elif self.clock == "invalid":
            octets = octets[:11] + bytes((octets[11] | 1,))
        return {2: encode(codes.OCTET_STRING, octets), 3: encode(codes.LONG, -60)}


def _at(base: int, entry: MeterObject) -> MeterObject:
    entry.base_name = base
    return entry


def _local(octets: bytes) -> bytes:
    """What orders times by the meter's own clock face."""
    return octets[:4] + octets[5:8]


class GamaProfile(Profile):
    """Cumulative energies each quarter of an hour up to the meter's clock; by range only, as is known of GAMA 300."""

    __slots__ = ("meter",)

    def __init__(self, meter: Gama) -> None:
        self.meter = meter
        super().__init__("1.0.99.1.0.255", 0, False, True, False)
        self.grow(meter.rows)

    def grow(self, count: int) -> None:
        """Rows up to now; later ones continue behind the last."""
        now = self.meter.now()
        first = later(now[:6] + bytes((now[6] // 15 * 15, 0, 0)) + now[9:], -PERIOD_S * (count - 1))
        if self.rows:
            first = later(self.rows[-1][0], PERIOD_S)
        for index in range(count):
            number = len(self.rows)
            self.rows.append((later(first, PERIOD_S * index), 0, 1_000_000 + number * 7, 50_000 + number))

    def read(self, attribute: int, selection: bytes = b"") -> tuple[int, bytes]:
        if attribute != 2 or not selection:
            return super().read(attribute, selection)
        try:
            chosen = selections.decode_selection(selection)
        except DecodeError:
            return (12, b"")
        if not isinstance(chosen, selections.Range) or chosen.start[9:11] != NO_DEVIATION:
            return (OTHER_REASON, b"")
        rows = [row for row in self.rows if _local(chosen.start) <= _local(row[0]) <= _local(chosen.end)]
        return (0, self._encode(rows))


class GamaTable(ObjectTable):
    """Objects where they are, not one behind the other."""

    def __init__(self, objects: list[MeterObject]) -> None:
        self.objects = objects
        self.listed = True

    def by_short_name(self, name: int, public: bool) -> tuple[MeterObject, int] | None:
        below = [entry for entry in self._visible(public) if entry.base_name <= name]
        if not below:
            return None
        nearest = max(below, key=lambda entry: entry.base_name)
        offset = name - nearest.base_name
        return None if offset % SHORT_NAME_STEP else (nearest, offset // SHORT_NAME_STEP + 1)


class GamaAssociation(ServerAssociation):
    """Cuts long answers into blocks whether block transfer was agreed or not."""

    def __init__(self, meter: Gama, client: int) -> None:
        super().__init__(meter.shared, client)
        self.meter = meter

    def _accepted(self, aarq: Any, request: Any, mechanism: int) -> bytes:
        answer = super()._accepted(aarq, request, mechanism)
        self.max_pdu = min(self.max_pdu, self.meter.pdu)
        return answer

    def _cuts(self) -> bool:
        return True
