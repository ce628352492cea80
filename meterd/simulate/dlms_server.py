"""The application of the simulated DLMS meter: associations, services, protection, from APDU to APDU.

Everything that a meter may leave out is an option, so that every fallback of a client can be tried. What is long is
cut into blocks the way that the association allows. Challenges are made from a running number: the simulated meter has
no source of randomness, and protects nothing. What a gateway has in a package of its own, the security of DLMS, is
imported for a meter that has keys.
"""

from __future__ import annotations

from .._axdr import decode_whole
from ..errors import MeterdError, Refused, SecurityError
from ..protocols.dlms import enumerations as codes
from ..protocols.dlms.apdus import acse, action, block_transfer, conformance, get_server, initiate, read, refusals
from ..protocols.dlms.apdus.encode import encode
from ..protocols.dlms.association import ASSOCIATION_LN
from ..protocols.dlms.naming import attribute_name
from .dlms_blocks import Blocks
from .dlms_objects import OBJECT_UNDEFINED, OTHER_REASON, READ_WRITE_DENIED, MeterObject, ObjectTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..counter import Counter
    from ..protocols.dlms.security.context import SecurityContext
    from ..protocols.dlms.security.hls import Hls
    from ..protocols.dlms.security.keys import PrivateKey, PublicKey

PUBLIC_CLIENT = 16
CHALLENGE_SIZE = 32
SERVICE_NOT_ALLOWED, SERVICE_UNKNOWN = 1, 2
OPERATION_NOT_POSSIBLE, SERVICE_NOT_SUPPORTED, PDU_TOO_LONG, DECIPHERING_ERROR = 1, 2, 4, 5
CONTEXT_NOT_SUPPORTED, MECHANISM_NOT_RECOGNISED, AUTHENTICATION_FAILURE = 2, 11, 13
SEALING_OVERHEAD = 40
BLOCK_HEAD = 16
BLOCK_NUMBER_INVALID = 19


class Policy:
    """What the meter demands and offers; the options of `meterd.simulate.dlms.meter` under their own names."""

    def __init__(self) -> None:
        self.mechanism = codes.MECHANISM_NONE
        self.secret = b""
        self.suite = 0
        self.authenticate = self.encrypt = False
        self.title = b"SIM\x00\x00\x00\x00\x01"
        self.encryption_key = self.authentication_key = b""
        self.private_key: PrivateKey | None = None
        self.client_key: PublicKey | None = None
        self.features: frozenset[str] = conformance.LN_READER | conformance.SN_READER
        self.max_pdu = 0xFFFF
        self.lists = "yes"
        self.short_names: bool | None = None

    @property
    def ciphered(self) -> bool:
        return self.authenticate or self.encrypt


class Shared:
    """What all clients and connections of one meter see: its objects, its counters, what it has granted."""

    def __init__(self, policy: Policy, table: ObjectTable) -> None:
        self.policy = policy
        self.table = table
        self.counters: Counter | None = None  # a meter without keys has none
        self.peer_counter = 0
        self.challenges = 0

    def challenge(self) -> bytes:
        self.challenges += 1
        return self.challenges.to_bytes(CHALLENGE_SIZE, "big").replace(b"\x00", b"S")

    def security(self, client_title: bytes) -> SecurityContext:
        """The keys of the policy, the counters where they have got to."""
        from ..counter import Counter
        from ..protocols.dlms.security.context import SecurityContext

        policy = self.policy
        self.counters = self.counters or Counter(1)
        return SecurityContext(
            policy.title, policy.encryption_key, policy.authentication_key, suite=policy.suite,
            authenticate=policy.authenticate, encrypt=policy.encrypt, peer_title=client_title, counter=self.counters,
            peer_counter=self.peer_counter,
        )  # fmt: skip


class ServerAssociation:
    """One client's association: closed until an AARQ is accepted."""

    def __init__(self, shared: Shared, client: int) -> None:
        self.shared = shared
        self.client = client
        self.open = False
        self.proven = False
        self.short_names = False
        self.granted: frozenset[str] = frozenset()
        self.max_pdu = 0xFFFF
        self.security: SecurityContext | None = None
        self._proof: Hls | None = None
        self._ciphered = self._dedicated = self._general = False
        self._blocks = Blocks()
        self._method: tuple[int, bytes, int] | None = None  # whose parameters come in blocks

    @property
    def public(self) -> bool:
        """Whether this client sees only what everybody may see."""
        policy = self.shared.policy
        return self.client == PUBLIC_CLIENT and (policy.mechanism > 0 or policy.ciphered)

    def answer(self, apdu: bytes) -> bytes:
        """The answer to one APDU, b'' for none."""
        try:
            if apdu[:1] == bytes((codes.AARQ,)):
                return self._associate(acse.decode(apdu))
            if apdu[:1] == bytes((codes.RLRQ,)):
                self.open = False
                return acse.Rlre(0).encode()
            if not self.open:
                return refusals.exception_response(SERVICE_NOT_ALLOWED, OPERATION_NOT_POSSIBLE)
            if block_transfer.is_general_block(apdu):
                return self._next_general_block(block_transfer.decode(apdu).acknowledged)
            if len(apdu) > self.shared.policy.max_pdu:
                return refusals.exception_response(SERVICE_NOT_ALLOWED, PDU_TOO_LONG)
            return self._long(self._protected(apdu))
        except SecurityError:
            return refusals.exception_response(SERVICE_NOT_ALLOWED, DECIPHERING_ERROR)
        except MeterdError:
            return refusals.exception_response(SERVICE_UNKNOWN, SERVICE_NOT_SUPPORTED)

    # Association

    def _associate(self, aarq: Any) -> bytes:
        policy = self.shared.policy
        self.open = self.proven = False
        ciphered = aarq.context in (codes.LN_CIPHERED, codes.SN_CIPHERED)
        self.short_names = aarq.context in (codes.SN, codes.SN_CIPHERED)
        wrong_names = policy.short_names not in (None, self.short_names)
        if wrong_names or ciphered != (policy.ciphered and not self.public):
            return self._rejected(aarq, CONTEXT_NOT_SUPPORTED)
        mechanism = codes.MECHANISM_NONE if self.public else policy.mechanism
        if aarq.mechanism != mechanism:
            return self._rejected(aarq, MECHANISM_NOT_RECOGNISED)
        if mechanism == codes.MECHANISM_LOW and aarq.authentication != policy.secret:
            return self._rejected(aarq, AUTHENTICATION_FAILURE)
        self._begin_security(aarq, ciphered)
        information = aarq.user_information
        request: Any = initiate.decode(self._open(information) if ciphered else information)
        return self._accepted(aarq, request, mechanism)

    def _begin_security(self, aarq: Any, ciphered: bool) -> None:
        self._ciphered, self._dedicated, self._general = ciphered, False, False
        keyed = self.shared.policy.encryption_key and (ciphered or aarq.mechanism == codes.MECHANISM_GMAC)
        self.security = self.shared.security(aarq.calling_title) if keyed else None

    def _accepted(self, aarq: Any, request: Any, mechanism: int) -> bytes:
        policy = self.shared.policy
        self.granted = request.conformance & policy.features
        self.max_pdu = request.max_pdu or 0xFFFF
        self.open = True
        high = mechanism > codes.MECHANISM_LOW
        self.proven = not high
        challenge = self.shared.challenge() if high else None
        if challenge is not None:
            from ..protocols.dlms.security.hls import Hls

            self._proof = Hls(
                mechanism, policy.title, aarq.calling_title, challenge, aarq.authentication or b"",
                secret=policy.secret, security=self.security, private_key=policy.private_key,
                peer_key=policy.client_key,
            )  # fmt: skip
        name = codes.SN_VAA_NAME if self.short_names else codes.LN_VAA_NAME
        response = initiate.InitiateResponse(self.granted, policy.max_pdu, name).encode()
        information = self._seal(response)
        if self.security is not None and request.dedicated_key:
            self.security.dedicated_key = request.dedicated_key
        diagnostic = codes.DIAGNOSTIC_AUTHENTICATION_REQUIRED if high else 0
        title = policy.title if aarq.calling_title else b""
        return acse.Aare(
            aarq.context, 0, codes.ACSE_SERVICE_USER, diagnostic, mechanism if high else 0, challenge, information,
            title,
        ).encode()  # fmt: skip

    def _rejected(self, aarq: Any, diagnostic: int) -> bytes:
        return acse.Aare(aarq.context, 1, codes.ACSE_SERVICE_USER, diagnostic).encode()

    # Protection

    def _open(self, apdu: bytes) -> bytes:
        if self.security is None:
            raise SecurityError("no keys")
        plain = self.security.unprotect(apdu)
        self.shared.peer_counter = self.security.peer_counter
        return plain

    def _seal(self, apdu: bytes) -> bytes:
        if not self._ciphered or self.security is None:
            return apdu
        return self.security.protect(apdu, dedicated=self._dedicated, general=self._general)

    def _protected(self, apdu: bytes) -> bytes:
        """Answer a service in the protection that it came in."""
        if not self._ciphered:
            return self._serve(apdu)
        from ..protocols.dlms.security.context import is_ciphered

        if not is_ciphered(apdu):
            raise SecurityError("the protection is not that of the association")
        self._general = apdu[0] in (codes.GENERAL_GLO_CIPHERING, codes.GENERAL_DED_CIPHERING)
        self._dedicated = 0xD0 <= apdu[0] <= 0xD7 or apdu[0] == codes.GENERAL_DED_CIPHERING or 0x41 <= apdu[0] <= 0x4E
        return self._seal(self._serve(self._open(apdu)))

    # Services

    def _serve(self, apdu: bytes) -> bytes:
        tag = apdu[:1]
        if tag == bytes((codes.GET_REQUEST,)) and not self.short_names:
            return self._get(get_server.decode_request(apdu))
        if tag == bytes((codes.ACTION_REQUEST,)) and not self.short_names:
            return self._action(action.decode_request(apdu))
        if tag == bytes((codes.READ_REQUEST,)) and self.short_names:
            return self._read(read.decode_request(apdu))
        if tag == bytes((codes.WRITE_REQUEST,)) and self.short_names:
            return self._write(read.decode_write_request(apdu))
        raise Refused("no such service")

    def _room(self) -> int:
        """Octets of raw data that fit into one block."""
        sealing = SEALING_OVERHEAD if self._ciphered else 0
        return max(self.max_pdu - BLOCK_HEAD - sealing, 1)

    def _fits(self, apdu: bytes) -> bool:
        return len(apdu) + (SEALING_OVERHEAD if self._ciphered else 0) <= self.max_pdu

    def _cuts(self) -> bool:
        """Whether long answers are cut by the service's own block transfer, general block transfer coming first."""
        return "block-transfer-with-get-or-read" in self.granted and "general-block-transfer" not in self.granted

    def _get(self, request: Any) -> bytes:
        if isinstance(request, get_server.GetNext):
            return self._next_get_block(request.invoke, request.block)
        if isinstance(request, get_server.GetWithList):
            if self.shared.policy.lists == "silent":
                return b""
            if self.shared.policy.lists == "refused" or "multiple-references" not in self.granted:
                raise Refused("no lists here")
            results = [self._attribute(entry) for entry in request.attributes]
            whole = get_server.response_with_list(request.invoke, results)
            raw = get_server.result_list(results)
        else:
            code, data = self._attribute(request.attribute)
            whole, raw = get_server.response_normal(request.invoke, data, code), data
        if self._fits(whole) or not self._cuts():
            return whole if self._fits(whole) or self._general_allowed() else get_server.response_normal(
                request.invoke, b"", OTHER_REASON
            )  # fmt: skip
        self._blocks.begin(raw)
        return self._next_get_block(request.invoke, 0)

    def _general_allowed(self) -> bool:
        return "general-block-transfer" in self.granted

    def _next_get_block(self, invoke: int, block: int) -> bytes:
        piece = self._blocks.next(block, self._room())
        return get_server.response_block(invoke, *piece or (True, block, b"", BLOCK_NUMBER_INVALID))

    def _attribute(self, wanted: get_server.Attribute) -> tuple[int, bytes]:
        if not self.proven:
            return (READ_WRITE_DENIED, b"")
        if wanted.logical_name == ASSOCIATION_LN and wanted.class_id == codes.ASSOCIATION_LN:
            return self._association_attribute(wanted.attribute, self.shared.table.logical_list)
        found = self.shared.table.by_logical_name(wanted.class_id, wanted.logical_name, self.public)
        return found.read(wanted.attribute, wanted.selection) if isinstance(found, MeterObject) else (found, b"")

    def _association_attribute(self, attribute: int, object_list: Any) -> tuple[int, bytes]:
        if attribute == 1:
            return (0, encode(codes.OCTET_STRING, ASSOCIATION_LN))
        if attribute == 2:
            return (0, object_list(self.public)) if self.shared.table.listed else (READ_WRITE_DENIED, b"")
        return (OBJECT_UNDEFINED, b"")

    def _action(self, request: Any) -> bytes:
        if isinstance(request, action.ActionNext):
            return self._next_action_block(request.invoke, request.block)
        if isinstance(request, action.ActionBlock):
            return self._take_action_block(request)
        target = (request.class_id, request.logical_name, request.method)
        return self._invoke(request.invoke, target, request.parameters)

    def _take_action_block(self, request: action.ActionBlock) -> bytes:
        if "block-transfer-with-action" not in self.granted:
            raise Refused("no blocks here")
        if request.target is not None:
            self._method = request.target
            self._blocks.begin()
        if request.block != self._blocks.number + 1 or self._method is None:
            raise Refused("a block is missing")
        self._blocks.raw += request.raw
        self._blocks.number += 1
        if not request.last:
            return action.response_next(request.invoke, request.block)
        target, self._method = self._method, None
        return self._invoke(request.invoke, target, self._blocks.raw)

    def _invoke(self, invoke: int, target: tuple[int, bytes, int], parameters: bytes) -> bytes:
        if target != (codes.ASSOCIATION_LN, ASSOCIATION_LN, codes.REPLY_TO_HLS):
            raise Refused("no such method")
        code, data = self._prove(decode_whole(parameters))
        answer = None if code else data
        whole = action.response_normal(invoke, code, answer)
        if self._fits(whole) or "block-transfer-with-action" not in self.granted or self._general_allowed():
            return whole
        self._blocks.begin(action.result(code, answer))
        return self._next_action_block(invoke, 0)

    def _next_action_block(self, invoke: int, block: int) -> bytes:
        piece = self._blocks.next(block, self._room())
        if piece is None:
            raise Refused("there is no such block")
        return action.response_block(invoke, *piece)

    def _prove(self, reply: Any) -> tuple[int, bytes]:
        """Pass 3 and 4 of high-level security: (0, encoded f of the client's challenge) or (code, b'')."""
        if self._proof is None or not isinstance(reply, bytes):
            return (READ_WRITE_DENIED, b"")
        try:
            self._proof.verify(reply)
        except SecurityError:
            return (READ_WRITE_DENIED, b"")
        self.proven = True
        return (0, encode(codes.OCTET_STRING, self._proof.reply()))

    def _read(self, request: list[Any]) -> bytes:
        if isinstance(request[0], read.BlockAccess):
            return self._next_read_block(request[0].block)
        if len(request) > 1:
            if self.shared.policy.lists == "silent":
                return b""
            if self.shared.policy.lists == "refused" or "multiple-references" not in self.granted:
                raise Refused("no lists here")
        results = [self._short(entry) for entry in request]
        whole = read.response(results)
        if self._fits(whole) or self._general_allowed():
            return whole
        if not self._cuts():
            return read.response([(OTHER_REASON, b"")] * len(request))
        self._blocks.begin(read.result_list(results))
        return self._next_read_block(0)

    def _next_read_block(self, block: int) -> bytes:
        piece = self._blocks.next(block, self._room())
        return read.response([(BLOCK_NUMBER_INVALID, b"")]) if piece is None else read.response_block(*piece)

    def _short(self, wanted: Any) -> tuple[int, bytes]:
        if wanted.name == codes.SN_REPLY_TO_HLS and isinstance(wanted, read.Parameterised):
            return self._prove(decode_whole(wanted.selection, 1))
        if not self.proven:
            return (READ_WRITE_DENIED, b"")
        for attribute in (1, 2):
            if wanted.name == attribute_name(codes.SN_ASSOCIATION, attribute):
                return self._association_attribute(attribute, self.shared.table.short_list)
        found = self.shared.table.by_short_name(wanted.name, self.public)
        if found is None:
            return (OBJECT_UNDEFINED, b"")
        return found[0].read(found[1], wanted.selection if isinstance(wanted, read.Parameterised) else b"")

    def _write(self, request: list[tuple[Any, bytes]]) -> bytes:
        """Clients that write the HLS reply instead of reading with a parameter get no proof back, but are let in."""
        return read.write_response([
            self._prove(decode_whole(data))[0] if wanted.name == codes.SN_REPLY_TO_HLS else READ_WRITE_DENIED
            for wanted, data in request
        ])  # fmt: skip

    # General block transfer

    def _long(self, apdu: bytes) -> bytes:
        if len(apdu) <= self.max_pdu or not self._general_allowed():
            return apdu
        self._blocks.begin(apdu)
        return self._next_general_block(0)

    def _next_general_block(self, acknowledged: int) -> bytes:
        piece = self._blocks.next(acknowledged, max(self.max_pdu - BLOCK_HEAD, 1))
        if piece is None:
            raise Refused("a block is missing")
        return block_transfer.GeneralBlock(piece[0], False, 1, piece[1], acknowledged, piece[2]).encode()
