"""Ciphered APDUs: security control, counter, and with a key what is inside (Green Book 9.2.3, 9.2.7).

A text is only told as authentic where the tag proved right. Without the authentication key it is deciphered all the
same, and said not to be proved. The initialisation vector begins with the sender's title: that of the message, else
each that was heard or given is tried.
"""

from __future__ import annotations

from ..errors import SecurityError
from ..protocols.dlms import enumerations as codes
from . import cosem
from .acse import title_words
from .page import TITLE, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .known import Known

    Inside = Callable[[Walk, Known], None]

GENERAL = {codes.GENERAL_GLO_CIPHERING: "general-glo-ciphering", codes.GENERAL_DED_CIPHERING: "general-ded-ciphering"}
SERVICES = {
    0x01: "initiate-request", 0x05: "read-request", 0x06: "write-request", 0x08: "initiate-response",
    0x0C: "read-response", 0x0D: "write-response", 0x0E: "confirmed-service-error", 0x16: "unconfirmed-write",
    0x18: "information-report", 0xC0: "get-request", 0xC1: "set-request", 0xC2: "event-notification",
    0xC3: "action-request", 0xC4: "get-response", 0xC5: "set-response", 0xC7: "action-response",
}  # fmt: skip
GLO = {(0x20 | tag if tag < 0x20 else tag + 8): name for tag, name in SERVICES.items()}
DED = {(0x40 | tag if tag < 0x20 else tag + 16): name for tag, name in SERVICES.items()}
CONTROLS = ((0x10, "authenticated"), (0x20, "encrypted"), (0x40, "under the broadcast key"), (0x80, "compressed"))
TAG = 12
HEAD = 5


def is_ciphered(tag: int) -> bool:
    return tag in GLO or tag in DED or tag in GENERAL or tag == codes.GENERAL_CIPHERING


def explain(walk: Walk, known: Known, inside: Inside) -> None:
    tag = walk.look(1)[0]
    name = GENERAL.get(tag) or (f"glo-{GLO[tag]}" if tag in GLO else f"ded-{DED[tag]}" if tag in DED else "")
    name = name or "general-ciphering"
    walk.page.title(name)
    dedicated = tag in DED or tag == codes.GENERAL_DED_CIPHERING
    walk.take(1, f"{name} (Green Book 9.2.7)")
    titles = known.titles
    if tag in GENERAL:
        title = _octets(walk, "system title", title_words)
        titles = [title] if len(title) == 8 else titles
        known.heard_title(title)
    elif tag == codes.GENERAL_CIPHERING:
        titles = _general(walk)
    size = cosem.length(walk, "{} bytes are protected")
    walk.part(size, "", lambda inner: _sealed(inner, known, titles, dedicated, inside))


def _general(walk: Walk) -> list[bytes]:
    """The head of general-ciphering: who to whom, when, under which key. Raises: CutShort."""
    _octets(walk, "transaction", bytes.hex)
    title = _octets(walk, "originator's system title", title_words)
    _octets(walk, "recipient's system title", title_words)
    _octets(walk, "date and time", cosem.text_of)
    _octets(walk, "other information", bytes.hex)
    if walk.take(1, lambda found: f"key information: {'follows' if found[0] else 'none'}")[0]:
        kind = walk.take(1, lambda found: {0: "an identified key", 1: "a wrapped key", 2: "an agreed key"}.get(
            found[0], "a kind of key of no table"))[0]  # fmt: skip
        if kind:
            walk.number(1, "key {}" if kind == 1 else "of {} bytes")
            if kind == 1:
                walk.secret(cosem.length(walk, "{} bytes"), "the wrapped key")
            else:
                walk.take(walk.data[walk.at - 1], "parameters of the agreement")
                _octets(walk, "ciphered key data", bytes.hex)
        else:
            walk.number(1, "key {}")
    return [title]


def _octets(walk: Walk, what: str, words: Callable[[bytes], str]) -> bytes:
    size = cosem.length(walk, f"{what} of {{}} bytes")
    kind = TITLE if "title" in what else ""
    return walk.take(size, lambda found: f"{what}: {words(found)}", kind=kind) if size else b""


def _sealed(walk: Walk, known: Known, titles: list[bytes], dedicated: bool, inside: Inside) -> None:
    control = walk.take(1, _control)[0]
    counter = walk.take(4, lambda found: f"invocation counter {int.from_bytes(found, 'big')}")
    size = TAG if control & 0x10 else 0
    body = walk.look(max(walk.left - size, 0))
    encrypted = bool(control & 0x20)
    tag = walk.look(size, len(body))
    plain, verdict = (None, "") if encrypted else (body, "")
    key = known.dedicated if dedicated else known.key
    if key:
        plain, verdict = _opened(control, counter, body, tag, titles, key, known)
    elif encrypted:
        verdict = "no key was given (--key), so what is inside stays unknown"
    if not encrypted:
        walk.part(len(body), "not encrypted:", lambda inner: inside(inner, known))
    elif body:
        walk.take(len(body), f"encrypted, {len(body)} bytes")
    if size:
        walk.take(size, "authentication tag")
    if verdict:
        walk.note(verdict, "wrong" in verdict)
    if encrypted and plain is not None:
        walk.note(f"deciphered, {len(plain)} bytes:")
        walk.page.derived(plain, walk.depth + 1).whole(lambda inner: inside(inner, known))


def _control(found: bytes) -> str:
    octet = found[0]
    words = [name for bit, name in CONTROLS if octet & bit] or ["not protected"]
    return f"security control: suite {octet & 0x0F}, {', '.join(words)} (9.2.7.2.4.1)"


def _opened(
    control: int, counter: bytes, body: bytes, tag: bytes, titles: list[bytes], key: bytes, known: Known
) -> tuple[bytes | None, str]:
    """What is inside, and what can be said of its being authentic."""
    if not titles:
        return None, "the sender's system title is not known (--system-title), so it cannot be deciphered"
    if control & 0x80:
        return None, "compressed: not followed"
    try:
        proved = bool(tag and known.authentication_key)
        for title in titles:
            plain, right = _try(control, title + counter, body, tag, key, known.authentication_key)
            if proved and right:
                return plain, "the authentication tag is right"
            if not proved and _sensible(plain):
                return plain, "not proved to be authentic" + (" (--authentication-key)" if tag else "")
    except SecurityError as error:
        return None, str(error)
    if proved and control & 0x20 and _sensible(plain):
        return plain, "deciphers to something sensible, but the tag is wrong: the authentication key, or it was altered"
    return None, "a key or the sender's system title is wrong, or it was altered: it does not decipher"


def _sensible(plain: bytes) -> bool:
    return plain[:1] != b"" and (plain[0] in SERVICES or plain[0] in (0x0F, 0xD8, 0xE0, 0x2F))


def _try(control: int, nonce: bytes, body: bytes, tag: bytes, key: bytes, authentication: bytes) -> tuple[bytes, bool]:
    from ..protocols.dlms.security.cryptodome import cryptodome

    aes = cryptodome("Cipher.AES")
    cipher = aes.new(key, aes.MODE_GCM, nonce=nonce, mac_len=TAG)
    if control & 0x10:
        cipher.update(bytes((control,)) + authentication + (b"" if control & 0x20 else body))
    plain: bytes = cipher.decrypt(body) if control & 0x20 else body
    if not tag:
        return plain, False
    try:
        cipher.verify(tag)
    except ValueError:
        return plain, False
    return plain, True
