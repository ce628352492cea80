"""The application association (Green Book 9.4.2): who may ask what, proven and kept, over either link.

The problem: AARQ and AARE agree on names, limits and a proof of the client; with high-level security two more messages
prove both sides; with ciphering every APDU is sealed under a counter that must never be used twice.

The counter is on record before it is used (`meterd.counter`). Once the meter has answered under the key it is settled.

What few associations need (the proof of high-level security, blocks) is imported where it is used.

The dirt: late answers of another service, meters that end an association unasked, refusals in five shapes; pushes amid
answers, many at once, also under keys that are not ours: what is in a general form and cannot be opened is passed over,
and was the answer only if no other comes.
"""

from __future__ import annotations

from ...conversation import Send
from ...errors import (
    Aborted,
    DecodeError,
    Disconnected,
    Garbled,
    MeterdError,
    PortGone,
    ProtocolError,
    SecurityError,
    Silence,
)
from . import enumerations as codes
from ._registers import InvokeIds
from .apdus import acse, conformance, initiate, refusals
from .apdus.apdu import CONFIRMED, HIGH_PRIORITY, INVOKE_ID_MASK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation
    from .links.hdlc import HdlcLink
    from .links.wrapper import WrapperLink
    from .memory import DlmsMemory
    from .security.context import SecurityContext
    from .settings import Credentials, Settings

ASSOCIATION_LN = b"\x00\x00\x28\x00\x00\xff"
INVOKE_FLAGS = CONFIRMED | HIGH_PRIORITY
CHALLENGE_SIZE = 16
ECDSA_CHALLENGE_SIZE = 32
# Octets that sealing adds at most: system title, lengths, security control, counter, tag.
SEALING_OVERHEAD = 40
# Late answers to earlier questions, passed over before giving up.
MAX_STRAY = 8


class AssociationEnded(Disconnected):
    """The meter takes no more requests over this association; a new one may do."""


class _Strays:
    """APDUs that came in place of the answer: how many, and why the first that could not be read could not."""

    __slots__ = ("_late", "_unasked", "unread")

    def __init__(self) -> None:
        self._late = self._unasked = 0
        self.unread: SecurityError | DecodeError | None = None

    def count(self, unasked: bool) -> None:
        """One more. Raises: ProtocolError, or why it cannot be read, past the bound of its kind."""
        if unasked:
            self._unasked += 1
        else:
            self._late += 1
        if self._late >= MAX_STRAY or self._unasked >= codes.MAX_UNSOLICITED:
            raise self.unread or ProtocolError(
                f"the meter sends {self._late + self._unasked} APDUs that do not answer the request"
            )


class Association:
    """One association over an open link. `granted` names what the meter allows, once it is established."""

    __slots__ = (
        "ciphered", "credentials", "fixed_object", "granted", "link", "lists", "max_pdu", "memory", "next_invoke",
        "object_name", "open", "proposal", "reversed_deviation", "security", "server_max_pdu", "short_names", "surplus",
    )  # fmt: skip

    def __init__(
        self, link: HdlcLink | WrapperLink, credentials: Credentials, settings: Settings, memory: DlmsMemory,
        proposal: frozenset[str],
    ) -> None:  # fmt: skip
        self.link = link
        self.credentials = credentials
        self.ciphered = credentials.ciphered
        self.short_names = settings.short_names
        self.max_pdu = settings.max_pdu
        self.lists = settings.lists
        self.surplus = settings.surplus_octets
        self.reversed_deviation = settings.reversed_deviation
        self.fixed_object = settings.association_object
        self.object_name = self.fixed_object or memory.association_object or ASSOCIATION_LN
        self.memory = memory
        self.proposal = proposal
        self.granted: frozenset[str] = frozenset()
        self.server_max_pdu = 0
        self.open = False
        self.security: SecurityContext | None = None
        # Invoke-id-and-priority octets: confirmed, high priority, ids 1 to 15 in turn.
        self.next_invoke = InvokeIds(INVOKE_FLAGS)

    def limit(self) -> int:
        """Octets that a plain request may have so that it fits what the meter takes, sealed or not."""
        overhead = SEALING_OVERHEAD if self.ciphered else 0
        return (self.server_max_pdu or 0xFFFF) - overhead

    def took_proof(self, object_name: bytes) -> None:
        """The object that stands for this association: it is asked first next time."""
        if object_name != self.object_name:
            self.object_name = self.memory.association_object = object_name
            self.memory.save(lore=True)

    # Establishing and ending

    def establish(self) -> Conversation:
        """AARQ and AARE, and the two further passes of high-level security.

        Raises: Refused in words (reason 'auth' where the proof was refused), SecurityError, DecodeError, LineError.
        """
        credentials = self.credentials
        counters = self.memory.counters(credentials.counter_names()) if credentials.keyed else None
        if counters is not None:
            self.security = credentials.context(counters)
        high = credentials.mechanism > codes.MECHANISM_LOW
        challenge = self._challenge() if high else b""
        answer = yield from self._exchange(self._aarq(challenge or credentials.secret), lambda tag: tag == codes.AARE)
        aare = acse.decode(answer)
        if not isinstance(aare, acse.Aare):
            raise ProtocolError("the meter answers an AARQ with an AARQ")
        acse.check_accepted(aare)
        if self.security is not None:
            self.security.peer_title = credentials.meter_title or aare.responding_title
        self._accept_limits(aare.user_information)
        if counters is not None and self.ciphered:
            counters.accepted()
        self.open = True
        if high:
            from .proof import prove

            yield from prove(self, challenge, aare)
            if counters is not None and credentials.mechanism == codes.MECHANISM_GMAC:
                counters.accepted()

    def _aarq(self, authentication: bytes) -> bytes:
        credentials = self.credentials
        proposal = self.proposal
        if not credentials.ciphered:
            proposal -= {"general-protection"}
        request = initiate.InitiateRequest(
            proposal, self.max_pdu, credentials.dedicated_key if credentials.ciphered else b""
        ).encode()
        return acse.Aarq(
            self._context_name(),
            credentials.mechanism,
            authentication if credentials.mechanism else None,
            self._seal(request, initiating=True),
            credentials.title if credentials.titled else b"",
        ).encode()

    def _context_name(self) -> int:
        if self.credentials.ciphered:
            return codes.SN_CIPHERED if self.short_names else codes.LN_CIPHERED
        return codes.SN if self.short_names else codes.LN

    def _accept_limits(self, user_information: bytes) -> None:
        if not user_information:
            self._assume_limits()
            return
        response = initiate.decode(self._unseal(user_information))
        if not isinstance(response, initiate.InitiateResponse):
            raise ProtocolError("the meter answers an InitiateRequest with one of its own")
        # Some meters name all that they know, and what was not proposed is not agreed.
        self.granted = conformance.common(response.conformance, self.proposal)
        self.server_max_pdu = response.max_pdu

    def _assume_limits(self) -> None:
        """A meter that grants without a word about limits. Raises: DecodeError where that word is to be protected."""
        if self.ciphered:
            raise DecodeError("the AARE grants the association but says nothing of its limits")
        self.granted = self.proposal - {"general-block-transfer", "general-protection"}

    def _challenge(self) -> bytes:
        random_bytes = self.memory.random_bytes
        if random_bytes is None:
            raise SecurityError("no source of random numbers: high-level security cannot make a challenge")
        ecdsa = self.credentials.mechanism == codes.MECHANISM_ECDSA
        return random_bytes(ECDSA_CHALLENGE_SIZE if ecdsa else CHALLENGE_SIZE)

    def release(self) -> Conversation:
        """RLRQ and RLRE; a meter that does not know them is left all the same. Returns: False where it stays silent."""
        if not self.open:
            return True
        self.open = False
        try:
            yield from self._exchange(acse.Rlrq(0).encode(), lambda tag: tag == codes.RLRE)
        except (PortGone, Aborted):
            raise
        except MeterdError as error:
            return not isinstance(error, Silence)
        return True

    def announce_release(self) -> Conversation:
        """RLRQ to a meter known not to answer it: an answer after all is passed over by whoever listens next."""
        if self.open:
            self.open = False
            yield Send(self.link.shortcut.carry(acse.Rlrq(0).encode()))

    # Requests

    def request(self, apdu: bytes, expected: int, invoke: int | None = None, heard: Any = None) -> Conversation:
        """Send one xDLMS APDU; the plain APDU with tag `expected` (and that invoke id) that answers it.

        `heard` is what came where the link's shortcut has sent the APDU already.

        Raises: Refused for ExceptionResponse and ConfirmedServiceError, SecurityError, DecodeError, ProtocolError,
        LineError.
        """
        if self.ciphered:
            apdu = self._seal(apdu)
        answer = yield from self.link.request(apdu, heard)
        if self.link.shortcut.pairs:
            invoke = None
        strays = _Strays()
        while True:
            if answer[:1] == _GENERAL_BLOCK:
                from .links.general_blocks import collect

                answer = yield from collect(self.link, answer)
            plain = self._opened(answer, strays)
            if plain and plain[0] == expected and (invoke is None or _same_invoke(plain, invoke)):
                return plain
            refusals.raise_refusal(plain)
            answer = yield from self._behind(answer, plain, strays)

    def _opened(self, answer: bytes, strays: _Strays) -> bytes:
        """The plain APDU; b"" where it is a push under a key that is not the association's. Raises: SecurityError."""
        # Meters notify in clear whatever the association demands, and what is passed over needs no proof.
        if not self.ciphered or answer[:1] in codes.UNSOLICITED:
            return answer
        try:
            return self._unseal(answer)
        except (SecurityError, DecodeError) as error:
            if answer[:1] not in codes.GENERAL_FORMS:
                raise
            strays.unread = strays.unread or error
            return b""

    def _exchange(self, apdu: bytes, expects: Callable[[int], bool]) -> Conversation:
        """Send one ACSE APDU; the one that answers it. Raises: Refused, ProtocolError, LineError."""
        answer = yield from self.link.request(apdu)
        strays = _Strays()
        while answer and not expects(answer[0]):
            refusals.raise_refusal(answer)
            answer = yield from self._behind(answer, answer, strays)
        return answer

    def _behind(self, stray: bytes, plain: bytes, strays: _Strays) -> Conversation:
        """What follows an APDU that is no answer: it came unasked, or where nothing is numbered too late.

        Raises: SecurityError, DecodeError where nothing follows one that could not be read: it was the answer.
        """
        unasked = plain[:1] in codes.UNSOLICITED or stray[:1] in codes.GENERAL_FORMS
        if self.link.numbered and not unasked:
            raise ProtocolError("the meter answers something else than it was asked")
        strays.count(unasked)
        try:
            return (yield from self.link.another())
        except (Silence, Garbled):
            if strays.unread is not None:
                raise strays.unread from None
            raise

    # Sealing

    def _seal(self, apdu: bytes, initiating: bool = False) -> bytes:
        if self.security is None or not self.ciphered:
            return apdu
        dedicated = bool(self.credentials.dedicated_key) and not initiating
        sealed: bytes = self.security.protect(apdu, dedicated=dedicated, general=self.credentials.general)
        return sealed

    def _unseal(self, apdu: bytes) -> bytes:
        if self.security is None or not self.ciphered:
            return apdu
        plain: bytes = self.security.unprotect(apdu)
        return plain


def _same_invoke(plain: bytes, invoke: int) -> bool:
    """Whether an APDU has that invoke id; meters set the other bits of the octet as they like."""
    return len(plain) > 2 and not (plain[2] ^ invoke) & INVOKE_ID_MASK


_GENERAL_BLOCK = bytes((codes.GENERAL_BLOCK_TRANSFER,))
