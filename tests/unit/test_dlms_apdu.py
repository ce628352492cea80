"""xDLMS APDUs: published frames byte for byte, both roles against each other, two foreign libraries, broken octets."""

from __future__ import annotations

import pytest
from dlms_cosem import cosem, dlms_data, enumerations
from dlms_cosem.protocol import xdlms
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd import _axdr
from meterd._number import Number
from meterd.cosem import BitString, Date, DateTime, Time
from meterd.errors import DecodeError, Refused
from meterd.protocols.dlms import data
from meterd.protocols.dlms import enumerations as codes
from meterd.protocols.dlms.apdus import (
    action,
    block_transfer,
    conformance,
    get,
    get_server,
    initiate,
    notification,
    read,
    refusals,
    selection,
)
from meterd.protocols.dlms.apdus.encode import encode

ENERGY = bytes((1, 0, 1, 8, 0, 255))
PROFILE = bytes((1, 0, 99, 1, 0, 255))
VALUE = encode(codes.DOUBLE_LONG_UNSIGNED, 123456)
# The days of a published Elgama profile request: 2015-04-20, 15 and 23 o'clock.
FROM = bytes.fromhex("07DF0414FF0F0000008000FF")
TO = bytes.fromhex("07DF0414FF170000008000FF")


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


class TestPublished:
    """Frames of the facts, without their link layer."""

    def test_initiate_of_a_ln_session(self) -> None:
        request = initiate.InitiateRequest(conformance.decode(hexed("401E5D")), 0xFFFF)
        assert request.encode() == hexed("01000000065F1F0400401E5DFFFF")
        assert initiate.decode(request.encode()) == request
        answer = initiate.decode(hexed("0800065F1F040000181D04000007"))
        assert isinstance(answer, initiate.InitiateResponse)
        assert (answer.max_pdu, answer.vaa_name) == (1024, codes.LN_VAA_NAME)
        assert answer.conformance == {
            "block-transfer-with-get-or-read", "block-transfer-with-set-or-write", "get", "set", "selective-access",
            "action",
        }  # fmt: skip
        assert answer.encode() == hexed("0800065F1F040000181D04000007")

    def test_initiate_with_dedicated_key(self) -> None:
        apdu = hexed("01011000112233445566778899AABBCCDDEEFF0000065F1F0400007E1F04B0")
        request = initiate.decode(apdu)
        assert isinstance(request, initiate.InitiateRequest)
        assert request.dedicated_key == hexed("00112233445566778899AABBCCDDEEFF") and request.max_pdu == 1200
        assert request.encode() == apdu
        assert "112233" not in repr(request)

    def test_elgama_conformance(self) -> None:
        proposed = {"read", "write", "unconfirmed-write", "multiple-references", "information-report"}
        assert conformance.decode(hexed("1C0320")) == proposed | {"parameterized-access"}
        assert initiate.InitiateRequest(conformance.decode(hexed("1C0320")), 0xFFFF).encode() == hexed(
            "01000000065F1F04001C0320FFFF"
        )

    def test_get_of_the_object_list(self) -> None:
        apdu = hexed("C001C1000F0000280000FF0200")
        request = get.request_normal(0xC1, get.attribute(15, hexed("0000280000FF"), 2))
        assert request == apdu
        assert get_server.decode_request(apdu) == get_server.GetNormal(
            0xC1, get_server.Attribute(15, hexed("0000280000FF"), 2)
        )

    def test_get_of_the_clock(self) -> None:
        assert get.request_normal(0, get.attribute(8, hexed("0000010000FF"), 2)) == hexed("C0010000080000010000FF0200")

    @pytest.mark.parametrize(
        ("names", "apdu"),
        [([0x0108], "0501020108"), ([0x0110], "0501020110"), ([0x0108, 0x0110], "0502020108020110"),
         ([0x6808], "0501026808"), ([0x7308], "0501027308")],
    )  # fmt: skip
    def test_elgama_reads(self, names: list[int], apdu: str) -> None:
        assert read.request([read.variable(name) for name in names]) == hexed(apdu)
        assert read.decode_request(hexed(apdu)) == [read.Variable(name) for name in names]

    def test_elgama_profile_range(self) -> None:
        apdu = hexed(
            "050104C00801 0204 0204 120008 09060000010000FF 0F02 120000 090C 07DF0414FF0F0000008000FF"
            "090C 07DF0414FF170000008000FF 0100"
        )
        chosen = selection.by_range(selection.CLOCK, FROM, TO)
        assert read.request([read.parameterised(0xC008, chosen)]) == apdu
        (found,) = read.decode_request(apdu)
        assert isinstance(found, read.Parameterised) and found.name == 0xC008
        assert selection.decode_selection(found.selection) == selection.Range(selection.CLOCK, FROM, TO, [])

    def test_next_block_by_short_name(self) -> None:
        assert read.request([read.block_access(1)]) == hexed("0501050001")


class TestGet:
    def test_requests_both_ways(self) -> None:
        plain = get.attribute(3, ENERGY, 2)
        selective = get.attribute(7, PROFILE, 2, selection.by_entry(1, 10))
        attributes = [
            get_server.Attribute(3, ENERGY, 2),
            get_server.Attribute(7, PROFILE, 2, selection.by_entry(1, 10)),
        ]
        assert get_server.decode_request(get.request_with_list(0xC1, [plain, selective])) == get_server.GetWithList(
            0xC1, attributes
        )
        assert get_server.decode_request(get.request_next(0xC1, 7)) == get_server.GetNext(0xC1, 7)
        assert attributes[1].encode() == selective

    def test_responses_both_ways(self) -> None:
        assert get.decode_response(get_server.response_normal(0xC1, VALUE)) == get.GetResult(0xC1, 0, 123456)
        assert get.decode_response(get_server.response_normal(0xC1, b"", 4)) == get.GetResult(0xC1, 4, None)
        results = [(0, VALUE), (11, b"")]
        assert get.decode_response(get_server.response_with_list(0x41, results)) == get.GetResults(
            0x41, [(0, 123456), (11, None)]
        )

    def test_blocks_of_a_list(self) -> None:
        raw = get_server.result_list([(0, VALUE), (4, b""), (0, encode(codes.OCTET_STRING, bytes(300)))])
        joined = b""
        cuts = range(0, len(raw), 50)
        for block, start in enumerate(cuts, 1):
            last = block == len(cuts)
            apdu = get_server.response_block(0xC1, last, block, raw[start : start + 50])
            found = get.decode_response(apdu)
            assert found == get.GetBlock(0xC1, last, block, 0, raw[start : start + 50])
            joined += found.raw
        assert get.decode_result_list(joined) == [(0, 123456), (4, None), (0, bytes(300))]

    def test_refused_block(self) -> None:
        apdu = get_server.response_block(0xC1, True, 3, b"", 19)
        assert get.decode_response(apdu) == get.GetBlock(0xC1, True, 3, 19, b"")

    @pytest.mark.parametrize(
        "apdu",
        ["", "C4", "C401", "C404C100", "C5010000", "C402C1000000000102", "C402C100000000010005AA", "C403C1020000",
         "C403C1FF00", "C403C1020000000001", "C403C10001"],
    )  # fmt: skip
    def test_broken_responses(self, apdu: str) -> None:
        with pytest.raises(DecodeError):
            get.decode_response(hexed(apdu))

    @pytest.mark.parametrize(
        "apdu",
        ["", "C0", "C001C1", "C001C10003", "C009C100", "C002C100", "C003C102", "C001C100030100010800FF020001",
         "C003C1FF"],
    )  # fmt: skip
    def test_broken_requests(self, apdu: str) -> None:
        with pytest.raises(DecodeError):
            get_server.decode_request(hexed(apdu + "0" * (len(apdu) % 2)))


class TestRead:
    def test_responses_both_ways(self) -> None:
        assert read.decode_response(read.response([(0, VALUE), (4, b"")])) == [(0, 123456), (4, None)]
        block = read.response_block(False, 2, b"part")
        assert read.decode_response(block) == read.ReadBlock(False, 2, b"part")

    def test_joined_blocks(self) -> None:
        raw = read.result_list([(0, VALUE), (4, b"")])
        assert read.decode_blocks(raw, 2) == [(0, 123456), (4, None)]
        with pytest.raises(DecodeError):
            read.decode_blocks(raw, 3)
        with pytest.raises(DecodeError):
            read.decode_blocks(raw[:-1], 2)

    def test_joined_blocks_that_hold_the_bare_value(self) -> None:
        assert read.decode_blocks(encode(codes.ARRAY, [(codes.UNSIGNED, 1)]), 1) == [(0, [1])]
        with pytest.raises(DecodeError):
            read.decode_blocks(VALUE + b"\x00", 1)

    def test_writes_both_ways(self) -> None:
        specification = read.variable(0xFA58)
        apdu = b"\x06\x01" + specification + b"\x01" + VALUE
        assert read.decode_write_request(apdu) == [(read.Variable(0xFA58), VALUE)]
        assert read.write_response([0, 3]) == hexed("0D02000103")

    @pytest.mark.parametrize("apdu", ["", "0C", "0C01", "0C0102", "0C010200", "0C010200000105AA", "0C010300", "C401"])
    def test_broken_responses(self, apdu: str) -> None:
        with pytest.raises(DecodeError):
            read.decode_response(hexed(apdu))

    @pytest.mark.parametrize(
        "apdu", ["", "05", "0501", "05010301", "050104C008", "050104C00801", "05010901020000", "0601020108020000"]
    )
    def test_broken_requests(self, apdu: str) -> None:
        decode = read.decode_write_request if apdu.startswith("06") else read.decode_request
        with pytest.raises(DecodeError):
            decode(hexed(apdu))


class TestAction:
    TARGET = (15, hexed("0000280000FF"), 1)

    def test_whole_both_ways(self) -> None:
        parameters = encode(codes.OCTET_STRING, b"answer")
        apdu = action.request_normal(0xC1, *self.TARGET, parameters)
        assert apdu == hexed("C301C1000F0000280000FF0101") + parameters
        assert action.decode_request(apdu) == action.ActionNormal(0xC1, *self.TARGET, parameters)
        assert action.decode_request(action.request_normal(0xC1, *self.TARGET)).parameters == b""  # type: ignore[union-attr]
        answer = action.response_normal(0xC1, 0, parameters)
        assert answer == hexed("C701C1000100") + parameters
        assert action.decode_response(answer) == action.ActionResult(0xC1, 0, 0, b"answer")
        assert action.decode_response(action.response_normal(0xC1, 3)) == action.ActionResult(0xC1, 3, 0, None)
        refused = action.response_normal(0xC1, 0, None, 2)
        assert action.decode_response(refused) == action.ActionResult(0xC1, 0, 2, None)

    def test_blocks_both_ways(self) -> None:
        first = action.decode_request(action.request_first_block(0xC1, self.TARGET, False, b"one"))
        assert first == action.ActionBlock(0xC1, False, 1, b"one", self.TARGET)
        second = action.decode_request(action.request_block(0xC1, True, 2, b"two"))
        assert second == action.ActionBlock(0xC1, True, 2, b"two")
        assert action.decode_response(action.response_next(0xC1, 1)) == action.ActionNext(0xC1, 1)
        assert action.decode_request(action.request_next(0xC1, 1)) == action.ActionNext(0xC1, 1)
        raw = action.result(0, VALUE)
        assert action.decode_response(action.response_block(0xC1, True, 1, raw)) == action.ActionBlock(
            0xC1, True, 1, raw
        )
        assert action.decode_result(0xC1, raw) == action.ActionResult(0xC1, 0, 0, 123456)

    @pytest.mark.parametrize(
        "apdu", ["", "C7", "C701C1", "C701C10001", "C709C100", "C701C1000001", "C702C100", "C401C100"]
    )
    def test_broken_responses(self, apdu: str) -> None:
        with pytest.raises(DecodeError):
            action.decode_response(hexed(apdu))


class TestSelection:
    def test_columns(self) -> None:
        column = (3, ENERGY, 2, 0)
        chosen = selection.decode_selection(selection.by_range(selection.CLOCK, FROM, TO, [column]))
        assert chosen == selection.Range(selection.CLOCK, FROM, TO, [column])

    def test_entries(self) -> None:
        assert selection.decode_selection(selection.by_entry(5, 9, 1, 3)) == selection.Entry(5, 9, 1, 3)

    @pytest.mark.parametrize(
        "octets", ["", "01", "0200", "02020411011102110309", "030204110111021103110A", "01020400000000"]
    )
    def test_broken(self, octets: str) -> None:
        with pytest.raises(DecodeError):
            selection.decode_selection(hexed(octets))


class TestRefusals:
    def test_confirmed_service_error(self) -> None:
        with pytest.raises(Refused, match="initiate refused: initiate: DLMS version too low") as caught:
            initiate.decode(hexed("0E010601"))
        assert (caught.value.code, caught.value.reason) == ("1/6/1", "refused")
        with pytest.raises(Refused, match="deciphering") as caught:
            refusals.raise_refusal(hexed("0E010006"))
        assert caught.value.reason == "key"

    def test_exception_response(self) -> None:
        with pytest.raises(Refused, match="service unknown: service not supported"):
            get.decode_response(refusals.exception_response(2, 2))
        counter = refusals.exception_response(1, codes.INVOCATION_COUNTER_ERROR, 77)
        assert refusals.expected_counter(counter) == 77 and refusals.expected_counter(b"\xd8\x01\x02") is None
        with pytest.raises(Refused, match="expects 77") as caught:
            action.decode_response(counter)
        assert caught.value.reason == "key"

    def test_codes_that_no_standard_names(self) -> None:
        with pytest.raises(Refused, match="error class 99"):
            refusals.raise_refusal(hexed("0E636363"))
        with pytest.raises(Refused, match="state error 99"):
            refusals.raise_refusal(hexed("D86363"))

    @pytest.mark.parametrize("apdu", ["0E", "0E0106", "0E01060101", "D8", "D801", "D8010101"])
    def test_broken(self, apdu: str) -> None:
        with pytest.raises(DecodeError):
            refusals.raise_refusal(hexed(apdu))

    def test_results_in_words(self) -> None:
        undefined = refusals.access_refused(4, "1.0.1.8.0.255:2")
        assert str(undefined) == "1.0.1.8.0.255:2: object undefined (4)" and undefined.reason == "not_found"
        assert refusals.action_refused(3).reason == "refused"
        assert str(refusals.access_refused(200)) == "unknown result (200)"


class TestOthers:
    def test_conformance_refuses_other_lengths(self) -> None:
        with pytest.raises(DecodeError):
            conformance.decode(b"\x00\x00")

    @given(st.frozensets(st.sampled_from(conformance.NAMES)))
    @settings(max_examples=50)
    def test_conformance_both_ways(self, names: frozenset[str]) -> None:
        assert conformance.decode(conformance.encode(names)) == names

    def test_initiate_of_the_first_generation(self) -> None:
        answer = initiate.decode(hexed("0800065F0400001C0320FFFFFA00".replace("0400001C", "04001C")))
        assert isinstance(answer, initiate.InitiateResponse) and answer.vaa_name == codes.SN_VAA_NAME

    @pytest.mark.parametrize(
        "apdu", ["", "01", "0102", "08", "0800065F1F0300", "C401", "0800065F1F040000181D0400000701"]
    )
    def test_initiate_broken(self, apdu: str) -> None:
        with pytest.raises(DecodeError):
            initiate.decode(hexed(apdu))

    def test_general_block(self) -> None:
        block = block_transfer.GeneralBlock(True, False, 3, 258, 2, b"raw")
        assert block.encode() == hexed("E0830102000203726177")
        assert block_transfer.decode(block.encode()) == block and block_transfer.is_general_block(block.encode())
        for end in range(len(block.encode())):
            with pytest.raises(DecodeError):
                block_transfer.decode(block.encode()[:end])

    def test_notification(self) -> None:
        apdu = notification.encode(0x80000001, FROM, VALUE)
        assert notification.decode(apdu) == notification.DataNotification(0x80000001, FROM, 123456)
        assert notification.decode(notification.encode(1, b"", VALUE)).date_time == b""
        for broken in ("0F", "0F00000001", "0F0000000105AABBCCDDEE00", "0F0000000100"):
            with pytest.raises(DecodeError):
                notification.decode(hexed(broken))


class TestData:
    @pytest.mark.parametrize(
        ("octets", "text"),
        [
            ("07EA0B160711 0A0000 FF88 00", "2026-11-22T17:10:00+02:00"),
            ("07EA0B160711 0A0019 0078 00", "2026-11-22T17:10:00.25-02:00"),
            ("07EA0B16FF11 0A00FF 8000 FF", "2026-11-22T17:10:00"),
            ("07EA0B16FF11 0AFFFF 0000 00", "2026-11-22T17:10+00:00"),
            ("07EA0B16FFFF FFFFFF 8000 FF", "2026-11-22"),
            ("07E8021DFF00 000000 FED4 00", "2024-02-29T00:00:00+05:00"),
            ("FFFF0B16FF11 0A0000 8000 FF", None),
            ("07EAFDFEFF11 0A0000 8000 FF", None),
        ],
    )
    def test_date_times(self, octets: str, text: str | None) -> None:
        assert data.date_time_text(hexed(octets)) == text

    @pytest.mark.parametrize(
        "octets",
        ["07EA0D160711 0A0000 0000 00", "07EA021E0711 0A0000 0000 00", "07E9021DFF00 000000 0000 00",
         "07EA0B160718 0A0000 0000 00", "07EA0B160711 3C0000 0000 00", "07EA0B160711 0A3C00 0000 00",
         "07EA0B160711 0A0064 0000 00", "07EA0B160711 0A0000 7FFF 00", "07EA00010711 0A0000 0000 00", "07EA"],
    )  # fmt: skip
    def test_no_date_times(self, octets: str) -> None:
        with pytest.raises(DecodeError):
            data.date_time_text(hexed(octets))

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("1970-01-01T00:00Z", 0),
            ("2024-02-29T12:00:00+02:00", 1709200800),
            ("2026-11-22T17:10:00", 1795367400),
            ("2000-03-01T00:00:00-01:30", 951874200),
        ],
    )
    def test_text_to_octets_and_seconds(self, text: str, seconds: int) -> None:
        octets = data.date_time_octets(text)
        assert data.date_time_seconds(octets) == seconds
        assert data.date_time_octets(data.date_time_text(octets) or "") == octets

    @pytest.mark.parametrize(
        "text", ["", "x", "2026-11-22", "2026-13-01T00:00", "2026-11-22T25:00", "2026-11-22T1:2:3:4"]
    )
    def test_no_time_text(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not a time"):
            data.date_time_octets(text)

    def test_seconds_need_the_whole_time(self) -> None:
        assert data.date_time_seconds(hexed("07EA0B16FFFFFFFFFF8000FF")) is None
        assert data.date_time_seconds(hexed("07EA0B16FF110AFFFF8000FF")) is None

    def test_clock_status(self) -> None:
        assert data.clock_is_invalid(FROM[:11] + b"\x01") and not data.clock_is_invalid(FROM)

    @pytest.mark.parametrize(
        ("value", "scaler", "text"),
        [(1472384, -1, "147238.4"), (18446744073709551615, -3, "18446744073709551.615"), (5, 3, "5000"),
         (-7, -2, "-0.07"), (0, -2, "0.00"), (42, 0, "42"), (2.5, -1, "0.25"), ("text", -1, "text"), (True, 1, "True")],
    )  # fmt: skip
    def test_scale(self, value: object, scaler: int, text: str) -> None:
        assert str(data.scale(value, scaler)) == text

    @pytest.mark.parametrize(("value", "scaler"), [(1, 65), (1, -128), (float("nan"), 0), (1e308, 5), (1.0, 400)])
    def test_scale_beyond_reason(self, value: object, scaler: int) -> None:
        with pytest.raises(DecodeError):
            data.scale(value, scaler)

    def test_scaler_unit(self) -> None:
        assert data.scaler_unit(_axdr.decode_whole(hexed("02020FFF161E"))) == (-1, "Wh")
        assert data.scaler_unit((0, 255)) == (0, None)
        for broken in ((1,), (1, "Wh"), 7, None, (True, 30)):
            with pytest.raises(DecodeError):
                data.scaler_unit(broken)

    @pytest.mark.parametrize(
        ("value", "held"),
        [
            (None, None), (5, 5), (True, 1), (2.5, 2.5), ("text", "text"), (BitString("101"), "101"),
            (Number(15, -1), Number(15, -1)), (b"12345678", "12345678"), (b"\x00\x01", "0001"), (b"", ""),
            (DateTime(FROM), "2015-04-20T15:00:00"), (DateTime(b"\xff" * 9 + b"\x80\x00\xff"), "ff" * 9 + "8000ff"),
            (Date(FROM[:5]), "2015-04-20"), (Time(FROM[5:9]), "15:00:00"),
            ([1, (None, 'a"b\\\n'), b"\xff"], '[1, [null, "a\\"b\\\\\\u000a"], "ff"]'),
        ],
    )  # fmt: skip
    def test_plain(self, value: object, held: object) -> None:
        assert data.plain(value) == held

    def test_units_of_the_standard(self) -> None:
        assert [data.unit_name(code) for code in (27, 30, 35, 44, 254, 255, 0)] == [
            "W",
            "Wh",
            "V",
            "Hz",
            None,
            None,
            None,
        ]


class TestAgainstDlmsCosem:
    """What one side writes the other reads. It cannot read floats and knows logical names only."""

    ATTRIBUTE = cosem.CosemAttribute(enumerations.CosemInterface.REGISTER, cosem.Obis(1, 0, 1, 8, 0, 255), 2)

    def test_requests(self) -> None:
        ours = get.request_normal(0xC1, get.attribute(3, ENERGY, 2))
        assert ours == xdlms.GetRequestNormal(cosem_attribute=self.ATTRIBUTE).to_bytes()
        listed = get.request_with_list(0xC1, [get.attribute(3, ENERGY, 2)] * 2)
        theirs = xdlms.GetRequestFactory.from_bytes(listed)
        assert [item.attribute for item in theirs.cosem_attributes_with_selection] == [self.ATTRIBUTE] * 2
        assert xdlms.GetRequestNext.from_bytes(get.request_next(0xC1, 3)).block_number == 3

    def test_responses(self) -> None:
        theirs = xdlms.GetResponseFactory.from_bytes(get_server.response_normal(0xC1, VALUE))
        assert theirs.data == VALUE
        block = xdlms.GetResponseFactory.from_bytes(get_server.response_block(0xC1, False, 4, b"raw"))
        assert (block.data, block.block_number) == (b"raw", 4)
        last = xdlms.GetResponseFactory.from_bytes(get_server.response_block(0xC1, True, 5, b"raw"))
        assert isinstance(last, xdlms.GetResponseLastBlock) and last.data == b"raw"
        listed = xdlms.GetResponseWithList(
            response_data=[dlms_data.DoubleLongUnsignedData(5), enumerations.DataAccessResult.OBJECT_UNDEFINED]
        ).to_bytes()
        assert get.decode_response(listed) == get.GetResults(0xC1, [(0, 5), (4, None)])

    def test_initiate(self) -> None:
        ours = initiate.InitiateRequest(frozenset(("get", "action", "selective-access")), 500, b"k" * 16)
        theirs = xdlms.InitiateRequest.from_bytes(ours.encode())
        assert theirs.proposed_conformance.get and theirs.proposed_conformance.action
        assert (theirs.client_max_receive_pdu_size, theirs.dedicated_key) == (500, b"k" * 16)
        answer = initiate.InitiateResponse(frozenset(("get",)), 500)
        assert xdlms.InitiateResponse.from_bytes(answer.encode()).server_max_receive_pdu_size == 500


@given(
    st.binary(max_size=40), st.sampled_from([b"", b"\xc4\x02", b"\xc4\x03", b"\xc7\x01", b"\x0c\x01\x02", b"\xc0\x03"])
)
@settings(max_examples=200)
def test_any_octets(tail: bytes, head: bytes) -> None:
    """Frames or errors of meterd's own, nothing else."""
    decoders = (
        get.decode_response, get_server.decode_request, read.decode_response, read.decode_request,
        read.decode_write_request,
        action.decode_response, action.decode_request, initiate.decode, block_transfer.decode, notification.decode,
        selection.decode_selection, refusals.raise_refusal,
    )  # fmt: skip
    for decode in decoders:
        try:
            decoded = decode(head + tail)
        except (DecodeError, Refused):
            continue
        assert decoded is not None or decode is refusals.raise_refusal
