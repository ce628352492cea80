"""`python -m tests.soak.delivery`: a reading that was taken arrives, whatever is killed on its way.

    python -m tests.soak.delivery [--kills 1000] [--away 8640] [--seed 17] [--sqlite] [--tls] [PART…]

`delivery_site` is what is run (with `--tls` the broker speaks TLS alone), `delivery_judge` who says what became of it.
Parts: `kills` (kill -9 of daemon, broker
or consumer, uniform in time; where each was hit its own marks say), `away_1s`, `away_1min` and `away` (the broker is
away for so long, or for so many scans at 10 ms, then the drain is timed), `half_open` (packets vanish in a router
between name spaces, of one side or of both, and nobody is told; where those cannot be made, a broker is stopped).
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .delivery_judge import Verdict
from .delivery_site import Site, database
from .network import network

MOST_LIFE_S, MOST_PAUSE_S = 2.0, 0.6
FEW = 200  # kills of which none needs to hit everything
FOUND = ("no longer answers", "acknowledged nothing")
FOUND_WITHIN_S = 40.0

Said = tuple[str, bool]


def kills(site: Site, count: int, scans: int) -> Said:
    site.start()
    killed: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for number in range(count):
        time.sleep(site.random.uniform(0, MOST_LIFE_S))
        victim = site.random.choice(("broker", "consumer", "daemon"))
        killed[victim] += 1
        if victim == "daemon":
            site.kill_daemon()
        else:
            process: Any = getattr(site, victim)
            process.kill()
        hits += _hits(site, victim)
        if victim == "daemon":
            site.start_daemon()
        else:
            time.sleep(site.random.uniform(0, MOST_PAUSE_S))
            process.start()
        if number % 100 == 99:
            print(f"        {number + 1} kills, {dict(hits)}, {len(site.served())} served", flush=True)
    site.settle(180)
    verdict = Verdict(site)
    needed = ("daemon inside a commit", "daemon in flight", "broker in flight", "consumer inside a commit")
    all_hit = (all(hits[what] for what in needed) and verdict.repeats > 0) or count < FEW
    where = ", ".join(f"{what} {hits[what]}" for what in needed)
    return f"{killed.total()} × kill -9 ({dict(killed)}; hit: {where}): {verdict.words}", verdict.is_sound and all_hit


def _hits(site: Site, victim: str) -> Counter[str]:
    """What the dead one was doing; what is under way to a dead broker the daemon knows."""
    daemon, consumer = site.daemon.marks, site.consumer.marks
    if victim == "daemon":
        inside, in_flight = daemon.get("committing"), daemon.get("in_flight")
    elif victim == "consumer":
        inside, in_flight = consumer.get("committing"), consumer.get("unanswered")
    else:
        inside, in_flight = 0, daemon.get("in_flight")
    found = {f"{victim} inside a commit": inside, f"{victim} in flight": int(in_flight > 0)}
    return Counter({what: hit for what, hit in found.items() if hit})


def away(site: Site, count: int, scans: int) -> Said:
    """So many scans at 10 ms while the broker is away."""
    site.start()
    site.wait_until_stored(0, 30)
    site.broker.kill()
    begun, before = time.monotonic(), len(site.served())
    goal = before + scans * site.signals
    while len(site.served()) < goal and time.monotonic() < begun + 60 + scans / 10:
        time.sleep(0.2)
    taken, lasted = len(site.served()) - before, time.monotonic() - begun
    stored = site.stored()
    site.broker.start()
    back = time.monotonic()
    site.wait_until_stored(stored, 30)
    first = time.monotonic()
    while site.stored() < stored + taken and time.monotonic() < first + 120:
        time.sleep(0.1)
    rate = (site.stored() - stored) / (time.monotonic() - first)
    site.settle(60)
    verdict = Verdict(site)
    return (
        f"broker away for {lasted:.0f} s, {taken // site.signals} scans: {rate:.0f} readings/s drained, first after "
        f"{first - back:.1f} s; {verdict.words}",
        verdict.is_sound,
    )


def away_1s(site: Site, count: int, scans: int) -> Said:
    return away(site, count, min(scans, 100))


def away_1min(site: Site, count: int, scans: int) -> Said:
    return away(site, count, min(scans, 6000))


def half_open(site: Site, count: int, scans: int) -> Said:
    """A link that goes dead without a word, in both directions, and in each one; found, and then whole again."""
    site.start()
    site.wait_until_stored(0, 30)
    found = []
    for dead in (("near", "far"), ("near",), ("far",)):
        before, begun = _times_found(site), time.monotonic()
        _cut(site, dead)
        while _times_found(site) == before and time.monotonic() < begun + FOUND_WITHIN_S:
            time.sleep(0.1)
        found.append(time.monotonic() - begun)
        _cut(site, ())
        site.wait_until_stored(site.stored(), 30)
        time.sleep(1.0)
    site.settle(60)
    verdict = Verdict(site)
    way = "packets swallowed by a router" if site.network else "no name spaces here: the broker stopped"
    return (
        f"{way}, both ways, from the daemon, from the broker: found after {', '.join(f'{one:.1f} s' for one in found)} "
        f"(keepalive 5 s); {verdict.words}",
        verdict.is_sound and max(found) < FOUND_WITHIN_S,
    )


def _cut(site: Site, sides: tuple[str, ...]) -> None:
    if site.network is not None:
        site.network.swallow(*sides)
    else:
        site.broker.process.send_signal(signal.SIGSTOP if sides else signal.SIGCONT)  # type: ignore[union-attr]


def _times_found(site: Site) -> int:
    said = site.daemon.log.read_text()
    return sum(said.count(words) for words in FOUND)


ONE_LINE = {"scan_ms": 10, "devices": 1, "signals": 2}
PARTS: dict[str, tuple[Callable[[Site, int, int], Said], dict[str, int]]] = {
    "kills": (kills, {}),
    "away_1s": (away_1s, ONE_LINE),
    "away_1min": (away_1min, ONE_LINE),
    "away": (away, ONE_LINE),
    "half_open": (half_open, {}),
}


def run(name: str, kills: int, scans: int, seed: int, plain: bool = False, tls: bool = False) -> Said:
    part, shape = PARTS[name]
    between = network() if name == "half_open" else None
    with tempfile.TemporaryDirectory(prefix="meterd-soak-") as folder, database(Path(folder), plain) as where:
        site = Site(Path(folder), where, seed, network=between, tls=tls, **shape)
        try:
            words, sound = part(site, kills, scans)
        finally:
            site.close()
            if between is not None:
                between.close()
        if not sound:
            site.note_lives()
            shutil.copytree(folder, f"{tempfile.gettempdir()}/meterd-soak-failed", dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("postgres", "control"))  # fmt: skip
    base = "PostgreSQL" if where.startswith("postgresql") else "SQLite"
    return f"{name} ({base}{', TLS' if tls else ''}): {words}", sound


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.delivery")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--away", type=int, default=8640)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    failed = False
    for name in arguments.parts or PARTS:
        words, sound = run(name, arguments.kills, arguments.away, arguments.seed, arguments.sqlite, arguments.tls)
        print(("      " if sound else "FAIL  ") + words, flush=True)
        failed = failed or not sound
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
