"""The last two passes of high-level security: f(StoC) goes to the meter, f(CtoS) comes back (Green Book 9.2.2.2.2.4).

The problem: the proof is the parameter of a method, reply_to_HLS_authentication, of the association's own object: under
logical names of Association LN (class 15), under short names at a fixed offset from Association SN.
The dirt: meters that know the present association only under the object of its client, 0.0.40.0.1.255 and on, though
0.0.40.0.0.255 stands for the present one always. What took the proof is remembered.
"""

from __future__ import annotations

from ...errors import ProtocolError, Refused, SecurityError
from . import enumerations as codes
from .apdus import refusals
from .apdus.encode import encode
from .invocation import invoke_method
from .security.hls import Hls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from ...conversation import Conversation
    from .apdus.acse import Aare
    from .apdus.action import ActionResult
    from .invocation import Requester
    from .security.context import SecurityContext
    from .settings import Credentials

    class Claimant(Requester, Protocol):
        """An association, as far as it is proven."""

        credentials: Credentials
        security: SecurityContext | None
        short_names: bool
        object_name: bytes
        fixed_object: bytes

        def took_proof(self, object_name: bytes) -> None:
            """Which object it was that took the proof."""


METHOD_SELECTOR = 1
# Association objects that are tried, 0.0.40.0.0.255 among them.
MAX_OBJECTS = 16
_WHAT = "reply to HLS authentication"


def prove(association: Claimant, challenge: bytes, aare: Aare) -> Conversation:
    """Prove the client, and hold the meter's answer against `challenge`. Raises: SecurityError, Refused; LineError."""
    credentials = association.credentials
    proof = Hls(
        credentials.mechanism,
        credentials.title,
        credentials.meter_title or aare.responding_title,
        challenge,
        aare.authentication or b"",
        secret=credentials.secret,
        security=association.security,
        private_key=credentials.private_key,
        peer_key=credentials.peer_key,
    )
    answer = yield from (_by_short_name if association.short_names else _by_logical_name)(association, proof)
    if not isinstance(answer, bytes):
        raise SecurityError("the meter does not prove that it knows the secret")
    try:
        proof.verify(answer)
    except SecurityError as error:
        error.reason = "auth"
        raise


def _reply(proof: Hls) -> bytes:
    """A reply of its own for each try: one that is made under a key has a counter, which is told once."""
    return encode(codes.OCTET_STRING, proof.reply())


def _objects(association: Claimant) -> Iterator[bytes]:
    """The logical names of the association object to try, the likeliest first."""
    yield association.object_name
    if not association.fixed_object:
        for number in range(MAX_OBJECTS):
            name = bytes((0, 0, 40, 0, number, 255))
            if name != association.object_name:
                yield name


def _by_logical_name(association: Claimant, proof: Hls) -> Conversation:
    code = 0
    for name in _objects(association):
        method = (codes.ASSOCIATION_LN, name, codes.REPLY_TO_HLS)
        result: ActionResult = yield from invoke_method(association, method, _reply(proof))
        if not result.code:
            association.took_proof(name)
            return result.value
        code = code or result.code
        if result.code not in codes.NOT_FOUND:
            code = result.code
            break
    raise _refused(refusals.action_refused(code, _WHAT))


def _by_short_name(association: Claimant, proof: Hls) -> Conversation:
    from .apdus import read

    selection = bytes((METHOD_SELECTOR,)) + _reply(proof)
    apdu = read.request([read.parameterised(codes.SN_REPLY_TO_HLS, selection)])
    results = read.decode_response((yield from association.request(apdu, codes.READ_RESPONSE)))
    if not isinstance(results, list) or len(results) != 1:
        raise ProtocolError("the meter answers the proof with something else than one result")
    code, value = results[0]
    if code:
        raise _refused(refusals.access_refused(code, _WHAT))
    return value


def _refused(error: Refused) -> Refused:
    error.reason = "auth"
    return error
