"""What leaves by MQTT: topics from templates, readings gathered into messages, and how a message is written.

The problem: readings come one by one, and one message per device and scan is wanted. A scan has no end that a sink
sees, so a device's readings are gathered until all its signals are there, one comes a second time, or time is up.
A message of the kind `scan` holds each signal at most once: rows of a load profile are messages of their own.
Each reading bears its number; (gateway, epoch, number) never comes back (`Outbox.key`). A time that the gateway's clock
gave before it was set is marked: `"clock":"unset"`. The
WCC Lite's `value,timestamp,quality` has no room for it: quality is 1 for good and 0 for all else.
"""

from __future__ import annotations

from ._json import finite, json_by_signal, json_line
from .format import wcc_line
from .outbox import CLOCK_SET_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..model import Reading, Signal
    from .outbox import Numbered, Told

SCAN, SIGNAL, WCC_LITE, SPARKPLUG = "scan", "signal", "wcclite", "sparkplug"  # kinds of payload
TOPICS = {
    SCAN: "{base}/{device}/state",
    SIGNAL: "{base}/{device}/{signal}",
    WCC_LITE: "tag/{device}/{signal}/rin",
    SPARKPLUG: "spBv1.0/{group}/DDATA/{gateway}/{device}",
}
MAX_SIGNALS = 1000  # of one message
_VALUE = '"value":'


class Message:
    """What goes out as one publication and is acknowledged as one; `numbers` of the readings in it."""

    __slots__ = ("is_measured", "numbers", "payload", "ranges", "retain", "since", "topic")

    def __init__(self, topic: str, payload: bytes, retain: bool = False, numbers: tuple[int, ...] = ()) -> None:
        self.topic = topic
        self.payload = payload
        self.retain = retain
        self.numbers = numbers
        self.ranges: list[tuple[int, int]] = []  # of lost readings, where it is about those
        self.is_measured = False  # neither a device's own state nor anything else that no consumer stores
        self.since = 0.0  # when it went out


class Topics:
    """The topics of one sink."""

    __slots__ = ("_history", "_settings", "_topic", "acknowledge", "lost", "status")

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._topic = self._based(settings["topic"])
        self._history = self._based(settings["history_topic"])
        self.status = self._based("{base}/status")
        self.lost = self._based("{base}/lost")
        self.acknowledge = self._based(settings["acknowledge_topic"])

    def of(self, device: str, signal: str, history: bool = False) -> str:
        template = self._history if history else self._topic
        return template.replace("{device}", device).replace("{signal}", signal)

    def device_status(self, device: str) -> str:
        """Where a device's own state is, when messages are per scan."""
        return self._based("{base}/{device}/status").replace("{device}", device)

    def _based(self, template: str) -> str:
        base, gateway = self._settings["base_topic"], self._settings["gateway"]
        return template.replace("{base}", base).replace("{gateway}", gateway)


class Writer:
    """Makes messages of numbered readings."""

    __slots__ = ("_gateway", "_key", "_kind", "_retain", "topics")

    def __init__(self, settings: dict[str, Any], key: Callable[[int], tuple[str, int]]) -> None:
        """`key` gives epoch and outward number."""
        self.topics = Topics(settings)
        self._key = key
        self._kind = settings["payload"]
        self._retain = settings["retain"]
        self._gateway = settings["gateway"]

    def messages(self, taken: list[Numbered], history: bool) -> Iterable[Message]:
        """Of the readings of one device, each signal in it once."""
        if self._kind == SCAN:
            return [self._of_scan(alike, history) for alike in self._numbered_alike(taken)]
        return [self._of_signal(number, reading, history) for number, reading in taken]

    def _numbered_alike(self, taken: list[Numbered]) -> list[list[Numbered]]:
        """By the epoch, and by what is between a number and its outward one: as a rule the same from first to last."""
        first, last = taken[0][0], taken[-1][0]
        epoch, sequence = self._key(first)
        if first <= last and self._key(last) == (epoch, sequence + last - first):
            return [taken]
        found: dict[tuple[str, int], list[Numbered]] = {}
        for one in taken:
            epoch, sequence = self._key(one[0])
            found.setdefault((epoch, one[0] - sequence), []).append(one)
        return list(found.values())

    def lost(self, told: Told) -> Message:
        epoch, outward, ranges = told
        words = ",".join(f"[{first},{last}]" for first, last in outward)
        message = Message(self.topics.lost, f'{self._head(epoch)},"lost":[{words}]}}'.encode())
        message.ranges = ranges
        return message

    def _head(self, epoch: str) -> str:
        return f'{{"gateway":"{self._gateway}","epoch":"{epoch}"'

    def _of_scan(self, taken: list[Numbered], history: bool) -> Message:
        device = taken[0][1].signal.device_alias
        epoch, sequence = self._key(taken[0][0])
        ahead = sequence - taken[0][0]
        head = f'{self._head(epoch)},"device":"{device}","signals":{{'
        rows = json_by_signal([(number + ahead, one) for number, one in taken] if ahead else taken, CLOCK_SET_MS)
        payload = b"%b%b}}" % (_encoded(head), rows)
        is_status = is_status_of_device(taken[0][1])
        topic = self.topics.of(device, "", history)
        if is_status and not history:
            topic = self.topics.device_status(device)
        numbers = tuple(dict(taken))
        message = Message(topic, payload, not history and (is_status or self._retain), numbers)
        message.is_measured = not is_status
        return message

    def _of_signal(self, number: int, reading: Reading, history: bool) -> Message:
        signal = reading.signal
        topic = self.topics.of(signal.device_alias, signal.alias, history)
        retain = not history and (self._retain or is_status_of_device(reading))
        if self._kind == WCC_LITE:
            payload = wcc_line(reading).partition(" ")[2].rpartition(",")[0]
            payload += ",1" if finite(reading).quality == "good" else ",0"
        else:
            names = f'"device":"{signal.device_alias}","signal":"{signal.alias}"'
            epoch, outward = self._key(number)
            payload = f"{self._head(epoch)},{names},{_row(outward, reading)[1:]}"
        message = Message(topic, _encoded(payload), retain, (number,))
        message.is_measured = not is_status_of_device(reading)
        return message


def is_status_of_device(reading: Reading) -> bool:
    """Whether it is about the device rather than measured by it."""
    return reading.signal.alias.startswith("_")


def _row(number: int, reading: Reading) -> str:
    """A reading without the names that stand around it; aliases hold nothing that JSON escapes."""
    line = json_line(reading)
    mark = '"clock":"unset",' if reading.time_ms < CLOCK_SET_MS else ""
    return f'{{"seq":{number},{mark}{line[line.index(_VALUE) :]}'


def _encoded(payload: str) -> bytes:
    return payload.encode("utf-8", "backslashreplace")


class Gathering:
    """Readings of one device that wait for the rest of their scan, `size` in all; `since` when the first came."""

    __slots__ = ("since", "size", "taken")

    def __init__(self, since: float, size: int) -> None:
        self.since = since
        self.size = size
        self.taken: dict[str, Numbered] = {}


class Gatherer:
    """Gathers readings by device. `sizes` says how many signals a scan of each has, where that is known.

    What was complete once is known again at one look when its signals come in the same order, as they do scan by scan.
    """

    def __init__(self, sizes: dict[str, int]) -> None:
        self._sizes = sizes
        self._open: dict[tuple[str, bool], Gathering] = {}
        self._whole: dict[str, list[Signal]] = {}

    def configured(self, sizes: dict[str, int]) -> None:
        self._sizes = sizes
        self._whole.clear()

    def add(self, taken: list[Numbered], now: float) -> list[list[Numbered]]:
        """Returns: what is complete with these."""
        complete: list[list[Numbered]] = []
        at = 0
        while at < len(taken):
            signal = taken[at][1].signal
            whole = self._whole.get(signal.device_alias)
            if whole is not None and signal is whole[0] and (signal.device_alias, False) not in self._open:
                run = taken[at : at + len(whole)]
                if [one[1].signal for one in run] == whole:
                    complete.append(run)
                    at += len(run)
                    continue
            self._add(taken[at], now, complete)
            at += 1
        return complete

    def _add(self, numbered: Numbered, now: float, complete: list[list[Numbered]]) -> None:
        signal = numbered[1].signal
        alias = signal.alias
        key = (signal.device_alias, alias[:1] == "_")
        gathering = self._open.get(key)
        if gathering is not None and alias in gathering.taken:
            complete.append(list(self._open.pop(key).taken.values()))
            gathering = None
        if gathering is None:
            gathering = self._open[key] = Gathering(now, self._size(key))
        gathering.taken[alias] = numbered
        if len(gathering.taken) >= gathering.size:
            del self._open[key]
            found = list(gathering.taken.values())
            complete.append(found)
            if not key[1]:
                self._whole[key[0]] = [one[1].signal for one in found]

    def _size(self, key: tuple[str, bool]) -> int:
        """How many readings are all that there are; of a device's own state nobody knows."""
        return MAX_SIGNALS if key[1] else min(self._sizes.get(key[0]) or MAX_SIGNALS, MAX_SIGNALS)

    def due(self, before: float) -> list[list[Numbered]]:
        """All that was begun up to this time, the oldest first."""
        complete = []
        while self._open:
            key, gathering = next(iter(self._open.items()))
            if gathering.since > before:
                break
            complete.append(list(self._open.pop(key).taken.values()))
        return complete

    def oldest(self) -> float | None:
        """When the oldest of those that wait was begun; they stand in this order."""
        return next(iter(self._open.values())).since if self._open else None

    def clear(self) -> None:
        self._open.clear()
