"""What a scan of an Elgama meter is to ask for, over DLMS or in mode C, as planning leaves it."""

from __future__ import annotations

from .profile import CLOCK
from .raw import parse_raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import Memory
    from ..dlms.settings import Settings
    from ..iec62056_21.settings import SessionSettings
    from .profile import Content, Profile
    from .raw import Raw
    from .selection import Choice


class CosemRequests:
    """What one scan asks a GAMA meter for. `serial` 0 believes whoever answers; `rows` for buffers never seen."""

    __slots__ = ("choices", "profile", "rows", "serial", "settings", "use_time")

    def __init__(self, settings: Settings, profile: Profile, serial: int, use_time: bool, rows: int) -> None:
        self.settings = settings
        self.profile = profile
        self.serial = serial
        self.use_time = use_time
        self.rows = rows
        self.choices: list[Choice] = []

    def forget(self, memory: Memory) -> None:
        """It is another meter."""
        from ..dlms.memory import recall

        recall(memory).forget()
        memory.persistent.pop("logs", None)


class ModeCRequests:
    """What one scan asks for. `openings` are the ways to begin, the likelier first; `serial` 0 believes anyone."""

    __slots__ = ("attempts", "choices", "openings", "password", "profile", "serial", "use_time")

    def __init__(
        self, openings: list[SessionSettings], profile: Profile, serial: int, use_time: bool, password: bytes | None,
        attempts: int,
    ) -> None:  # fmt: skip
        self.openings = openings
        self.profile = profile
        self.serial = serial
        self.use_time = use_time
        self.password = password
        self.attempts = attempts
        self.choices: list[Choice] = []

    def reads(self, identity: Content | None) -> list[Raw]:
        """All that is read, each once: who it is first, then the clock, then the values as the jobs name them."""
        found: dict[Raw, None] = {}
        clock = self.profile.clock
        if identity is not None:
            found[parse_raw(identity["read"])] = None
        wants_clock = self.use_time or any(choice.register.name == CLOCK for choice in self.choices)
        if clock and wants_clock:
            for key in ("read", "date", "time"):
                if clock.get(key):
                    found[parse_raw(clock[key])] = None
        for choice in self.choices:
            found[choice.register.read] = None
        return list(found)

    def forget(self, memory: Memory) -> None:
        """It is another meter."""
        memory.own = None
