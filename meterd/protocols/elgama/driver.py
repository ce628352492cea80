"""Elgama meters: a profile decides whether a device is read over DLMS or over IEC 62056-21 (manual, chapter 17.3).

`plan` resolves every signal against the profile; `conversation` is one scan. A meter of which no profile is public
stays in that state: its scans end at once, not a byte is sent, and the reason says that it was never read.
"""

from __future__ import annotations

from ...conversation import Report
from ...errors import Aborted, ConfigError, MeterdError, ProtocolError
from ...model import Plan, failed
from .neighbours import no_profile
from .profile import DLMS, VALUE, WITHOUT_CODEC, Profile
from .requests import CosemRequests, ModeCRequests
from .selection import Choice, UnknownName, choose
from .settings import dlms_settings, session_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation
    from ...model import Device, Memory, Signal

NOT_READ = "not_read_yet"


class NoProfile:
    """What stands in for requests where nothing can be asked; `message` says why."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message


def plan(device: Device, signals: list[Signal]) -> Plan:
    """Resolve a device and its signals; one that resolves to nothing is refused alone. Raises: ConfigError."""
    if device.profile is None:
        raise ConfigError("", "profile: is missing")
    profile = Profile(device.profile)
    if profile.protocol in WITHOUT_CODEC:
        return Plan(device, list(signals), NoProfile(no_profile(device, profile)))
    choices: list[Choice] = []
    refused: list[tuple[Signal, str]] = []
    unknown: set[Signal] = set()
    for signal in signals:
        try:
            choices.append(choose(profile, signal))
        except ValueError as error:
            refused.append((signal, str(error)))
            if isinstance(error, UnknownName):
                unknown.add(signal)
    requests = _requests(device, profile)
    requests.choices = _by_job(choices)
    # A load profile or log owes no reading to a scan: it reports what is new.
    owed = [choice.signal for choice in choices if choice.register.kind == VALUE]
    secrets = (device["password"].encode("ascii"),) if device["password"] else ()
    made = Plan(device, owed, requests, refused, secrets)
    made.unknown = unknown
    return made


def _requests(device: Device, profile: Profile) -> CosemRequests | ModeCRequests:
    serial, use_time = device["id"], device["use_time"]
    if profile.protocol == DLMS:
        settings = dlms_settings(device, profile)
        return CosemRequests(settings, profile, serial, use_time, device["profile_rows"])
    password = device["password"].encode("ascii") if device["password"] else None
    openings = session_settings(device, profile)
    if profile.part("address")["scheme"] == "iec-anyone":
        serial = 0
    return ModeCRequests(openings, profile, serial, use_time, password, 1 + device["retry_counter"])


def _by_job(choices: list[Choice]) -> list[Choice]:
    """Signals of one job together, in the order in which the jobs come first."""
    jobs: dict[str, list[Choice]] = {}
    for choice in choices:
        jobs.setdefault(choice.signal["job_todo"], []).append(choice)
    return [choice for together in jobs.values() for choice in together]


def conversation(plan: Plan, memory: Memory) -> Conversation:
    """One scan. Raises: WrongMeter before anything is published; any other MeterdError that ends it."""
    requests = plan.requests
    if isinstance(requests, NoProfile):
        error = ProtocolError(requests.message)
        error.reason = NOT_READ
        raise error
    if not requests.choices:
        return
    _forget_another_meter(plan.device, requests, memory)
    try:
        yield from _scan(requests, memory)
    except Aborted:
        raise
    except MeterdError as error:
        for choice in requests.choices:
            if choice.register.kind != VALUE:
                yield Report(failed(choice.signal, error.reason))
        raise


def _scan(requests: CosemRequests | ModeCRequests, memory: Memory) -> Conversation:
    """What is said is loaded when the first scan begins: a gateway is at work sooner so."""
    if isinstance(requests, CosemRequests):
        from .cosem import CosemScan

        return CosemScan(requests, memory).run()
    from .mode_c import ModeCScan

    return ModeCScan(requests, memory).run()


def _forget_another_meter(device: Device, requests: CosemRequests | ModeCRequests, memory: Memory) -> None:
    """What was learnt belongs to one meter, and meters of one address differ in their numbers."""
    identity = f"{device['meter_model']}/{device['id']}"
    if memory.persistent.get("elgama") != identity:
        requests.forget(memory)
        memory.persistent["elgama"] = identity
