"""Who may look, and who may change something.

Without a password everyone who can connect may look and nobody may change anything. With one, nobody sees a reading who
has not given it; a session is a random cookie (HttpOnly, SameSite=Strict) and a second random word, which every request
that changes something has to bring in a header: another site's page can neither read it nor send such a header.
Assumption: what travels is in clear; who listens on the way has it all (docs/page.md: reach it over ssh).
Bounds: MOST_SESSIONS, the oldest goes; IDLE_S until one is over; failed passwords by address and in all (`Bucket`).
The dirt to survive: other sites' forms and scripts (their Origin, their Sec-Fetch-Site), guessing, cookies of others.
"""

from __future__ import annotations

from _operator import _compare_digest  # of hmac, which imports all of hashlib
from posix import urandom

from ..ports.http_server import Answer
from .forms import json_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ports.http_server import Request

COOKIE, TOKEN = "meterd-session", "x-meterd-token"
MOST_SESSIONS = 16
IDLE_S = 8 * 3600.0
JSON = "application/json; charset=utf-8"
# Failed passwords: so many at once, and one more after so long; of one address, and of all together.
TRIES, TRY_S = 5, 15.0
ALL_TRIES, ALL_TRY_S = 30, 3.0
MOST_ADDRESSES = 64


def equal(one: str, other: str) -> bool:
    """In a time that does not tell how much of it is right."""
    same: bool = _compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
    return same


def said(status: int, words: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A refusal, in words that need no escape."""
    return Answer(status, JSON, f'{{"ok":false,"error":"{words}"}}'.encode(), headers)


class Bucket:
    """`most` at once, and one more every `every_s`."""

    __slots__ = ("_at_s", "_every_s", "_left", "_most")

    def __init__(self, most: int, every_s: float, now_s: float) -> None:
        self._most = most
        self._every_s = every_s
        self._left = float(most)
        self._at_s = now_s

    def left(self, now_s: float) -> bool:
        """Whether one may be taken."""
        self._left = min(float(self._most), self._left + (now_s - self._at_s) / self._every_s)
        self._at_s = now_s
        return self._left >= 1.0

    def is_full(self, now_s: float) -> bool:
        """Whether nothing was taken of late."""
        return self.left(now_s) and self._left >= self._most

    def take(self, now_s: float) -> bool:
        """Take one; False where there is none."""
        if not self.left(now_s):
            return False
        self._left -= 1.0
        return True


class Session:
    """`cookie` and `token` are known to one browser."""

    __slots__ = ("cookie", "seen_s", "token")

    def __init__(self, now_s: float) -> None:
        self.cookie = urandom(32).hex()
        self.token = urandom(32).hex()
        self.seen_s = now_s


class Guard:
    """`now_s()` is a clock that nobody sets."""

    def __init__(self, password: str | None, now_s: Callable[[], float]) -> None:
        self._password = password
        self._now_s = now_s
        self._sessions: list[Session] = []  # the one seen last is the last
        self._failed: dict[str, Bucket] = {}
        self._all_failed = Bucket(ALL_TRIES, ALL_TRY_S, now_s())

    @property
    def has_password(self) -> bool:
        return self._password is not None

    def session(self, request: Request) -> Session | None:
        """Of the request's cookie."""
        now_s = self._now_s()
        self._sessions = [each for each in self._sessions if now_s - each.seen_s < IDLE_S]
        found = None
        for piece in request.headers.get("cookie", "").split(";")[:MOST_SESSIONS]:
            name, _, value = piece.strip().partition("=")
            if name == COOKIE:
                for session in self._sessions:
                    if equal(session.cookie, value):
                        found = session
        if found is not None:
            found.seen_s = now_s
            self._sessions.remove(found)
            self._sessions.append(found)
        return found

    def may_look(self, request: Request) -> bool:
        return self._password is None or self.session(request) is not None

    def foreign(self, request: Request) -> bool:
        """Whether another site's page has the browser ask."""
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        host = request.headers.get("host", "")
        return site not in ("same-origin", "none") or (origin is not None and origin != f"http://{host}")

    def refuses_change(self, request: Request) -> Answer | None:
        """None where the request may change something."""
        refusal = self._refuses_post(request)
        if refusal is not None:
            return refusal
        if self._password is None:
            return said(403, "this page is for reading only: set publish.page.password to change that")
        session = self.session(request)
        if session is None:
            return said(401, "give the password first")
        if not equal(session.token, request.headers.get(TOKEN, "")):
            return said(403, "this did not come from the page itself: load it again")
        return None

    def _refuses_post(self, request: Request) -> Answer | None:
        if request.method != "POST":
            return said(405, "this is asked for by POST", (("Allow", "POST"),))
        if self.foreign(request):
            return said(403, "another site's page may not ask for this")
        if not request.headers.get("content-type", "").startswith("application/json"):
            return said(415, "this takes JSON")
        return None

    def log_in(self, request: Request) -> Answer:
        """A session for whoever knows the password."""
        refusal = self._refuses_post(request)
        if refusal is not None:
            return refusal
        if self._password is None:
            return said(403, "no password is set: the page is for reading only")
        now_s, bucket = self._now_s(), self._bucket(request.peer())
        if not (bucket.left(now_s) and self._all_failed.left(now_s)):
            wait = (("Retry-After", str(int(TRY_S))),)
            return said(429, "too many wrong passwords: wait a little", wait)
        given = json_object(request).get("password")
        if not equal(self._password, given if isinstance(given, str) else ""):
            bucket.take(now_s)
            self._all_failed.take(now_s)
            return said(401, "that is not the password")
        session = Session(now_s)
        self._sessions = [*self._sessions[1 - MOST_SESSIONS :], session]
        cookie = f"{COOKIE}={session.cookie}; Path=/; HttpOnly; SameSite=Strict"
        return Answer(200, JSON, f'{{"ok":true,"token":"{session.token}"}}'.encode(), (("Set-Cookie", cookie),))

    def log_out(self, request: Request) -> Answer:
        refusal = self.refuses_change(request)
        if refusal is not None:
            return refusal
        session = self.session(request)
        self._sessions = [each for each in self._sessions if each is not session]
        cookie = f"{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        return Answer(200, JSON, b'{"ok":true}', (("Set-Cookie", cookie),))

    def knows(self, session: Session) -> bool:
        """Whether it still stands."""
        return session in self._sessions

    def _bucket(self, address: str) -> Bucket:
        """Of an address; whoever comes when there are too many shares one with others."""
        now_s = self._now_s()
        if address not in self._failed and len(self._failed) >= MOST_ADDRESSES:
            self._failed = {name: bucket for name, bucket in self._failed.items() if not bucket.is_full(now_s)}
            if len(self._failed) >= MOST_ADDRESSES:
                address = "others"
        return self._failed.setdefault(address, Bucket(TRIES, TRY_S, now_s))
