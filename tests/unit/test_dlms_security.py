"""Ciphering, high level security, keys: Green Book vectors, both roles, malice, gurux_dlms in a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dlms_cosem import security as foreign
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd import _axdr
from meterd.counter import LAST, Counter
from meterd.errors import ConfigError, DecodeError, Refused, SecurityError
from meterd.protocols.dlms import enumerations as codes
from meterd.protocols.dlms.apdus import acse, action, conformance, get_server, initiate, refusals
from meterd.protocols.dlms.apdus.encode import encode
from meterd.protocols.dlms.security import context as security
from meterd.protocols.dlms.security import keys
from meterd.protocols.dlms.security.context import SecurityContext
from meterd.protocols.dlms.security.cryptodome import elliptic_curves
from meterd.protocols.dlms.security.hls import Hls
from tests.gurux_client import Gurux

EK = bytes(range(16))
AK = bytes(range(0xD0, 0xE0))
CLIENT = bytes.fromhex("4D4D4D0000BC614E")
METER = b"METERD01"
GET_CLOCK = bytes.fromhex("C0010000080000010000FF0200")
ANSWER = bytes.fromhex("C401000006000186A0")


def client(**options: Any) -> SecurityContext:
    options = {"counter": 0x01234567, "peer_title": METER, **options}
    return SecurityContext(CLIENT, EK, AK, **options)


def meter(**options: Any) -> SecurityContext:
    return SecurityContext(METER, EK, AK, **{"peer_title": CLIENT, **options})


class TestGreenBook:
    @pytest.mark.parametrize(
        ("authenticate", "encrypt", "octets"),
        [
            (True, False, "C81E1001234567C0010000080000010000FF020006725D910F9221D263877516"),
            (False, True, "C8122001234567411312FF935A47566827C467BC"),
            (True, True, "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"),
        ],
    )
    def test_get_request(self, authenticate: bool, encrypt: bool, octets: str) -> None:
        sealed = client(authenticate=authenticate, encrypt=encrypt).protect(GET_CLOCK)
        assert sealed.hex().upper() == octets
        assert meter(authenticate=authenticate, encrypt=encrypt).unprotect(sealed) == GET_CLOCK

    def test_initiate_request_with_dedicated_key(self) -> None:
        key = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
        plain = initiate.InitiateRequest(conformance.decode(bytes.fromhex("007E1F")), 1200, key).encode()
        sealed = client().protect(plain)
        assert sealed.hex().upper() == (
            "21303001234567801302FF8A7874133D414CED25B42534D28DB0047720606B175BD52211BE6841DB204D39EE6FDB8E356855"
        )
        assert initiate.decode(meter().unprotect(sealed)).dedicated_key == key  # type: ignore[union-attr]

    def test_gmac_of_a_challenge(self) -> None:
        title = bytes.fromhex("4D4D4D0000000001")
        context = SecurityContext(title, EK, AK, counter=1)
        hls = Hls(codes.MECHANISM_GMAC, title, CLIENT, b"K56iVagY", bytes.fromhex("503677524A323146"), security=context)
        assert hls.reply().hex().upper() == "10000000011A52FE7DD3E72748973C1E28"
        assert context.counter == 2


class TestBothWays:
    @pytest.mark.parametrize("suite", [0, 1, 2])
    @pytest.mark.parametrize(("authenticate", "encrypt"), [(True, False), (False, True), (True, True)])
    @pytest.mark.parametrize(("dedicated", "general"), [(False, False), (True, False), (False, True), (True, True)])
    def test_every_form(self, suite: int, authenticate: bool, encrypt: bool, dedicated: bool, general: bool) -> None:
        width = keys.KEY_LENGTHS[suite]
        options: dict[str, Any] = {
            "suite": suite, "authenticate": authenticate, "encrypt": encrypt, "dedicated_key": b"d" * width,
        }  # fmt: skip
        here = SecurityContext(CLIENT, b"e" * width, b"a" * width, peer_title=METER, counter=5, **options)
        there = SecurityContext(METER, b"e" * width, b"a" * width, peer_title=CLIENT, counter=9, **options)
        for _ in range(3):
            sealed = here.protect(GET_CLOCK, dedicated, general)
            assert security.is_ciphered(sealed) and there.unprotect(sealed) == GET_CLOCK
            assert here.unprotect(there.protect(ANSWER, dedicated, general)) == ANSWER
        assert (here.counter, there.counter) == (8, 12)

    def test_tags(self) -> None:
        for plain, sealed in security.GLO_TAGS.items():
            assert client().protect(bytes((plain, 0)))[0] == sealed
        for plain, sealed in security.DED_TAGS.items():
            assert client(dedicated_key=EK).protect(bytes((plain, 0)), dedicated=True)[0] == sealed
        assert client().protect(b"\x0f", general=True)[0] == codes.GENERAL_GLO_CIPHERING
        with pytest.raises(SecurityError, match="no ciphered form"):
            client().protect(b"\x0f")

    def test_title_told_by_a_general_apdu(self) -> None:
        context = meter(peer_title=b"")
        with pytest.raises(SecurityError, match="not known"):
            context.unprotect(client().protect(GET_CLOCK))
        assert context.unprotect(client().protect(GET_CLOCK, general=True)) == GET_CLOCK
        assert context.peer_title == CLIENT
        with pytest.raises(SecurityError, match="another system title"):
            context.unprotect(SecurityContext(METER, EK, AK).protect(GET_CLOCK, general=True))

    @given(st.binary(min_size=1, max_size=200), st.integers(0, 2**32 - 1))
    @settings(max_examples=50)
    def test_against_dlms_cosem(self, plain: bytes, counter: int) -> None:
        control = foreign.SecurityControlField(0, authenticated=True, encrypted=True)
        theirs = foreign.encrypt(control, CLIENT, counter, EK, plain, AK)
        ours = client(counter=counter).protect(plain, general=True)
        assert ours.endswith(control.to_bytes() + counter.to_bytes(4, "big") + theirs)
        assert meter().unprotect(ours) == plain
        control = foreign.SecurityControlField(0, authenticated=True, encrypted=False)
        assert client().gmac(plain, counter, CLIENT) == foreign.gmac(control, CLIENT, counter, EK, AK, plain)


class TestMalice:
    def test_plaintext(self) -> None:
        with pytest.raises(SecurityError, match="plaintext"):
            client().unprotect(ANSWER)

    def test_refusal_in_plaintext_is_a_refusal(self) -> None:
        with pytest.raises(Refused, match="deciphering error") as caught:
            client().unprotect(refusals.exception_response(1, codes.DECIPHERING_ERROR))
        assert caught.value.reason == "key"

    @pytest.mark.parametrize(("authenticate", "encrypt"), [(True, False), (False, True)])
    def test_weaker(self, authenticate: bool, encrypt: bool) -> None:
        sealed = meter(authenticate=authenticate, encrypt=encrypt).protect(ANSWER)
        with pytest.raises(SecurityError, match="protects less"):
            client().unprotect(sealed)

    def test_stronger_is_welcome_if_it_can_be_verified(self) -> None:
        sealed = meter().protect(ANSWER)
        assert client(encrypt=False).unprotect(sealed) == ANSWER
        blind = SecurityContext(CLIENT, EK, authenticate=False, peer_title=METER)
        with pytest.raises(SecurityError, match="authentication_key"):
            blind.unprotect(sealed)

    def test_replay(self) -> None:
        context, sealed = client(), meter(counter=7).protect(ANSWER)
        assert context.unprotect(sealed) == ANSWER and context.peer_counter == 8
        with pytest.raises(SecurityError, match="used before"):
            context.unprotect(sealed)
        with pytest.raises(SecurityError, match="used before"):
            client(peer_counter=8).unprotect(sealed)

    def test_dedicated_key_counts_for_itself(self) -> None:
        here, there = client(dedicated_key=AK), meter(dedicated_key=AK, counter=100)
        assert here.unprotect(there.protect(ANSWER)) == ANSWER
        there.counters = Counter(0)
        assert here.unprotect(there.protect(ANSWER, dedicated=True)) == ANSWER
        there.counters = Counter(0)
        with pytest.raises(SecurityError, match="used before"):
            here.unprotect(there.protect(ANSWER, dedicated=True))
        here.dedicated_key = there.dedicated_key = EK
        there.counters = Counter(0)
        assert here.unprotect(there.protect(ANSWER, dedicated=True)) == ANSWER

    def test_forged_apdus_do_not_move_the_counter(self) -> None:
        context = client()
        sealed = bytearray(meter(counter=9).protect(ANSWER))
        sealed[-1] ^= 1
        with pytest.raises(SecurityError, match="not authentic"):
            context.unprotect(bytes(sealed))
        assert context.peer_counter == 0

    @pytest.mark.parametrize(("bit", "words"), [(0x80, "compressed"), (0x40, "broadcast"), (0x01, "suite 1")])
    def test_security_control(self, bit: int, words: str) -> None:
        sealed = bytearray(meter().protect(ANSWER))
        sealed[2] |= bit
        with pytest.raises(SecurityError, match=words):
            client().unprotect(bytes(sealed))

    @pytest.mark.parametrize("tag", [codes.GENERAL_CIPHERING, codes.GENERAL_SIGNING])
    def test_unsupported(self, tag: int) -> None:
        with pytest.raises(SecurityError, match="not supported"):
            client().unprotect(bytes((tag, 0)))

    def test_wrong_keys_and_every_octet_altered(self) -> None:
        sealed = meter().protect(ANSWER)
        with pytest.raises(SecurityError):
            SecurityContext(CLIENT, AK, AK, peer_title=METER).unprotect(sealed)
        with pytest.raises(SecurityError):
            SecurityContext(CLIENT, EK, EK, peer_title=METER).unprotect(sealed)
        for position in range(len(sealed)):
            altered = bytearray(sealed)
            altered[position] ^= 0x55
            with pytest.raises((SecurityError, DecodeError)):
                client(dedicated_key=EK).unprotect(bytes(altered))
        for end in range(len(sealed)):
            with pytest.raises((SecurityError, DecodeError)):
                client().unprotect(sealed[:end])

    def test_counter_used_up(self) -> None:
        context = client(counter=LAST)
        context.protect(GET_CLOCK)
        with pytest.raises(SecurityError, match="used up"):
            context.protect(GET_CLOCK)

    def test_no_dedicated_key(self) -> None:
        with pytest.raises(SecurityError, match="dedicated_key"):
            client().protect(GET_CLOCK, dedicated=True)

    @pytest.mark.parametrize(
        ("build", "words"),
        [
            (lambda: SecurityContext(CLIENT, EK[:15], AK), "encryption_key: 16 octets"),
            (lambda: SecurityContext(CLIENT, EK, AK + b"x"), "authentication_key: 16 octets"),
            (lambda: SecurityContext(CLIENT, EK * 2, EK * 2, suite=2, dedicated_key=EK), "dedicated_key: 32 octets"),
            (lambda: SecurityContext(CLIENT[:7], EK, AK), "system_title"),
            (lambda: SecurityContext(CLIENT, EK), "authentication_key"),
            (lambda: SecurityContext(CLIENT, b"", AK), "encryption_key"),
            (lambda: SecurityContext(CLIENT, EK, AK, suite=3), "security_suite"),
        ],
    )
    def test_parameters(self, build: Callable[[], object], words: str) -> None:
        with pytest.raises(SecurityError, match=words):
            build()

    def test_keys_are_not_shown(self) -> None:
        shown = repr(client(dedicated_key=EK)) + repr(Hls(3, CLIENT, METER, b"1", b"2", b"secret12"))
        assert EK.hex() not in shown and AK.hex() not in shown and "secret" not in shown and str(EK) not in shown


P256 = "b582d8c910018302ba3131bab9bb6838108bb9408c30b2e49285985256a59038"
P384 = "1a3f5c" + "00" * 20 + "11" * 25


def uncompressed(public: Any) -> bytes:
    """A public key as the standard sends it: 04, x, y. Older cryptodomex cannot export that."""
    size = (public.pointQ.size_in_bits() + 7) // 8
    return b"\x04" + b"".join(int(number).to_bytes(size, "big") for number in public.pointQ.xy)


def proofs(suite: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """What client and meter hold for every mechanism."""
    ours = keys.private_key(P256 if suite == 1 else P384, "private_key", suite)
    theirs = keys.private_key((P256 if suite == 1 else P384)[::-1], "private_key", suite)
    return (
        {"secret": b"12345678", "security": client(), "private_key": ours, "peer_key": theirs.public()},
        {"secret": b"12345678", "security": meter(), "private_key": theirs, "peer_key": ours.public()},
    )


class TestHls:
    CTOS = b"client challenge, 32 octets long"
    STOC = b"meter challenge , 32 octets long"

    def pair(self, mechanism: int, suite: int = 1) -> tuple[Hls, Hls]:
        ours, theirs = proofs(suite)
        return (
            Hls(mechanism, CLIENT, METER, self.CTOS, self.STOC, **ours),
            Hls(mechanism, METER, CLIENT, self.STOC, self.CTOS, **theirs),
        )

    @pytest.mark.parametrize(("mechanism", "suite"), [*((mechanism, 1) for mechanism in range(2, 8)), (7, 2)])
    def test_four_passes(self, mechanism: int, suite: int) -> None:
        here, there = self.pair(mechanism, suite)
        proof = here.reply()
        there.verify(proof)
        here.verify(there.reply())
        for forged in (proof, b"", proof[:-1], proof + b"\x00", bytes(len(proof))):
            with pytest.raises(SecurityError, match="did not prove"):
                here.verify(forged)

    @pytest.mark.parametrize("mechanism", [2, 3, 4, 6])
    def test_another_secret(self, mechanism: int) -> None:
        here = Hls(mechanism, CLIENT, METER, self.CTOS, self.STOC, b"12345678")
        there = Hls(mechanism, METER, CLIENT, self.STOC, self.CTOS, b"87654321")
        with pytest.raises(SecurityError, match="did not prove"):
            there.verify(here.reply())

    def test_known_digests(self) -> None:
        md5 = Hls(codes.MECHANISM_MD5, CLIENT, METER, b"own", b"abc", b"")
        assert md5.reply().hex() == "900150983cd24fb0d6963f7d28e17f72"
        sha1 = Hls(codes.MECHANISM_SHA1, CLIENT, METER, b"own", b"a", b"bc")
        assert sha1.reply().hex() == "a9993e364706816aba3e25717850c26c9cd0d89d"
        # FIPS 197, appendix C.1.
        aes = Hls(codes.MECHANISM_HIGH, CLIENT, METER, b"own", bytes.fromhex("00112233445566778899aabbccddeeff"), EK)
        assert aes.reply().hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"

    def test_own_challenge_sent_back(self) -> None:
        with pytest.raises(SecurityError, match="own challenge"):
            Hls(3, CLIENT, METER, self.CTOS, self.CTOS, b"12345678")

    @pytest.mark.parametrize("challenge", [b"", b"x" * 65])
    def test_no_challenge(self, challenge: bytes) -> None:
        with pytest.raises(SecurityError, match="challenge"):
            Hls(3, CLIENT, METER, self.CTOS, challenge, b"12345678")

    @pytest.mark.parametrize(
        ("mechanism", "words"), [(5, "encryption_key"), (7, "private_key"), (1, "no challenge"), (2, "password")]
    )
    def test_what_is_missing(self, mechanism: int, words: str) -> None:
        with pytest.raises(SecurityError, match=words):
            Hls(mechanism, CLIENT, METER, self.CTOS, self.STOC, b"a password of more than 16 octets").reply()

    def test_no_peer_key(self) -> None:
        with pytest.raises(SecurityError, match="peer_public_key"):
            Hls(7, CLIENT, METER, self.CTOS, self.STOC).verify(bytes(64))


CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBfDCCASOgAwIBAgIUFeK5S5yWVlM7oKJb3mVJ0hWJm8wwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----"""


class TestKeys:
    def test_symmetric(self) -> None:
        assert keys.symmetric_key("00 01 02 03 04 05 06 07 08 09 0a 0B 0C 0D 0E 0F", "encryption_key") == EK
        assert keys.symmetric_key("0x" + EK.hex() * 2, "encryption_key", 2) == EK * 2
        for wrong in ("", "00", EK.hex() + "00", "zz" * 16, "0" * 31):
            with pytest.raises(ConfigError, match=r"encryption_key: found .*, allowed: 32 hex digits") as caught:
                keys.symmetric_key(wrong, "encryption_key", 0)
            assert len(wrong) < 3 or wrong not in str(caught.value)

    def test_system_title(self) -> None:
        assert keys.system_title("METERD01", "system_title") == METER
        assert keys.system_title("4D4D4D0000BC614E", "system_title") == CLIENT
        with pytest.raises(ConfigError, match="system_title"):
            keys.system_title("short", "system_title")

    @pytest.mark.parametrize(("suite", "digits"), [(1, P256), (2, P384)])
    def test_asymmetric_forms(self, suite: int, digits: str) -> None:
        curve = keys.CURVES[suite]
        reference = elliptic_curves().construct(curve=curve, d=int(digits, 16))
        private = keys.private_key(digits, "private_key", suite)
        signature = private.sign(b"message")
        assert len(signature) == {1: 64, 2: 96}[suite]
        point = uncompressed(reference.public_key())
        forms = [point.hex(), point[1:].hex(), reference.public_key().export_key(format="PEM")]
        for form in [*forms, forms[2].replace("\n", "\\n")]:
            public = keys.public_key(form, "peer_public_key", suite)
            assert public.verifies(b"message", signature) and not public.verifies(b"other", signature)
            assert not public.verifies(b"message", b"")
            assert digits not in repr(public) + repr(private)
        pem = reference.export_key(format="PEM")
        assert keys.private_key(pem, "private_key", suite).sign(b"message") == signature

    @pytest.mark.parametrize(
        "text", ["", "00", "11" * 33, "00" * 32, "ff" * 32, "not hex", CERTIFICATE, "-----BEGIN X"]
    )
    def test_no_keys(self, text: str) -> None:
        for read in (keys.private_key, keys.public_key):
            with pytest.raises(ConfigError, match="the_key") as caught:
                read(text, "the_key", 1)
            assert len(text) < 3 or text not in str(caught.value)

    def test_wrong_kind_curve_and_suite(self) -> None:
        private = elliptic_curves().construct(curve="P-256", d=int(P256, 16))
        with pytest.raises(ConfigError, match="public key"):
            keys.public_key(private.export_key(format="PEM"), "peer_public_key", 1)
        with pytest.raises(ConfigError, match="private key"):
            keys.private_key(private.public_key().export_key(format="PEM"), "private_key", 1)
        with pytest.raises(ConfigError, match="P-384"):
            keys.private_key(private.export_key(format="PEM"), "private_key", 2)
        with pytest.raises(ConfigError, match="security_suite 1 or 2"):
            keys.private_key(P256, "private_key", 0)

    def test_certificate(self, tmp_path: Any) -> None:
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             tmp_path / "key.pem", "-out", tmp_path / "certificate.pem", "-subj", "/CN=meter"],
            capture_output=True, check=False,
        ) if _has_openssl() else None  # fmt: skip
        if made is None or made.returncode:
            pytest.skip("openssl cannot make a certificate here")
        private = keys.private_key((tmp_path / "key.pem").read_text(), "private_key", 1)
        public = keys.public_key((tmp_path / "certificate.pem").read_text(), "peer_public_key", 1)
        assert public.verifies(b"message", private.sign(b"message"))


def _has_openssl() -> bool:
    from shutil import which

    return which("openssl") is not None


@pytest.fixture(scope="module")
def gurux() -> Iterator[Gurux]:
    client = Gurux()
    yield client
    client.close()


MECHANISM_NAMES = {
    "NONE": 0, "LOW": 1, "HIGH": 2, "HIGH_MD5": 3, "HIGH_SHA1": 4, "HIGH_GMAC": 5, "HIGH_SHA256": 6, "HIGH_ECDSA": 7,
}  # fmt: skip
GRANTED = initiate.InitiateResponse(conformance.LN_READER, 1024).encode()


@pytest.mark.parametrize("protection", ["NONE", "AUTHENTICATION", "ENCRYPTION", "AUTHENTICATION_ENCRYPTION"])
@pytest.mark.parametrize("auth", MECHANISM_NAMES)
def test_gurux_associates_and_reads(gurux: Gurux, auth: str, protection: str) -> None:
    """The foreign client against our codecs in the meter's role: AARQ, AARE, both proofs, one GET."""
    mechanism, ciphered = MECHANISM_NAMES[auth], protection != "NONE"
    suite = 1 if mechanism == codes.MECHANISM_ECDSA else 0
    here = meter(
        suite=suite,
        authenticate=protection != "ENCRYPTION",
        encrypt="ENCRYPTION" in protection,
        counter=1,
        peer_title=b"",
    )
    held = proofs()[1] | {"security": here}
    order = {"auth": auth, "title": CLIENT.hex(), "ek": EK.hex(), "ak": AK.hex(), "security": protection}
    if suite:
        public = uncompressed(elliptic_curves().construct(curve="P-256", d=int(P256[::-1], 16)).public_key())
        order |= {"private": P256, "public": public.hex()}
    asked = gurux.ask("start", **order)
    aarq = acse.decode(bytes.fromhex(asked))
    assert isinstance(aarq, acse.Aarq) and aarq.mechanism == mechanism
    here.peer_title = aarq.calling_title

    def opened(octets: str) -> bytes:
        return here.unprotect(bytes.fromhex(octets)) if ciphered else bytes.fromhex(octets)

    def sealed(apdu: bytes) -> str:
        return (here.protect(apdu) if ciphered else apdu).hex()

    request = initiate.decode(opened(aarq.user_information.hex()))
    assert isinstance(request, initiate.InitiateRequest) and "get" in request.conformance
    challenge = b"the meter's own challenge 32 oct" if mechanism > 1 else None
    aare = acse.Aare(
        aarq.context, 0, 1, 14 if challenge else 0, mechanism, challenge, bytes.fromhex(sealed(GRANTED)),
        METER if ciphered or mechanism > 4 else b"",
    )  # fmt: skip
    answered = gurux.ask("aare", aare=aare.encode().hex())
    if challenge:
        assert aarq.authentication
        hls = Hls(mechanism, METER, aarq.calling_title, challenge, aarq.authentication, **held)
        called = action.decode_request(opened(answered))
        assert isinstance(called, action.ActionNormal) and called.method == 1
        hls.verify(_axdr.decode_whole(called.parameters))
        proof = action.response_normal(called.invoke, 0, encode(codes.OCTET_STRING, hls.reply()))
        assert gurux.ask("proof", proof=sealed(proof)) == "proven"
    asked = get_server.decode_request(opened(gurux.ask("ask")))
    assert isinstance(asked, get_server.GetNormal) and asked.attribute.class_id == 3
    answer = get_server.response_normal(asked.invoke, encode(codes.DOUBLE_LONG_UNSIGNED, 123456))
    assert gurux.ask("answer", answer=sealed(answer)) == 123456
