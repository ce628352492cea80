"""Who called and is no configured meter: what they said, so that a configuration can be written for them.

Anybody may call, as often as they like, under as many names: of those who called only MOST are remembered, the one
longest silent gives way, and the log tells of LOGGED_AN_HOUR of them.
"""

from __future__ import annotations

from .. import log

MOST = 32
LOGGED_AN_HOUR = 32
HOUR_S = 3600.0
MOST_NAME = 64
MOST_SAID = 200


class UnknownCallers:
    """Of the listener `key`; where `told`, the log has them too."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.told = True  # in the log
        self._seen: dict[str, tuple[str, str, float, int]] = {}  # by name: from where, what, when last, how often
        self._logged = 0
        self._since = 0.0

    def note(self, name: str, address: str, said: str, now: float) -> None:
        """One has said something; without a name it is known by its address."""
        key, said = (name or address)[:MOST_NAME], said[:MOST_SAID]
        before = self._seen.pop(key, None)
        self._seen[key] = (address, said, now, before[3] + 1 if before is not None else 1)
        if len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]
        if before is None and self.told:
            self._log(address, said, now)

    def _log(self, address: str, said: str, now: float) -> None:
        if now - self._since >= HOUR_S:
            self._since, self._logged = now, 0
        self._logged += 1
        if self._logged <= LOGGED_AN_HOUR:
            log.notice(
                f"{self.key}: no configured device: a caller from {address} {said}; `meterd scan` at this address "
                "writes a configuration for it",
                port=self.key,
            )
        elif self._logged == LOGGED_AN_HOUR + 1:
            log.notice(f"{self.key}: more unknown callers are told by `meterd status` alone", port=self.key)

    def rows(self, now: float) -> list[dict[str, object]]:
        """For `meterd status`, the latest first."""
        return [
            {"line": self.key, "name": name, "address": address, "said": said, "age_s": int(now - when), "times": times}
            for name, (address, said, when, times) in reversed(self._seen.items())
        ]
