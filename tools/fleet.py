"""What a fleet does to its broker, played with a fake clock: reconnect storms and what was kept meanwhile.

    .venv/bin/python -m tools.fleet                       # 10,000 gateways, a broker that was away for an hour
    .venv/bin/python -m tools.fleet --gateways 50000 --handshakes-per-s 2000 --outage-s 60

The pauses are meterd's own (`sinks/backoff.py`), as is the time after which an attempt is given up. The broker is a
model: it takes `--handshakes-per-s` (TLS and CONNECT), in the order in which they come; `BACKLOG` wait, beyond that an
attempt gets no answer; who gave up has cost a handshake all the same once his turn came. Readings that were kept go out
at `--drain-per-s` for each gateway, and together at what the broker and its consumer take (`--readings-per-s`).
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
from collections import deque
from dataclasses import dataclass, field

from meterd.sinks.backoff import Backoff
from meterd.sinks.mqtt_connection import CONNECT_S

BACKLOG = 4096
REFUSED_S = 0.05  # until a host without a broker says so
LONG_S = 3600.0  # what connections had lasted before
PATIENCE_S = 3600.0  # who is not connected by then after the broker's return never is


@dataclass
class Settings:
    gateways: int = 10_000
    outage_s: float = 3600.0
    handshakes_per_s: float = 500.0
    reconnect_max_s: float = 120.0
    drain_per_s: float = 20.0
    readings_per_s: float = 20_000.0
    readings_per_scan: int = 200
    scan_s: float = 900.0
    seed: int = 22


@dataclass
class Outcome:
    """Seconds count from the broker's return."""

    attempts: int = 0  # that met a broker
    given_up: int = 0  # of those, before it was their turn
    refused: int = 0  # while it was away
    attempts_in: dict[int, int] = field(default_factory=dict)  # by second
    connected_at: list[float] = field(default_factory=list)
    kept: float = 0.0  # readings that wait when the broker returns
    drained_s: float = 0.0

    def peak(self) -> int:
        return max(self.attempts_in.values(), default=0)

    def connected_by(self, share: float, gateways: int) -> float:
        """When that share of all was connected; infinite where it never was."""
        count = max(1, round(share * gateways))
        return sorted(self.connected_at)[count - 1] if count <= len(self.connected_at) else float("inf")


class Storm:
    """All lose their connection at once; the broker is back after `outage_s`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.outcome = Outcome()
        chance = random.Random(settings.seed)
        self._pauses = [Backoff(settings.reconnect_max_s, chance.random) for _ in range(settings.gateways)]
        self._events: list[tuple[float, int, int, int]] = []  # when, kind, gateway, attempt
        self._attempts = [0] * settings.gateways
        self._waiting: deque[tuple[int, int]] = deque()  # whose handshakes are to be done
        self._connected = [False] * settings.gateways
        self._is_busy = False

    ATTEMPT, GIVEN_UP, SERVED = range(3)

    def play(self) -> Outcome:
        for gateway, pauses in enumerate(self._pauses):
            self._at(pauses.after(LONG_S), self.ATTEMPT, gateway)
        actions = {self.ATTEMPT: self._attempt, self.GIVEN_UP: self._give_up, self.SERVED: self._serve}
        end = self.settings.outage_s + PATIENCE_S
        while self._events and self._events[0][0] < end and len(self.outcome.connected_at) < self.settings.gateways:
            now, kind, gateway, attempt = heapq.heappop(self._events)
            actions[kind](now, gateway, attempt)
        self.outcome.kept, self.outcome.drained_s = drain(self.settings, sorted(self.outcome.connected_at))
        return self.outcome

    def _at(self, when: float, kind: int, gateway: int) -> None:
        heapq.heappush(self._events, (when, kind, gateway, self._attempts[gateway]))

    def _attempt(self, now: float, gateway: int, attempt: int) -> None:
        self._attempts[gateway] += 1
        if now < self.settings.outage_s:
            self.outcome.refused += 1
            self._at(now + REFUSED_S + self._pauses[gateway].after(0.0), self.ATTEMPT, gateway)
            return
        self.outcome.attempts += 1
        second = int(now - self.settings.outage_s)
        self.outcome.attempts_in[second] = self.outcome.attempts_in.get(second, 0) + 1
        if len(self._waiting) < BACKLOG:
            self._waiting.append((gateway, self._attempts[gateway]))
            if not self._is_busy:
                self._begin(now)
        self._at(now + CONNECT_S, self.GIVEN_UP, gateway)

    def _give_up(self, now: float, gateway: int, attempt: int) -> None:
        if attempt == self._attempts[gateway] and not self._connected[gateway]:
            self.outcome.given_up += 1
            self._at(now + self._pauses[gateway].after(0.0), self.ATTEMPT, gateway)
            self._attempts[gateway] += 1  # an answer to this attempt comes too late

    def _begin(self, now: float) -> None:
        """The next handshake, also of somebody who has gone: the broker learns it only then."""
        self._is_busy = bool(self._waiting)
        if self._is_busy:
            gateway, attempt = self._waiting.popleft()
            heapq.heappush(self._events, (now + 1 / self.settings.handshakes_per_s, self.SERVED, gateway, attempt))

    def _serve(self, now: float, gateway: int, attempt: int) -> None:
        if attempt == self._attempts[gateway] and not self._connected[gateway]:
            self._connected[gateway] = True
            self.outcome.connected_at.append(now - self.settings.outage_s)
        self._begin(now)


def drain(settings: Settings, connected_at: list[float]) -> tuple[float, float]:
    """Readings that were kept, and how long after the broker's return the last of them is there, second by second."""
    rate = settings.readings_per_scan / settings.scan_s  # of one gateway
    waiting = [rate * (settings.outage_s + at) for at in connected_at]
    kept = rate * settings.outage_s * len(connected_at)
    now, begun, first = 0.0, 0, 0
    while first < len(waiting):
        while begun < len(waiting) and connected_at[begun] <= now:
            begun += 1
        share = min(settings.drain_per_s, settings.readings_per_s / max(1, begun - first))
        for gateway in range(first, begun):
            waiting[gateway] -= share - rate
        while first < begun and waiting[first] <= 0:
            first += 1
        now += 1.0
        if share <= rate:
            return kept, float("inf")
    return kept, now


def report(settings: Settings, outcome: Outcome) -> str:
    in_vain = outcome.attempts - len(outcome.connected_at)
    half, most, everybody = (outcome.connected_by(share, settings.gateways) for share in (0.5, 0.99, 1.0))
    lines = [
        f"{settings.gateways} gateways, the broker away for {settings.outage_s:.0f} s, {settings.handshakes_per_s:.0f} "
        f"handshakes/s, reconnect_max_s {settings.reconnect_max_s:.0f}",
        f"  attempts while it was away: {outcome.refused / settings.outage_s:.0f}/s",
        f"  attempts once it is back: {outcome.peak()} in the worst second; {in_vain} in vain",
        f"  connected: half after {half:.0f} s, 99 % after {most:.0f} s, all after {everybody:.0f} s",
    ]
    if everybody < PATIENCE_S:
        lines.append(
            f"  {outcome.kept:.0f} readings kept meanwhile, drain_per_s {settings.drain_per_s:.0f}, "
            f"{settings.readings_per_s:.0f} readings/s taken: the last after {outcome.drained_s:.0f} s"
        )
    else:
        lines.append(
            f"  NOT ALL: {len(outcome.connected_at)} within {PATIENCE_S:.0f} s; a longer reconnect_max_s helps"
        )
    return "\n".join(lines)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.fleet", description=(__doc__ or "").partition("\n")[0])
    for name, default in vars(Settings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    settings = Settings(**vars(parser.parse_args(words)))
    print(report(settings, Storm(settings).play()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
