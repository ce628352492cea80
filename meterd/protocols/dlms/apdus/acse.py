"""ACSE: AARQ, AARE, RLRQ, RLRE, by which an application association is opened and closed.

Sources: Green Book 9.4.2 to 9.4.5 and 9.5 (COSEMpdu), ISO/IEC 8650-1; coded in BER, definite lengths. Assumption: the
user information is an xDLMS APDU, perhaps ciphered, which this module does not open.
Dirt: fields in any order and unknown fields (skipped), lengths that lie, an AP-title whose inner tag is not 04 (the
Elgama reader's is 0A), authentication values as charstring or bitstring.
"""

from __future__ import annotations

from ....errors import DecodeError, Refused
from .. import enumerations as codes
from .apdu import Cursor, Record, octet_string
from .refusals import ProposalRefused, raise_refusal

# Context-specific tags. AARQ and AARE give some numbers different meanings.
_CONTEXT_NAME = 0xA1
_AARE_RESULT = 0xA2
_AARE_DIAGNOSTIC = 0xA3
_AARE_TITLE = 0xA4
_AARE_QUALIFIER = 0xA5
_AARE_ACSE_REQUIREMENTS = 0x88
_AARE_MECHANISM = 0x89
_AARE_AUTHENTICATION = 0xAA
_AARQ_CALLED_TITLE = 0xA2
_AARQ_TITLE = 0xA6
_AARQ_QUALIFIER = 0xA7
_AARQ_ACSE_REQUIREMENTS = 0x8A
_AARQ_MECHANISM = 0x8B
_AARQ_AUTHENTICATION = 0xAC
_USER_INFORMATION = 0xBE
_REASON = 0x80

_OCTET_STRING = 0x04
_INTEGER = 0x02
_OBJECT_IDENTIFIER = 0x06
_CHARSTRING = 0x80
# 2.16.756.5.8: the DLMS UA; .1 application contexts, .2 mechanisms.
_CONTEXT_OID = bytes((0x60, 0x85, 0x74, 0x05, 0x08, 0x01))
_MECHANISM_OID = bytes((0x60, 0x85, 0x74, 0x05, 0x08, 0x02))
# acse-requirements with its one bit set: authentication.
_AUTHENTICATION_REQUIRED = b"\x07\x80"


def _field(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + octet_string(content)


class Aarq(Record):
    """A request for an association.

    `context` 1 to 4 (see `enumerations`), `mechanism` 0 to 7; `authentication` the secret (Low) or the challenge
    (High…), None for no such field, empty bytes for an empty one; `user_information` an xDLMS InitiateRequest, plain
    or ciphered; `calling_title` the client's system title and `title_tag` the tag inside its field; `qualifier` the
    client's certificate for key agreement; `called_title` the meter's.
    """

    __slots__ = (
        "authentication",
        "called_title",
        "calling_title",
        "context",
        "mechanism",
        "qualifier",
        "title_tag",
        "user_information",
    )
    # A plain initiate request may carry the dedicated key.
    _hidden = ("authentication", "user_information")

    def __init__(
        self,
        context: int,
        mechanism: int = 0,
        authentication: bytes | None = None,
        user_information: bytes = b"",
        calling_title: bytes = b"",
        title_tag: int = _OCTET_STRING,
        qualifier: bytes = b"",
        called_title: bytes = b"",
    ) -> None:
        self.context = context
        self.mechanism = mechanism
        self.authentication = authentication
        self.user_information = user_information
        self.calling_title = calling_title
        self.title_tag = title_tag
        self.qualifier = qualifier
        self.called_title = called_title

    def encode(self) -> bytes:
        fields = _context_field(self.context)
        if self.called_title:
            fields += _field(_AARQ_CALLED_TITLE, _field(_OCTET_STRING, self.called_title))
        if self.calling_title:
            fields += _field(_AARQ_TITLE, _field(self.title_tag, self.calling_title))
        if self.qualifier:
            fields += _field(_AARQ_QUALIFIER, _field(_OCTET_STRING, self.qualifier))
        if self.mechanism:
            fields += _field(_AARQ_ACSE_REQUIREMENTS, _AUTHENTICATION_REQUIRED)
            fields += _field(_AARQ_MECHANISM, _MECHANISM_OID + bytes((self.mechanism,)))
        if self.authentication is not None:
            fields += _field(_AARQ_AUTHENTICATION, _field(_CHARSTRING, self.authentication))
        return _field(codes.AARQ, fields + _user_information(self.user_information))


class Aare(Record):
    """The answer to an AARQ.

    `result` 0 accepted, 1 rejected for good, 2 for now; `source` of the diagnostic: 1 ACSE service user, 2 provider;
    `diagnostic` the reason out of that source's table; `authentication` the meter's challenge; `responding_title` its
    system title. A High… association is accepted with diagnostic 14 until the challenges are answered.
    """

    __slots__ = (
        "authentication",
        "context",
        "diagnostic",
        "mechanism",
        "qualifier",
        "responding_title",
        "result",
        "source",
        "user_information",
    )

    def __init__(
        self,
        context: int,
        result: int = 0,
        source: int = codes.ACSE_SERVICE_USER,
        diagnostic: int = 0,
        mechanism: int = 0,
        authentication: bytes | None = None,
        user_information: bytes = b"",
        responding_title: bytes = b"",
        qualifier: bytes = b"",
    ) -> None:
        self.context = context
        self.result = result
        self.source = source
        self.diagnostic = diagnostic
        self.mechanism = mechanism
        self.authentication = authentication
        self.user_information = user_information
        self.responding_title = responding_title
        self.qualifier = qualifier

    def encode(self) -> bytes:
        fields = _context_field(self.context) + _field(_AARE_RESULT, _integer(self.result))
        # The source is the CHOICE's own tag: A1 user, A2 provider.
        fields += _field(_AARE_DIAGNOSTIC, _field(0xA0 | self.source, _integer(self.diagnostic)))
        if self.responding_title:
            fields += _field(_AARE_TITLE, _field(_OCTET_STRING, self.responding_title))
        if self.qualifier:
            fields += _field(_AARE_QUALIFIER, _field(_OCTET_STRING, self.qualifier))
        if self.mechanism:
            fields += _field(_AARE_ACSE_REQUIREMENTS, _AUTHENTICATION_REQUIRED)
            fields += _field(_AARE_MECHANISM, _MECHANISM_OID + bytes((self.mechanism,)))
        if self.authentication is not None:
            fields += _field(_AARE_AUTHENTICATION, _field(_CHARSTRING, self.authentication))
        return _field(codes.AARE, fields + _user_information(self.user_information))

    @property
    def accepted(self) -> bool:
        return self.result == 0

    def words(self) -> str:
        """Result and diagnostic, as the standard words them."""
        provider = self.source == codes.ACSE_SERVICE_PROVIDER
        table = codes.PROVIDER_DIAGNOSTICS if provider else codes.USER_DIAGNOSTICS
        result = codes.ASSOCIATION_RESULTS.get(self.result, f"association result {self.result}")
        diagnostic = table.get(self.diagnostic, f"diagnostic {self.diagnostic}")
        return f"{result}: {diagnostic} ({'service provider' if provider else 'service user'})"


class _Release(Record):
    """`reason` 0 normal, 1 urgent or not finished, 30 user defined, None for no such field."""

    __slots__ = ("reason", "user_information")
    tag = 0

    def __init__(self, reason: int | None = 0, user_information: bytes = b"") -> None:
        self.reason = reason
        self.user_information = user_information

    def encode(self) -> bytes:
        reason = b"" if self.reason is None else _field(_REASON, bytes((self.reason,)))
        return _field(self.tag, reason + _user_information(self.user_information))


class Rlrq(_Release):
    """A request to release the association."""

    __slots__ = ()
    tag = codes.RLRQ


class Rlre(_Release):
    """The answer to an RLRQ."""

    __slots__ = ()
    tag = codes.RLRE


# What to look at where a meter says why it lets nobody in (ACSE service user, its diagnostic).
TO_CHECK = {
    2: ": check type (LN or SN) and security",
    3: ": check client_address",
    7: ": check the meter's address",
    11: ": check auth",
    13: ": check password, and that it is this client_address's",
    14: ": set auth and password, or another client_address",
}


def check_accepted(aare: Aare) -> None:
    """Raises: Refused, in words; its reason is 'auth' where another secret or mechanism would help, it is a
    ProposalRefused where the meter says that another proposal would, or nothing at all.
    """
    if aare.accepted:
        return
    about_secrets = aare.source == codes.ACSE_SERVICE_USER and aare.diagnostic in codes.AUTHENTICATION_DIAGNOSTICS
    code = f"{aare.result}/{aare.source}/{aare.diagnostic}"
    why = _why(aare.user_information)
    check = TO_CHECK.get(aare.diagnostic, "") if aare.source == codes.ACSE_SERVICE_USER else ""
    message = f"association {aare.words()}{'; ' if why else ''}{why or ''}{check}"
    if isinstance(why, ProposalRefused):
        raise ProposalRefused(message, why.code)
    if why is not None and why.reason == "key":
        raise Refused(message, code, reason="key")
    kind = ProposalRefused if aare.diagnostic in codes.NO_REASON else Refused
    raise kind(message, code, reason="auth" if about_secrets else "refused")


def _why(user_information: bytes) -> Refused | None:
    """What a ConfirmedServiceError in the AARE adds to its diagnostic, which often is "no reason given"."""
    try:
        raise_refusal(user_information)
    except Refused as refusal:
        return refusal
    except DecodeError:
        pass
    return None


def decode(apdu: bytes) -> Aarq | Aare | Rlrq | Rlre:
    """Raises: DecodeError."""
    cursor = Cursor(apdu)
    tag = cursor.octet()
    fields = _fields(cursor.octet_string())
    cursor.end()
    if tag == codes.AARQ:
        return _aarq(fields)
    if tag == codes.AARE:
        return _aare(fields)
    if tag in (codes.RLRQ, codes.RLRE):
        reason = fields.get(_REASON)
        kind = Rlrq if tag == codes.RLRQ else Rlre
        return kind(None if reason is None else _to_integer(reason), _read_user_information(fields))
    raise DecodeError(f"APDU {tag:#04x} is none of ACSE's")


def _aarq(fields: dict[int, bytes]) -> Aarq:
    tag, title = _tagged(fields.get(_AARQ_TITLE), _OCTET_STRING)
    return Aarq(
        _context(fields),
        _mechanism(fields.get(_AARQ_MECHANISM)),
        _authentication(fields.get(_AARQ_AUTHENTICATION)),
        _read_user_information(fields),
        title,
        tag,
        _tagged(fields.get(_AARQ_QUALIFIER))[1],
        _tagged(fields.get(_AARQ_CALLED_TITLE))[1],
    )


def _aare(fields: dict[int, bytes]) -> Aare:
    if _AARE_RESULT not in fields or _AARE_DIAGNOSTIC not in fields:
        raise DecodeError("an AARE tells its result and a diagnostic")
    source, diagnostic = _tagged(fields[_AARE_DIAGNOSTIC])
    if source not in (0xA1, 0xA2):
        raise DecodeError(f"diagnostic source {source:#04x} is not known")
    return Aare(
        _context(fields),
        _to_integer(_inner(fields[_AARE_RESULT], _INTEGER)),
        source & 0x0F,
        _to_integer(_inner(diagnostic, _INTEGER)),
        _mechanism(fields.get(_AARE_MECHANISM)),
        _authentication(fields.get(_AARE_AUTHENTICATION)),
        _read_user_information(fields),
        _tagged(fields.get(_AARE_TITLE))[1],
        _tagged(fields.get(_AARE_QUALIFIER))[1],
    )


def _fields(content: bytes) -> dict[int, bytes]:
    """{tag: content}; a tag that comes twice is as broken as one cut off."""
    fields: dict[int, bytes] = {}
    cursor = Cursor(content)
    while cursor.offset < len(content):
        tag = cursor.octet()
        if tag in fields:
            raise DecodeError(f"field {tag:#04x} comes twice")
        fields[tag] = cursor.octet_string()
    return fields


def _tagged(content: bytes | None, absent: int = 0) -> tuple[int, bytes]:
    """The one tag and content that a field holds; `absent` and nothing where the field is not there."""
    if content is None:
        return absent, b""
    cursor = Cursor(content)
    tag = cursor.octet()
    inner = cursor.octet_string()
    cursor.end()
    return tag, inner


def _inner(content: bytes, expected: int) -> bytes:
    tag, inner = _tagged(content)
    if tag != expected:
        raise DecodeError(f"tag {expected:#04x} expected, {tag:#04x} came")
    return inner


def _integer(number: int) -> bytes:
    return bytes((_INTEGER, 1, number))


def _to_integer(content: bytes) -> int:
    if not 1 <= len(content) <= 4:
        raise DecodeError(f"an integer of {len(content)} octets")
    return int.from_bytes(content, "big")


def _context_field(context: int) -> bytes:
    return _field(_CONTEXT_NAME, _field(_OBJECT_IDENTIFIER, _CONTEXT_OID + bytes((context,))))


def _context(fields: dict[int, bytes]) -> int:
    if _CONTEXT_NAME not in fields:
        raise DecodeError("the application context name is missing")
    return _last_arc(_inner(fields[_CONTEXT_NAME], _OBJECT_IDENTIFIER), _CONTEXT_OID)


def _mechanism(content: bytes | None) -> int:
    return 0 if content is None else _last_arc(content, _MECHANISM_OID)


def _last_arc(identifier: bytes, root: bytes) -> int:
    if len(identifier) != len(root) + 1 or not identifier.startswith(root):
        raise DecodeError(f"object identifier {identifier.hex()} is not one of DLMS's")
    return identifier[-1]


def _authentication(content: bytes | None) -> bytes | None:
    if content is None:
        return None
    tag, value = _tagged(content)
    if tag not in (0x80, 0x81):
        raise DecodeError(f"authentication value {tag:#04x} is neither charstring nor bitstring")
    # A bitstring begins with the number of its unused bits.
    return value if tag == _CHARSTRING else value[1:]


def _user_information(apdu: bytes) -> bytes:
    return _field(_USER_INFORMATION, _field(_OCTET_STRING, apdu)) if apdu else b""


def _read_user_information(fields: dict[int, bytes]) -> bytes:
    content = fields.get(_USER_INFORMATION)
    return b"" if content is None else _inner(content, _OCTET_STRING)
