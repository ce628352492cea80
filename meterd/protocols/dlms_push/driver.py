"""DLMS meters that push: signals are entries of the lists that they send by themselves, each at its own pace.

A meter may send several lists, a short one often and a long one each hour; a signal gets a reading from each that has
it. Nothing is ever sent. Several meters may share a port: a list goes to the device whose `serialnumber` it tells.
"""

from __future__ import annotations

from ...conversation import LineSettings, MeterTime, Report
from ...errors import ConfigError, DecodeError, SecurityError, module_for
from ...model import Plan, Reading, failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation
    from ...model import Device, Memory, Signal
    from .frames import Apdus
    from .lists import Key, Pushed
    from .mbus_frames import Segments
    from .profile import Profile
    from .wrapper_frames import Wrapped

_DLMS = f"{__package__.rpartition('.')[0]}.dlms"
INTERVALS = 2  # a single list is waited for so many intervals
LONGEST_INTERVAL_MS = 15_000  # of a short list, where nothing is configured
CIPHERED = (b"\xca", b"\xd2", b"\xdb", b"\xdc", b"\xdd")
# What only the one device of a port may have, in words.
ONE_DEVICE = {"encryption_key": "ciphered lists", "profile": "lists that a profile explains"}

Wanted = list[tuple["Signal", "Key"]]


def plan(device: Device, signals: list[Signal]) -> Plan:
    """A signal that is no OBIS code is refused alone. Raises: ConfigError."""
    from ..dlms.targets import parse_job

    _check_place(device)
    wanted: Wanted = []
    refused: list[tuple[Signal, str]] = []
    for signal in signals:
        try:
            wanted.append((signal, parse_job(signal["obis_job"])))
        except ValueError as error:
            refused.append((signal, f"obis_job: {error}"))
    keys = [device[name] for name in ("encryption_key", "authentication_key") if device[name]]
    if keys:
        if not device["encryption_key"]:
            raise ConfigError("", "encryption_key: is missing, and authentication_key needs it")
        module_for("encryption_key: ciphered lists", f"{_DLMS}.security.pushed", "meterd-dlms-security")
    return Plan(device, [signal for signal, _ in wanted], wanted, refused, tuple(map(bytes.fromhex, keys)))


def _check_place(device: Device) -> None:
    """Raises: ConfigError."""
    if device["listen"]:
        from .callers import check_listening

        check_listening(device)
    if device["transport"] == "udp" and not device.over_tcp():
        raise ConfigError("", "transport: udp takes an ip")
    if device["transport"] == "udp" and device["framing"] != "wrapper":
        raise ConfigError("", "transport: udp takes framing wrapper")
    if device["listen"] and device["framing"] == "M-Bus":
        raise ConfigError("", "framing: with listen it is wrapper or HDLC")


def listens(plan: Plan) -> bool:
    return True


def listen(served: list[tuple[Plan, Memory]]) -> Conversation:
    """The lists of these devices, for as long as the port lives.

    Raises: Incomplete, Garbled, DecodeError, WrongMeter, SecurityError for one that cannot be used; who listens begins
    anew.
    """
    from ..iec62056_21.pushed import one_after_another, plan_of

    memories = dict(served)
    plans = list(memories)
    for name in ("encryption_key", "profile"):
        if len(plans) > 1 and any(plan.device[name] for plan in plans):
            raise ConfigError("", f"{name}: a port with {ONE_DEVICE[name]} takes one device")
    lists = _Lists(plans[0], memories[plans[0]])
    yield from lists.open()

    def one_of_them(timeout_ms: int | None) -> Conversation:
        pushed, told = yield from lists.next(timeout_ms)
        plan = plan_of(plans, told)
        yield from report(plan.requests, pushed)
        if pushed.time is not None:
            yield MeterTime([pushed.time], None, plan.device.alias)

    yield from one_after_another(lists, one_of_them)


def conversation(plan: Plan, memory: Memory) -> Conversation:
    """One scan: the next list, whichever that is. Raises: as `listen`, and Silence."""
    from ..iec62056_21.pushed import plan_of

    pushed, told = yield from one_list(plan, memory)
    plan_of([plan], told)
    yield from report(plan.requests, pushed)
    for signal, key in plan.requests:
        if key not in pushed.found:
            yield Report(failed(signal, "not_found", "this list has it not; another one of the meter may"))


def one_list(plan: Plan, memory: Memory) -> Conversation:
    """Returns: (Pushed, what the meter calls itself)."""
    lists = _Lists(plan, memory)
    yield from lists.open()
    interval_ms = plan.device["scan_rate_ms"]
    interval_ms = interval_ms if interval_ms > 0 else LONGEST_INTERVAL_MS
    return (yield from lists.next(INTERVALS * interval_ms))


def report(wanted: Wanted, pushed: Pushed) -> Conversation:
    """A reading for each signal that the list has."""
    for signal, key in wanted:
        try:
            found = pushed.value(key, signal["scaler"])
        except DecodeError as error:
            yield Report(failed(signal, error.reason, str(error)))
            continue
        if found is not None:
            value, unit = found
            yield Report(Reading(signal, value, unit, meter_time=pushed.time))


class _Lists:
    """The lists on a port; ciphered ones are opened with the keys of its one device."""

    __slots__ = ("_device", "_joined", "_memory", "_profile", "gap_ms")

    def __init__(self, plan: Plan, memory: Memory) -> None:
        from .blocks import Joined

        self._device = plan.device
        self._memory = memory
        self._profile: Profile | None = profile_of(plan)
        self.gap_ms: int = plan.device["timeout_ms"]
        apdus: Apdus | Segments | Wrapped
        if plan.device["framing"] == "M-Bus":
            from .mbus_frames import Segments

            apdus = Segments(self.gap_ms)
        elif plan.device["framing"] == "wrapper":
            from .wrapper_frames import Wrapped

            apdus = Wrapped(self.gap_ms)
        else:
            from .frames import Apdus

            apdus = Apdus(self.gap_ms)
        self._joined = Joined(apdus, self.gap_ms)

    def has_begun(self) -> bool:
        """Whether of the next list something came already."""
        return self._joined.has_begun()

    def open(self) -> Conversation:
        device = self._device
        if device.has_line():
            yield LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])

    def next(self, timeout_ms: int | None) -> Conversation:
        """Returns: (Pushed, what the meter calls itself)."""
        apdu: bytes = yield from self._joined.next(timeout_ms)
        return opened(apdu, self._device, self._profile, self._memory)


def profile_of(plan: Plan) -> Profile | None:
    """What the device's profile file says of its lists."""
    if plan.device.profile is None:
        return None
    from .profile import Profile

    return Profile(plan.device.profile)


def opened(apdu: bytes, device: Device, profile: Profile | None, memory: Memory) -> tuple[Pushed, list[str]]:
    """The list, opened with the device's key, and what its meter calls itself. Raises: SecurityError, DecodeError."""
    from .lists import Pushed

    if not device["encryption_key"]:
        if apdu[:1] in CIPHERED:
            raise SecurityError(f"the list is ciphered (APDU {apdu[0]:#04x}), and no encryption_key is configured")
        pushed = Pushed(apdu, profile)
        return (pushed, pushed.numbers())
    from ..dlms.security.pushed import Sealed

    names = ("encryption_key", "authentication_key", "system_title")
    key, authentication_key, title = (bytes.fromhex(device[name] or "") for name in names)
    sealed = Sealed(apdu, key, authentication_key, memory, title)
    pushed = Pushed(sealed.plain, profile)
    sealed.believed(memory)
    return (pushed, [*pushed.numbers(), sealed.title.hex().upper()])
