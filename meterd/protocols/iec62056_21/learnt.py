"""What was learnt of one meter, and lasts as long as it is that meter.

A meter is known by its identification line (IEC 62056-21 clause 6.3.2), which has no block check: what came once may be
noise. Another line that comes twice means another meter, or the same one with a new firmware: what was learnt is
forgotten, and learnt anew. The same where nothing has worked for MAX_FAILURES scans: perhaps the meter changed and its
line did not.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import Memory

MAX_FAILURES = 3
PUSHES = (
    'the meter sends its list unasked, as in mode D: put "type": "D" (and the line\'s settings, mostly 2400 7E1), '
    "so that the port is listened to and nothing is sent"
)
MAX_SPELLED = 1024  # registers whose answers' spelling is remembered


class Learnt:
    """One meter's habits.

    `block_check`: whether its lists have one, None while that is not known; `checkless`: a list came that was whole but
    for its block check; `sums`: its block checks are sums; `crc16`: its lists end in a CRC16 (P1); `steps_down`: how
    many of the speeds to choose from gave nothing; `stayed`: how often in a row the meter was heard at its opening
    speed only; `proven_speed`: at which a block check was right; `parity_tries`: how many ways of carrying seven bits
    over TCP gave nothing; `cut_off`: a dialogue ended before its time, so that late answers may come;
    `pushes`: a whole list came without being waited for, so that it is likely to be sent unasked;
    `tells_identity`: whether it answers the question for its number, None while not known; `spelled` {register: the
    address that it is answered with}.
    """

    __slots__ = (
        "_confirmed", "_latest", "block_check", "checkless", "crc16", "cut_off", "failures", "identification",
        "parity_tries", "proven_speed", "pushes", "spelled", "stayed", "steps_down", "sums", "tells_identity",
    )  # fmt: skip

    def __init__(self) -> None:
        self.failures = 0
        self.cut_off = False
        self.parity_tries = 0
        self.identification = b""
        self._confirmed = False  # it came twice
        self._latest = b""
        self._begin()

    def _begin(self) -> None:
        self.block_check: bool | None = None
        self.checkless = False
        self.sums = False
        self.crc16 = False
        self.stayed = 0
        self.steps_down = 0
        self.proven_speed: int | None = None
        self.pushes = False
        self.tells_identity: bool | None = None
        self.spelled: dict[bytes, str] = {}

    @classmethod
    def of(cls, memory: Memory) -> Learnt:
        """What is known of the meter behind that memory."""
        if not isinstance(memory.own, cls):
            memory.own = cls()
        found: Learnt = memory.own
        return found

    def met(self, identification: bytes) -> bytes:
        """The meter has identified itself. Returns: how another one did before, of which all is forgotten; or b""."""
        again, self._latest = identification == self._latest, identification
        if identification == self.identification:
            self._confirmed = True
        elif not self.identification:
            self.identification = identification
        elif again:
            former = self.identification if self._confirmed else b""
            self.identification, self._confirmed = identification, True
            self._begin()
            return former
        return b""

    def is_sure(self) -> bool:
        """Whether the line that came last has come before."""
        return self._confirmed and self._latest == self.identification

    def worked(self) -> None:
        self.failures = 0

    def failed(self) -> None:
        """A scan has failed with all its attempts."""
        self.proven_speed = None
        self.failures += 1
        if self.failures == MAX_FAILURES:
            self._begin()

    def spells(self, register: bytes, address: str) -> None:
        """Whoever asks for `register` is answered under that address."""
        if len(self.spelled) < MAX_SPELLED:
            self.spelled[register] = address
