"""Looking for meters on one port, attempt after attempt, with what is being tried and how long it may take.

For `meterd scan`, which tries what all protocols know, and for `meterd doctor`, which looks around what is configured.
What has been found stays found when somebody interrupts. What came and was no meter's is kept apart: its first bytes
may tell who is behind the port.
"""

from __future__ import annotations

from importlib import import_module
from time import monotonic

from ..config.command_line import make_device
from ..conversation import LineSettings, Pause, Send
from ..errors import MeterdError, PortGone
from ..protocols import registry
from ..sighting import FIRST, SECOND, Place, Sighting
from .strangers import who_talks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..conversation import Conversation
    from ..daemon.one_scan import Single
    from ..model import Device
    from ..sighting import Attempt
    from .terminal import Status

KEPT = 256  # bytes of what came in one attempt
WORDS = 58
PLAIN_BAUDRATE = 9600


class Heard:
    """An observer: the first bytes that came in the present attempt."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.bytes = self.asked = b""
        self.count = self.sent_count = 0

    def is_echo(self) -> bool:
        """Whether all that came is what was sent."""
        return 0 < self.count <= self.sent_count and self.asked.startswith(self.bytes)

    def sent(self, data: bytes) -> None:
        self.sent_count += len(data)
        self.asked = (self.asked + data)[:KEPT]

    def received(self, data: bytes) -> None:
        self.count += len(data)
        self.bytes = (self.bytes + data)[:KEPT]

    def framed(self, frame: Any) -> None:
        """Who made a frame has been seen."""

    def settings(self, settings: LineSettings) -> None:
        """The attempt says."""

    def ended(self, error: Exception | None) -> None:
        """Whoever runs the conversation is told."""


def attempts_of(packages: Iterable[str], place: Place) -> list[Attempt]:
    """What these protocols know to try, the likelier first."""
    found: list[Attempt] = []
    for package in packages:
        try:
            module = import_module(f"{registry.__package__}.{package}.sightings")
        except ModuleNotFoundError:
            continue  # a small gateway has what it reads
        found += module.attempts(place)
    return sorted(found, key=lambda attempt: attempt.rank)


def place_of(device: Device, near: Device | None = None) -> Place:
    """The place where `device` says that its port is."""
    names = ("ip", "port", "serial_server", "transport") if device.over_tcp() else ("device",)
    there = {name: device.parameters[name] for name in names if device.parameters.get(name) is not None}
    there = there if device.over_tcp() else {"device": device.line}

    def make(package: str, parameters: dict[str, Any]) -> Device:
        unsaid = registry.tables(package).UNSAID
        return make_device(registry.program(package), {**there, **parameters}, unsaid)

    return Place(not device.has_line(), make, near)


class Ladder:
    """`found` are the meters seen, each once; `noise` the attempts to which bytes came and no meter, `echoes` how many
    of them brought nothing but what was sent; `strangers` who is behind the port that is no meter, in words;
    `interrupted` by Ctrl-C; `tried` how many attempts were made.
    """

    def __init__(self, single: Single, status: Status) -> None:
        self.single = single
        self.status = status
        self.found: list[Sighting] = []
        self.noise: list[tuple[str, int, bytes]] = []
        self.strangers: list[str] = []
        self.interrupted = False
        self.tried = self.echoes = 0
        self.seconds = 0.0
        self._heard = Heard()

    def climb(self, attempts: list[Attempt], settles: Callable[[Sighting], bool] = lambda sighting: True) -> None:
        """Try until one has found somebody who `settles` it, and then its like. Raises: PortGone where the port does
        not open."""
        begun = monotonic()
        self.single.player.observers.append(self._heard)
        left = list(attempts)
        try:
            while left and not self.strangers:
                attempt = self._next(left)
                fresh = self._try(attempt)
                if any([settles(one) for one in fresh]):  # each is looked at
                    left = [one for one in left if attempt.goes_on and one.goes_on and one.rank <= SECOND]
                elif fresh:  # it was called well enough: the same protocol has no better way
                    left = [one for one in left if one.package != attempt.package]
                    left.sort(key=lambda one: one.follows != attempt.package)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.single.player.observers.remove(self._heard)
            self.seconds += monotonic() - begun
            self.status.clear()

    def _next(self, left: list[Attempt]) -> Attempt:
        """Once the likeliest ways are through, ears come first where somebody talks and none has answered."""
        ears = [one for one in left if one.listens] if self.noise and left[0].rank > FIRST else []
        attempt = ears[0] if ears else left[0]
        left.remove(attempt)
        return attempt

    def _try(self, attempt: Attempt) -> list[Sighting]:
        """Who is new."""
        begun = monotonic()
        self.tried += 1
        self.status.now(f"  {attempt.words} … at most {_seconds(attempt.seconds)}")
        self._heard.begin()
        outcome, seen = "nobody", []
        try:
            seen = self.run(attempt.talk(lambda text: self.status.now(f"  {text}")))
        except PortGone as error:
            if not self.single.evidence.opened:
                raise
            outcome = f"the far end hangs up ({error})" if self._heard.count == 0 else "hangs up"
            self.single.close()
        except MeterdError as error:
            outcome = str(error)
        fresh = [one for one in seen if not any(one.is_same(other) for other in self.found)]
        self.found += fresh
        if not seen and self._heard.count:
            outcome = self._noted(attempt, outcome)
        told = "; ".join(one.how for one in fresh) or outcome
        self.status.line(f"  {attempt.words:<{WORDS}} {_seconds(monotonic() - begun):>6}  {told}")
        return fresh

    def run(self, conversation: Conversation) -> Any:
        """What the conversation returns. Over TCP an earlier one may have left parity within eight bits behind."""
        return self.single.run(_plainly(conversation) if self.single.device.over_tcp() else conversation)

    def _noted(self, attempt: Attempt, outcome: str) -> str:
        """Bytes came and no meter was seen: who may that be."""
        if self._heard.is_echo():
            self.echoes += 1
            return "only our own bytes come back"
        self.noise.append((attempt.words, self._heard.count, self._heard.bytes))
        stranger = who_talks(self._heard.bytes)
        if stranger and stranger not in self.strangers:
            self.strangers.append(stranger)
        told = stranger or f"{self._heard.count} bytes that are no meter's answer"
        return told if outcome == "nobody" else f"{told}; {outcome}"

    def ask_stranger(self) -> str:
        """Who is there, where no meter is and it does not talk by itself; over TCP alone. '' where nobody says."""
        if not self.single.device.over_tcp() or self.strangers or self.echoes or self.interrupted:
            return ""
        heard = self._heard
        self.single.player.observers.append(heard)
        try:
            for question in QUESTIONS:
                heard.begin()
                self.single.close()
                try:
                    self.run(_ask(question))
                except MeterdError:
                    pass
                stranger = who_talks(heard.bytes)
                if stranger:
                    self.strangers.append(stranger)
                    return stranger
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.single.player.observers.remove(heard)
        return ""


QUESTIONS = (b"GET / HTTP/1.0\r\n\r\n", bytes.fromhex("000100000006010300000001"))


def _plainly(conversation: Conversation) -> Conversation:
    yield LineSettings(PLAIN_BAUDRATE)
    return (yield from conversation)


def _ask(question: bytes) -> Conversation:
    yield Send(question)
    yield Pause(1.0)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
