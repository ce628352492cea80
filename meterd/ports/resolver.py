"""Names to addresses, without a wait in the loop: a few threads ask, and what they heard is kept.

The problem: a dead name server takes tens of seconds to say so, and a site may have hundreds of meters by name. Threads
for each of them would be hundreds; here MOST_THREADS take the questions in turn, each name is asked for
once however many wait for it, and an answer that was good once is better than none: a meter's address seldom changes,
and whether it did is told by the connection.
Assumptions: the loop of whoever asks lives until its answer came, or ends with the process.
Dirt it must survive: name servers that are silent, lie, or answer with addresses that cannot be used.
"""

from __future__ import annotations

from _socket import SOCK_STREAM, getaddrinfo
from _thread import allocate_lock, start_new_thread
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    Addresses = list[tuple[int, str]]  # family, address
    OnAnswer = Callable[[Addresses, str], None]

    class Loop(Protocol):
        def call_soon_from_thread(self, callback: Callable[[], None]) -> None: ...


MOST_THREADS = 4
GOOD_S = 60.0  # so long an answer is given again without asking
BAD_S = 5.0  # so long a failure is
MOST_NAMES = 10000  # kept; beyond that the older half is forgotten


class _Answer:
    """What is known of one name: addresses of the last good answer, why the last question failed, and until when no
    other is asked."""

    __slots__ = ("addresses", "message", "until")

    def __init__(self, addresses: Addresses, message: str, until: float) -> None:
        self.addresses = addresses
        self.message = message
        self.until = until


class Resolver:
    """One for the process: `look_up` is called in any loop's thread, and answers there."""

    __slots__ = ("_answers", "_clock", "_lock", "_queue", "_threads", "_waiting")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = allocate_lock()
        self._answers: dict[str, _Answer] = {}
        self._waiting: dict[str, list[tuple[Loop, OnAnswer]]] = {}  # names that are asked for, and who waits for each
        self._queue: list[str] = []
        self._threads = 0

    def look_up(self, loop: Loop, name: str, on_answer: OnAnswer) -> None:
        """`on_answer(addresses, message)`: at once where the answer is known, else from the loop, whenever it comes.

        `addresses` may be older than the last question, which failed then as `message` says; both are empty or filled
        independently of one another. Raises: RuntimeError where no thread can be had.
        """
        with self._lock:
            known = self._answers.get(name)
            if known is None or self._clock() >= known.until:
                known = None
                waiting = self._waiting.get(name)
                if waiting is not None:
                    waiting.append((loop, on_answer))
                    return
                self._waiting[name] = [(loop, on_answer)]
                self._queue.append(name)
                if self._threads >= MOST_THREADS:
                    return
                self._threads += 1
        if known is not None:
            on_answer(known.addresses, known.message)
            return
        try:
            start_new_thread(self._work, ())
        except RuntimeError:
            with self._lock:
                self._threads -= 1
                if not self._threads:  # nobody else will take it
                    self._queue.remove(name)
                    del self._waiting[name]
                    raise

    def _work(self) -> None:
        """A thread: take names until none is left."""
        while True:
            with self._lock:
                if not self._queue:
                    self._threads -= 1
                    return
                name = self._queue.pop(0)
            found, message = _ask(name)
            with self._lock:
                answer = self._keep(name, found, message)
                waiting = self._waiting.pop(name)
            for loop, on_answer in waiting:
                _hand_over(loop, on_answer, answer)

    def _keep(self, name: str, found: Addresses, message: str) -> _Answer:
        known = self._answers.get(name)
        addresses = found or (known.addresses if known is not None else [])
        if len(self._answers) >= MOST_NAMES and name not in self._answers:
            self._answers = dict(list(self._answers.items())[MOST_NAMES // 2 :])
        until = self._clock() + (GOOD_S if found else BAD_S)
        answer = self._answers[name] = _Answer(addresses, message, until)
        return answer


def _hand_over(loop: Loop, on_answer: OnAnswer, answer: _Answer) -> None:
    loop.call_soon_from_thread(lambda: on_answer(answer.addresses, answer.message))


def _ask(name: str) -> tuple[Addresses, str]:
    """In a thread. IPv4 first: that is what meters speak."""
    try:
        # As bytes where possible: for text Python would load the tables of international names.
        asked = name.encode() if name.isascii() else name
        found = {(family, str(address[0])) for family, _, _, _, address in getaddrinfo(asked, None, 0, SOCK_STREAM)}
    except (OSError, ValueError) as error:
        return [], getattr(error, "strerror", None) or str(error)
    return sorted(found), "" if found else "it has no address"


resolver = Resolver()
