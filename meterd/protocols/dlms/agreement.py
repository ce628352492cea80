"""Which services an association is proposed: the usual ones, or those that older meters know.

The problem: a client names in its AARQ what it would use, and the meter grants what it knows of that (Green Book
9.4.6.1). The dirt: meters that refuse the association because of a bit that they take for reserved, in so many words,
without a reason, or by saying nothing. What a meter has taken is remembered.
"""

from __future__ import annotations

from ...errors import Disconnected, Garbled, Silence
from . import enumerations as codes
from .apdus import conformance
from .apdus.refusals import ProposalRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from ...conversation import Conversation
    from .memory import DlmsMemory
    from .settings import Credentials, Settings

    class Opener(Protocol):
        """A session, as far as an association is opened by it."""

        association: Any
        settings: Settings
        memory: DlmsMemory

        def propose(self, client: int, credentials: Credentials, proposal: frozenset[str]) -> Conversation:
            """A link and an association on it."""

        def leave(self) -> Conversation:
            """The end of both."""


FULL, OLDER = "full", "older"
# ConfirmedServiceErrors to an InitiateRequest that speak of the proposal: version, conformance, PDU size.
TOLD = ("1/6/1", "1/6/2", "1/6/3")


def agree(session: Opener, client: int, credentials: Credentials) -> Conversation:
    """An association on one of the two proposals, the one that the meter is known to take or else the usual one first.

    A meter that refuses what it is proposed, or gives no reason, is offered the other, once. Where a password went out
    and no reason was given it is not: some meters lock up after a few wrong ones.

    Raises: what `propose` raises.
    """
    memory = session.memory
    older = memory.proposal == OLDER or (memory.older_next and not memory.proposal)
    short_names = session.settings.short_names
    try:
        yield from session.propose(client, credentials, _proposal(short_names, older))
    except ProposalRefused as error:
        if not _may_try_the_other(memory, credentials, error):
            raise
        yield from session.leave()
        older = memory.older_next = not older
        yield from session.propose(client, credentials, _proposal(short_names, older))
    except (Silence, Garbled, Disconnected):
        # Nothing is said of why; what is new in the proposal may be all that the meter stumbles over.
        memory.older_next = session.association is not None and not older
        raise
    _remember(memory, OLDER if older else FULL)


def _proposal(short_names: bool, older: bool) -> frozenset[str]:
    usual = conformance.SN_READER if short_names else conformance.LN_READER
    return usual - conformance.NEWER if older else usual


def _may_try_the_other(memory: DlmsMemory, credentials: Credentials, error: ProposalRefused) -> bool:
    if error.code in TOLD:
        return True
    return not memory.proposal and not memory.older_next and credentials.mechanism == codes.MECHANISM_NONE


def _remember(memory: DlmsMemory, name: str) -> None:
    if memory.proposal != name:
        known, memory.proposal = memory.proposal, name
        if known or name == OLDER:
            memory.save(lore=True)
