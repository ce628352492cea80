"""ACSE: published AARQ and AARE byte for byte, every refusal in words, two foreign libraries, broken octets."""

from __future__ import annotations

import pytest
from dlms_cosem import enumerations
from dlms_cosem.protocol import acse as foreign
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd.errors import DecodeError, Refused
from meterd.protocols.dlms import enumerations as codes
from meterd.protocols.dlms.apdus import acse, conformance, initiate

LN_INITIATE = initiate.InitiateRequest(conformance.decode(bytes.fromhex("401E5D")), 0xFFFF).encode()
SN_INITIATE = initiate.InitiateRequest(conformance.decode(bytes.fromhex("1C0320")), 0xFFFF).encode()
GRANTED = bytes.fromhex("0800065F1F040000181D04000007")

AARQS = [
    (
        "none, LN: trace of an HDLC session",
        acse.Aarq(codes.LN, user_information=LN_INITIATE),
        "601DA109060760857405080101BE10040E01000000065F1F0400401E5DFFFF",
    ),
    (
        "none, SN: Elgama, client 16",
        acse.Aarq(codes.SN, user_information=SN_INITIATE),
        "601DA109060760857405080102BE10040E01000000065F1F04001C0320FFFF",
    ),
    (
        "Low, SN: Elgama, client 32",
        acse.Aarq(codes.SN, codes.MECHANISM_LOW, b"OPERATOR", SN_INITIATE),
        "6036A1090607608574050801028A0207808B0760857405080201AC0A80084F50455241544F52"
        "BE10040E01000000065F1F04001C0320FFFF",
    ),
    (
        "Low with an empty secret and an AP-title: another Elgama reader",
        acse.Aarq(codes.SN, codes.MECHANISM_LOW, b"", SN_INITIATE, calling_title=b"EGM41421", title_tag=0x0A),
        "603AA109060760857405080102A60A0A0845474D34313432318A0207808B0760857405080201AC028000"
        "BE10040E01000000065F1F04001C0320FFFF",
    ),
]


@pytest.mark.parametrize(("aarq", "octets"), [row[1:] for row in AARQS], ids=[row[0] for row in AARQS])
def test_aarq_both_ways(aarq: acse.Aarq, octets: str) -> None:
    assert aarq.encode().hex().upper() == octets
    assert acse.decode(bytes.fromhex(octets)) == aarq


def test_aare_of_an_hdlc_session() -> None:
    octets = bytes.fromhex("6129A109060760857405080101A203020100A305A103020100BE10040E") + GRANTED
    aare = acse.decode(octets)
    assert isinstance(aare, acse.Aare)
    assert aare == acse.Aare(codes.LN, user_information=GRANTED) and aare.encode() == octets
    acse.check_accepted(aare)
    assert aare.words() == "accepted: no reason (service user)"


def test_aare_that_goes_on_with_a_challenge() -> None:
    aare = acse.Aare(
        codes.LN_CIPHERED, 0, codes.ACSE_SERVICE_USER, codes.DIAGNOSTIC_AUTHENTICATION_REQUIRED, codes.MECHANISM_GMAC,
        b"P6wRJ21F", b"\x28\x00", bytes.fromhex("4D4D4D0000BC614E"), b"certificate",
    )  # fmt: skip
    assert acse.decode(aare.encode()) == aare
    acse.check_accepted(aare)


@pytest.mark.parametrize(
    ("source", "diagnostic", "words", "reason"),
    [
        (1, 2, "rejected for good: application context name not supported", "refused"),
        (1, 11, "authentication mechanism name not recognised", "auth"),
        (1, 13, "authentication failure", "auth"),
        (1, 14, "authentication required", "auth"),
        (1, 77, "diagnostic 77", "refused"),
        (2, 2, r"no common ACSE version \(service provider\)", "refused"),
    ],
)
def test_refusals_in_words(source: int, diagnostic: int, words: str, reason: str) -> None:
    aare = acse.decode(acse.Aare(codes.LN, 1, source, diagnostic).encode())
    assert isinstance(aare, acse.Aare)
    with pytest.raises(Refused, match=words) as caught:
        acse.check_accepted(aare)
    assert (caught.value.reason, caught.value.code) == (reason, f"1/{source}/{diagnostic}")


@pytest.mark.parametrize(
    ("information", "words"),
    [("0E010601", "no reason given .*; initiate refused: initiate: DLMS version too low"), ("0E01", "no reason given")],
)
def test_refusal_explained_in_the_user_information(information: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        acse.check_accepted(acse.Aare(codes.LN, 1, 1, 1, user_information=bytes.fromhex(information)))


@pytest.mark.parametrize(
    ("release", "octets"),
    [
        (acse.Rlrq(0), "6203800100"),
        (acse.Rlrq(None), "6200"),
        (acse.Rlrq(0, LN_INITIATE), "6215800100BE10040E01000000065F1F0400401E5DFFFF"),
        (acse.Rlre(0), "6303800100"),
        (acse.Rlre(None), "6300"),
    ],
)
def test_release_both_ways(release: acse.Rlrq | acse.Rlre, octets: str) -> None:
    assert release.encode().hex().upper() == octets
    assert acse.decode(bytes.fromhex(octets)) == release


def test_unknown_fields_are_skipped_and_order_does_not_matter() -> None:
    fields = bytes.fromhex("A305A103020100" + "A203020100" + "A1090607608574050801018001029F".replace("9F", ""))
    aare = acse.decode(b"\x61" + bytes((len(fields),)) + fields)
    assert aare == acse.Aare(codes.LN)


def test_bitstring_secret() -> None:
    octets = bytes.fromhex("6016A109060760857405080101AC098107001122334455".replace("098107", "088106"))
    aarq = acse.decode(octets[:1] + bytes((len(octets) - 2,)) + octets[2:])
    assert isinstance(aarq, acse.Aarq) and aarq.authentication == bytes.fromhex("1122334455")


def test_secrets_are_not_shown() -> None:
    assert "OPERATOR" not in repr(AARQS[2][1])


@pytest.mark.parametrize(
    "octets",
    [
        "", "60", "6000", "6100", "6400", "60FF", "6002A1", "600BA109060760857405080101FF",
        "600BA109060760857405080201", "600BA109040760857405080101", "600AA10806066085740508010A",
        "6116A109060760857405080101A203020100A305A303020100", "610BA109060760857405080101",
        "6116A109060760857405080101A203040100A305A103020100", "6116A109060760857405080101A203020100A305A103020000",
        "6016A109060760857405080101A109060760857405080101", "6012A109060760857405080101AC0582030203",
        "6205800301020301", "6204BE020400AA",
    ],
)  # fmt: skip
def test_broken(octets: str) -> None:
    with pytest.raises(DecodeError):
        acse.decode(bytes.fromhex(octets))


def test_cut_short_and_followed() -> None:
    whole = AARQS[3][1].encode()
    for end in range(len(whole)):
        with pytest.raises(DecodeError):
            acse.decode(whole[:end])
    with pytest.raises(DecodeError):
        acse.decode(whole + b"\x00\x01")
    assert acse.decode(whole + b"\x00") == acse.decode(whole), "zeros are padding"


def test_against_dlms_cosem() -> None:
    # It does not keep the general-protection bit, so that one is not proposed here.
    ours = initiate.InitiateRequest(conformance.decode(bytes.fromhex("001E5D")), 0xFFFF).encode()
    aarq = acse.Aarq(codes.LN, user_information=ours).encode()
    assert foreign.ApplicationAssociationRequest.from_bytes(aarq).to_bytes() == aarq
    low = foreign.ApplicationAssociationRequest.from_bytes(
        acse.Aarq(codes.LN, codes.MECHANISM_LOW, b"12345678", LN_INITIATE, b"METERD01").encode()
    )
    assert low.authentication == enumerations.AuthenticationMechanism.LLS
    assert (low.authentication_value, low.system_title) == (b"12345678", b"METERD01")
    aare = acse.Aare(
        codes.LN, 1, 1, 13, codes.MECHANISM_GMAC, b"challenge", GRANTED, b"METERD01"
    )  # fmt: skip
    theirs = foreign.ApplicationAssociationResponse.from_bytes(aare.encode())
    assert theirs.result == enumerations.AssociationResult.REJECTED_PERMANENT
    assert theirs.result_source_diagnostics == enumerations.AcseServiceUserDiagnostics.AUTHENTICATION_FAILED
    assert (theirs.authentication_value, theirs.system_title) == (b"challenge", b"METERD01")
    assert acse.decode(theirs.to_bytes()) == aare
    assert acse.decode(foreign.ReleaseResponse.from_bytes(acse.Rlre(0).encode()).to_bytes()) == acse.Rlre(0)


AARQ_RECORDS = st.builds(
    acse.Aarq,
    st.integers(1, 4),
    st.integers(0, 7),
    st.none() | st.binary(max_size=200),
    st.binary(max_size=200),
    st.binary(max_size=8),
    st.just(4),
    st.binary(max_size=300),
    st.binary(max_size=8),
)
AARE_RECORDS = st.builds(
    acse.Aare,
    st.integers(1, 4),
    st.integers(0, 2),
    st.integers(1, 2),
    st.integers(0, 127),
    st.integers(0, 7),
    st.none() | st.binary(max_size=200),
    st.binary(max_size=200),
    st.binary(max_size=8),
    st.binary(max_size=300),
)


@given(AARQ_RECORDS | AARE_RECORDS)
@settings(max_examples=100)
def test_records_both_ways(record: acse.Aarq | acse.Aare) -> None:
    assert acse.decode(record.encode()) == record


@given(st.sampled_from(AARQS), st.data())
@settings(max_examples=150)
def test_one_octet_changed(row: tuple, data: st.DataObject) -> None:
    octets = bytearray(row[1].encode())
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        record = acse.decode(bytes(octets))
    except DecodeError:
        return
    assert acse.decode(record.encode()) == record
