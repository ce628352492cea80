"""What a gateway does for a signed request, and when it takes a configuration back. No connection, no clock of its own.

| `do` | with | answer |
|---|---|---|
| `status` | | version, hashes of what is in force and on trial, how many devices are read and how many are good |
| `read` | `device` | the readings of one scan, by the running daemon |
| `doctor` | `device` | exit code and text of `meterd doctor` |
| `configure` | `text`, `hash` (SHA-256 of it, hex), `confirm_s` | in force at once, and on trial until confirmed |
| `confirm` | `hash` | what is on trial stays |
| `revert` | | what is on trial is taken back |

Each answer has the request's `n`, and `ok` or `error` in words. What is not in `allow` is refused; `confirm` and
`revert` come with `configure`. Bounds: one request in EVERY_S on average and BURST at once; the sizes of `signed`,
`pushed` and `daemon_talk`; `doctor` has DOCTOR_S and TEXT bytes. The order of a configuration: checked by itself, then
together with all other files, on record as a trial, in force, reloaded.
"""

from __future__ import annotations

import subprocess
import sys

from .. import log
from ..paths import exists, join, parent
from . import pushed
from .signed import ANSWER, REQUEST, Refused, Unsigned, opened, sealed
from .trial import Trial, hash_of
from .whole_files import create, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .daemon_talk import Daemon
    from .signed import Numbers

EVERY_S, BURST = 6.0, 10.0
DOCTOR_S, TEXT = 60.0, 32_768
CONFIRM_S = (10, 86_400)
ALLOWED = ("status", "read", "doctor", "configure")
BEYOND = {"confirm": "configure", "revert": "configure"}


class Bucket:
    """How many requests may come; monotonic seconds are given."""

    def __init__(self, now: float) -> None:
        self._tokens, self._at = BURST, now

    def take(self, now: float) -> bool:
        self._tokens = min(BURST, self._tokens + (now - self._at) / EVERY_S)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Remote:
    """`files` are all that the daemon is started with, `trial`'s target among them; `key` is this gateway's own."""

    def __init__(
        self, gateway: str, key: bytes, allow: Sequence[str], files: Sequence[str], trial: Trial, numbers: Numbers,
        daemon: Daemon, clock: Callable[[], float], version: str,
    ) -> None:  # fmt: skip
        self._gateway, self._key = gateway, key
        self._allow = allow
        self._files = files
        self._trial = trial
        self._numbers = numbers
        self._daemon = daemon
        self._clock = clock
        self._version = version
        self._bucket = Bucket(clock())
        self._deadline: float | None = None

    def begin(self) -> None:
        """What an earlier run had on trial was not confirmed. Raises: OSError."""
        if self._trial.take_back():
            self._taken_back("this gateway, or meterd remote, was started anew")

    def patience_s(self) -> float | None:
        """How long until something is due."""
        return None if self._deadline is None else max(0.0, self._deadline - self._clock())

    def tick(self) -> None:
        """Take back what was not confirmed in time."""
        if self._deadline is not None and self._clock() >= self._deadline:
            self._deadline = None
            try:
                if self._trial.take_back():
                    self._taken_back("it was not confirmed in time")
            except OSError as error:
                self._deadline = self._clock() + CONFIRM_S[0]
                log.error(f"{self._trial.target}: cannot be taken back: {error.strerror}; trying again", fold="trial")

    def take(self, payload: bytes) -> bytes | None:
        """The answer to what came; None where there is none to be given."""
        try:
            request = opened(self._key, REQUEST, self._gateway, payload)
        except Unsigned as error:
            log.warning(f"remote: a request is thrown away: {error}", fold="remote unsigned")
            return None
        answer: dict[str, Any] = {"n": request.get("n"), "do": request.get("do")}
        try:
            if not self._bucket.take(self._clock()):
                raise Refused(f"more requests than one in {EVERY_S:.0f} s; later")
            self._numbers.spend(request.get("n"))
            answer.update(self._do(request), ok=True)
        except Refused as error:
            answer.update(ok=False, error=str(error))
        except OSError as error:
            answer.update(ok=False, error=f"{error.filename or 'a file'}: {error.strerror}")
        log.notice(f"remote: {answer['do']!r} {'is done' if answer['ok'] else 'is refused: ' + answer['error']}")
        return sealed(self._key, ANSWER, self._gateway, answer)

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        what = request.get("do")
        actions = {"status": self._status, "read": self._read, "doctor": self._doctor, "configure": self._configure,
                   "confirm": self._confirm, "revert": self._revert}  # fmt: skip
        if not isinstance(what, str) or what not in actions:
            raise Refused(f"do: allowed: {', '.join(actions)}")
        if BEYOND.get(what, what) not in self._allow:
            raise Refused(f"do: {what} is not allowed on this gateway (--allow)")
        return actions[what](request)

    # ---- questions

    def _status(self, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "version": self._version, "hash": self._trial.present(), "on_trial": self._trial.pending(),
            "confirm_within_s": self.patience_s(),
        }  # fmt: skip
        try:
            status = self._daemon.status()
        except Refused as error:
            return answer | {"daemon": str(error)}
        devices = status["devices"]
        good = sum(row["reason"] == "good" and row["signals_ok"] == row["signals"] for row in devices)
        return answer | {"daemon": "runs", "devices": len(devices), "good": good, "sinks": status["sinks"]}

    def _read(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"readings": self._daemon.read(_alias(request))}

    def _doctor(self, request: dict[str, Any]) -> dict[str, Any]:
        files = filter(exists, self._files)
        words = [sys.executable, "-m", "meterd", "doctor", _alias(request), "-c", *files]
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DOCTOR_S
            )
        except subprocess.TimeoutExpired as late:
            return {"code": None, "text": _text(late.stdout or b"") + f"\n… not at its end after {DOCTOR_S:.0f} s"}
        return {"code": done.returncode, "text": _text(done.stdout)}

    # ---- the configuration

    def _configure(self, request: dict[str, Any]) -> dict[str, Any]:
        text, told, seconds = request.get("text"), request.get("hash"), request.get("confirm_s")
        low, high = CONFIRM_S
        if not isinstance(text, str):
            raise Refused("text: allowed: the configuration, as text")
        if type(seconds) is not int or not low <= seconds <= high:
            raise Refused(f"confirm_s: allowed: a whole number, {low} to {high}")
        if self._trial.pending():
            raise Refused("another configuration is on trial: confirm or revert it first")
        data = pushed.check(text)
        if told != hash_of(data):
            raise Refused("hash: is not that of the text: something was lost on the way")
        self._try_out(data)
        self._trial.begin(data)
        self._deadline = self._clock() + seconds
        trouble = self._daemon.reload()
        return {"hash": hash_of(data), "confirm_within_s": seconds, "reload": trouble or "done"}

    def _try_out(self, data: bytes) -> None:
        """Held against all other files, from beside them, for what it names lies there. Raises: Refused, OSError."""
        target = self._trial.target
        candidate = join(parent(target), ".candidate.json")
        remove(candidate)
        create(candidate, data)
        try:
            pushed.try_out([*(path for path in self._files if path != target), candidate])
        finally:
            remove(candidate)

    def _confirm(self, request: dict[str, Any]) -> dict[str, Any]:
        pending = self._trial.pending()
        if not pending:
            raise Refused("nothing is on trial; what was not confirmed in time is taken back")
        if request.get("hash") != pending:
            raise Refused(f"hash: {pending} is on trial, and not that one")
        self._trial.confirm()
        self._deadline = None
        return {"hash": pending}

    def _revert(self, request: dict[str, Any]) -> dict[str, Any]:
        if not self._trial.take_back():
            raise Refused("nothing is on trial")
        self._deadline = None
        return {"hash": self._trial.present(), "reload": self._daemon.reload() or "done"}

    def _taken_back(self, why: str) -> None:
        trouble = self._daemon.reload()
        words = f"{self._trial.target}: the configuration on trial is taken back, for {why}"
        log.warning(f"{words}; {trouble}" if trouble else words)


def _alias(request: dict[str, Any]) -> str:
    """A device's alias, as configurations may have them. Raises: Refused."""
    found = request.get("device")
    plain = found.replace("-", "0").replace("_", "0") if isinstance(found, str) else ""
    if not isinstance(found, str) or not plain.isascii() or not plain.isalnum() or found[0] in "-_" or len(found) > 200:
        raise Refused("device: allowed: the alias of a device")
    return found


def _text(data: bytes) -> str:
    return data[:TEXT].decode("utf-8", "replace")
