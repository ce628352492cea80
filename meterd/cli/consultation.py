"""One device before the doctor: it is read once, and where that stops it is looked around for what would go on.

The rungs: port, bytes, frame, address, identity, association, key, object. What is on the wire decides, not what was
hoped for. An answer is tried before it is given, where all of it is known; what could not be tried is said to be thin.
"""

from __future__ import annotations

from importlib import import_module

from ..daemon.one_scan import Single
from ..errors import Aborted, MeterdError, PortGone, Refused
from ..model import GOOD, Device, Memory
from ..protocols import registry
from ..sighting import FIRST, LAST, SECOND
from .answers import UNKNOWN, by_words, differences, near_addresses
from .diagnosis import stopped_at
from .ladder import Ladder, attempts_of, place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..daemon.one_scan import Evidence
    from ..model import Plan, Reading, Signal
    from ..ports._loop import Loop
    from ..sighting import Attempt, Sighting
    from .answers import Change
    from .terminal import Status

# What may be tried without asking: it weakens nothing.
HARMLESS = ("type", "max_info_field", "window_size")
LOOKED_AROUND = ("bytes", "frame", "identity", "address")


class Consultation:
    """`rung` where it stops (None: nowhere), `error` and `readings` of the read; `changes` the answer, `verified` by
    reading with it; `near` {signal: what to paste}; `ladder` what was seen around; `counter` what a second try told.
    """

    def __init__(
        self, loop: Loop, device: Device, path: str, signals: list[Signal], memory: Memory, status: Status
    ) -> None:
        self.device = device
        self.path = path
        self.signals = signals
        self.memory = memory
        self.status = status
        self.driver = registry.driver(device.protocol)
        self.plan: Plan = self.driver.plan(device, signals)
        self.readings: list[Reading] = []
        self.error: Exception | None = None
        self.rung: str | None = None
        self.changes: list[Change] = []
        self.verified: str = ""
        self.near: dict[str, str] = {}
        self.counter = ""
        self.single = Single(loop, device, path, lambda reading: self.readings.append(reading))
        self.ladder = Ladder(self.single, status)

    def hold(self) -> None:
        """Find out. Raises: ConfigError."""
        self.status.now(f"{self.device.alias}: reading it once …")
        try:
            self._read()
            self.single.player.observers.remove(self.single.evidence)  # what was seen so far is the diagnosis
            self.changes = by_words(self.device, self.error, self.readings)
            self.counter = self._told_apart()
            if self.rung in LOOKED_AROUND and not self.changes:
                self._look_around()
            elif self.changes and all(name in HARMLESS for name, _ in self.changes):
                self._try_answer()
            if self.rung == "object" and not self.changes:
                self._look_for_names()
        except KeyboardInterrupt:
            self.ladder.interrupted = True
        finally:
            self.status.clear()
            self.single.close()

    def stopped(self, rung: str, error: Exception | None, evidence: Evidence) -> None:
        """Another command stopped so: look around from there."""
        self.rung, self.error, self.single.evidence = rung, error, evidence
        self.changes = by_words(self.device, error, [])
        try:
            if rung in LOOKED_AROUND and not self.changes:
                self._look_around(SECOND, FIRST)
        except KeyboardInterrupt:
            self.ladder.interrupted = True
        finally:
            self.status.clear()
            self.single.close()

    def reason(self) -> str:
        """The word for the exit code."""
        bad = next((reading.reason for reading in self.readings if reading.quality != GOOD), None)
        return (self.error.reason if isinstance(self.error, MeterdError) else bad) or ""

    def _read(self) -> None:
        try:
            self.single.run(self._talk(self.device, self.memory))
        except (MeterdError, Aborted) as caught:
            self.error = caught
        self.rung = stopped_at(self.error, self.single.evidence, self.readings, self.memory)
        self.single.part(self.driver, self.plan, self.memory)

    def _talk(self, device: Device, memory: Memory):  # type: ignore[no-untyped-def]
        """A scan of its signals; where it has none, what shows that it answers."""
        if self.signals:
            plan = self.plan if device is self.device else self.driver.plan(device, self.signals)
            return self.driver.conversation(plan, memory)
        try:
            sightings = import_module(f"{registry.__package__}.{device.protocol}.sightings")
        except ModuleNotFoundError:
            discovery = import_module(f"{registry.__package__}.{device.protocol}.discovery")
            return discovery.discover(device, memory, {}, lambda text: None)
        return sightings.greeting(device, memory)

    # ---- around

    def _look_around(self, own: int = LAST, foreign: int = SECOND) -> None:
        """Up to these ranks of its own protocol's ways, and of the others'."""
        device = self.device
        try:
            self.ladder.climb(self._attempts(own, foreign))
            if not self.ladder.found:
                self.ladder.ask_stranger()
        except PortGone:
            return
        if not self.ladder.found:
            return
        seen = self.ladder.found[0]
        self.changes = differences(device, seen, identity=self.rung == "identity")
        if not self.changes and seen.more:
            self.changes = by_words(device, Refused(seen.more), [])
        alone = len(self.ladder.found) == 1
        if self.rung in ("bytes", "frame") and self.changes and alone and self._only_address(seen):
            self.rung = "address"
        if seen.package == device.protocol and not any(value == UNKNOWN for _, value in self.changes):
            self._try_answer()

    def _attempts(self, rank: int, foreign_rank: int) -> list[Attempt]:
        """The ways of the device's own protocol, then the likelier ones of the others."""
        own = attempts_of((self.device.protocol,), place_of(self.device, self.device))
        own = [one for one in own if one.rank <= rank]
        others = [package for package in dict.fromkeys(registry.PROGRAMS.values()) if package != self.device.protocol]
        foreign = [one for one in attempts_of(others, place_of(self.device)) if one.rank <= foreign_rank]
        return sorted([*own, *foreign], key=lambda one: (one.rank, one.package != self.device.protocol))

    def _only_address(self, seen: Sighting) -> bool:
        line = {"baudrate", "databits", "parity", "stopbits", "mode", "protocol"}
        return seen.package == self.device.protocol and not any(name in line for name, _ in self.changes)

    def _try_answer(self) -> None:
        """Read with the changes, which are all known."""
        device = self.device
        changed = Device(device.alias, device.protocol, {**device.parameters, **dict(self.changes)}, device.line)
        changed.profile = device.profile
        memory = self.memory if self.plan.counter_names is not None else Memory()
        before, self.readings = self.readings, []
        self.status.now(f"{device.alias}: trying the answer …")
        try:
            self.ladder.run(self._talk(changed, memory))
            good = sum(reading.quality == GOOD for reading in self.readings)
            self.verified = f"{good} of {len(self.readings)} signals are read" if self.readings else "the meter answers"
        except (MeterdError, Aborted) as error:
            further = by_words(changed, error, self.readings)
            self.changes += [change for change in further if change[0] not in dict(self.changes)]
            self.ladder.status.line(f"  with that it goes on, and stops at: {error}")
        finally:
            self.readings = before

    # ---- what answers

    def _look_for_names(self) -> None:
        """Signals that the meter does not know: what it has in their place."""
        unknown = [reading.signal for reading in self.readings if reading.reason == "not_found"]
        if not unknown:
            return
        self.status.now(f"{self.device.alias}: looking at what the meter has …")
        discovery = import_module(f"{registry.__package__}.{self.device.protocol}.discovery")
        offers = getattr(discovery, "discover_one", discovery.discover)
        try:
            found = self.single.run(offers(self.device, Memory(), {}, lambda text: None))
        except (MeterdError, Aborted):
            return
        self.near = near_addresses(unknown, found["signals"])

    def _told_apart(self) -> str:
        """A sentence about the invocation counter: where the meter tells its own, a second try goes on from there."""
        error = self.error
        if self.plan.counter_names is None or not isinstance(error, Refused) or error.reason not in ("key", "auth"):
            return ""
        if not self.device.parameters.get("invocation_counter_obis"):
            return (
                "A wrong encryption_key, a wrong authentication_key and an invocation counter behind the meter's look "
                "alike here: set invocation_counter_obis, and doctor tells the counter apart."
            )
        try:
            self.single.run(self._talk(self.device, self.memory))
        except Refused as again:
            if again.reason in ("key", "auth"):
                return "The counter is not the cause: it is refused with the meter's own count too, so a key is wrong."
            return ""
        except (MeterdError, Aborted):
            return ""
        self.single.part(self.driver, self.plan, self.memory)
        return "It was the invocation counter, which lagged behind the meter's: with the meter's own count it is read."
