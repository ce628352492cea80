"""`meterd explain`: each byte told once, what is wrong told where it is, keys never shown."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd._crc import bcc, checksum, crc16, fcs16
from meterd.cli.main import main
from meterd.explain import frames
from meterd.explain.known import Known
from meterd.explain.page import Page, Row
from meterd.explain.source import MAX_INPUT, hex_bytes, pieces
from meterd.model import Memory
from meterd.protocols.elgama import driver as elgama_driver
from meterd.protocols.mbus import driver as mbus_driver
from meterd.simulate import elgama as simulated_elgama
from meterd.simulate import iec62056_21 as simulated_iec
from meterd.simulate.mbus import bus
from meterd.simulate.mbus_meters import built_in
from tests.needs import VECTORS
from tests.pair import Outcome, converse

from . import dlms_pair, elgama_case, iec62056_21_case, test_mbus_driver

KEY = dlms_pair.KEYS["encryption_key"]
AUTHENTICATION_KEY = dlms_pair.KEYS["authentication_key"]


def rows_of(data: bytes, known: Known | None = None, masked: bytes = b"") -> list[Row]:
    """The rows for one piece; every byte of it is in exactly one."""
    rows: list[Row] = []
    frames.explain(Page(rows.append), data, known or Known(), masked)
    ends: dict[str, int] = {}
    for row in rows:
        if row.size and not row.space:
            assert row.start == ends.get("", 0), row.text()
            ends[""] = row.start + row.size
    assert ends.get("", 0) == len(data)
    return rows


def words_of(data: bytes, known: Known | None = None) -> str:
    return "\n".join(row.words for row in rows_of(data, known))


def hdlc(body: bytes) -> bytes:
    """A frame around address, control and what follows; check sequences by the standard's polynomial."""
    head = (0xA000 | len(body) + 4).to_bytes(2, "big") + body
    return b"\x7e" + head + fcs16(head).to_bytes(2, "little") + b"\x7e"


def of_conversation(outcome: Outcome, known: Known | None = None) -> list[Row]:
    """The rows for all that was said, what one side said in a row at once."""
    known = known or Known()
    said: list[tuple[str, bytes]] = []
    for _, side, data in outcome.wire:
        if said and said[-1][0] == side:
            said[-1] = (side, said[-1][1] + data)
        else:
            said.append((side, data))
    assert len(said) > 1
    return [row for _, data in said for row in rows_of(data, known)]


def check_all_right(rows: list[Row]) -> None:
    assert [row.text() for row in rows if row.unexplained or row.wrong] == []


# ---- all there is


def test_no_byte_of_a_recorded_telegram_is_unexplained() -> None:
    if not VECTORS.is_dir():
        pytest.skip(f"no recorded telegrams in {VECTORS}; METERD_VECTORS names another place")
    files = sorted(path for path in VECTORS.rglob("*") if path.suffix in (".bin", ".hex"))
    assert files
    for path in files:
        for piece in pieces(path.read_bytes(), path.name):
            assert [row.text() for row in rows_of(piece.data) if row.unexplained] == [], path.name


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"mode": "DLMS-WRAPPER", "ip": "192.0.2.7", "port": 4059},
        {"client_address": 32, "auth": "Low", "password": "Pa55word"},
        {"client_address": 32, "auth": "HighGmac", "security": "both", **dlms_pair.KEYS},
        {"type": "SN"},
        {"client_address": 32, "auth": "HighGmac", "security": "both", "general_ciphering": 1, **dlms_pair.KEYS},
        {"client_address": 32, "auth": "HighGmac", "security": "both", "dedicated_key": KEY[::-1], **dlms_pair.KEYS},
        {"mode": "IEC", "client_address": 32, "auth": "HighSha256", "password": "Pa55word"},
    ],
    ids=["hdlc", "wrapper", "low", "ciphered", "short-names", "general", "dedicated", "mode-e"],
)
def test_a_simulated_dlms_meter_is_explained_whole(given: dict[str, Any]) -> None:
    device = dlms_pair.device(**given)
    common = ("auth", "security", "password", "type", "encryption_key", "authentication_key")
    meter = {key: value for key, value in given.items() if key in common}
    meter["mode"] = {"DLMS-WRAPPER": "wrapper", "IEC": "iec"}.get(given.get("mode", ""), "hdlc")
    outcome = dlms_pair.scan(device, [dlms_pair.signal("1.0.1.8.0.255"), dlms_pair.signal("0.0.1.0.0.255")], meter)
    assert outcome.error is None
    known = Known(bytes.fromhex(KEY), bytes.fromhex(AUTHENTICATION_KEY))
    rows = of_conversation(outcome, known)
    check_all_right(rows)
    words = "\n".join(row.words for row in rows)
    assert "AARQ" in words and "AARE" in words and "accepted" in words
    if "type" not in given:
        assert "1.0.1.8.0.255 Active energy import, total" in words
    if "security" in given:
        assert "the authentication tag is right" in words and "deciphered" in words
    assert "Pa55word" not in "\n".join(row.text() for row in rows)
    assert b"Pa55word".hex(" ")[:11] not in "\n".join(row.text() for row in rows)


@pytest.mark.parametrize(
    "how", [{"info": "40"}, {"blocks": "1", "pdu": "200"}, {"gbt": "1", "pdu": "200"}, {"window": "3"}]
)
def test_a_profile_in_pieces_is_explained_whole(how: dict[str, str]) -> None:
    """Segments, data blocks, general blocks."""
    device = dlms_pair.device(max_pdu_size=200) if "pdu" in how else dlms_pair.device()
    outcome = dlms_pair.scan(device, [dlms_pair.signal("1.0.99.1.0.255:2")], {"rows": "12", **how})
    check_all_right(of_conversation(outcome))


def test_a_simulated_iec_meter_is_explained_whole() -> None:
    outcome = iec62056_21_case.scan(
        [iec62056_21_case.signal("1.8.0"), iec62056_21_case.signal("R5:0.0.0", "STRING")],
        simulated_iec.meter(password="Se3ret77")(),
        password="Se3ret77",
    )
    rows = of_conversation(outcome)
    check_all_right(rows)
    words = "\n".join(row.words for row in rows)
    assert "mode C" in words and "1.8.0 Active energy import, total" in words
    assert "Se3ret77" not in "\n".join(row.text() for row in rows)


@pytest.mark.parametrize("key", ["", "000102030405060708090A0B0C0D0E0F"])
def test_a_simulated_bus_is_explained_whole(key: str) -> None:
    heat = built_in("heat", 1, "12345678")
    device = test_mbus_driver.device("12345678")
    plan = mbus_driver.plan(device, [test_mbus_driver.signal("energy", "energy")])
    rows = of_conversation(converse(mbus_driver.conversation(plan, Memory()), bus([heat])()), Known(bytes.fromhex(key)))
    check_all_right(rows)
    words = "\n".join(row.words for row in rows)
    assert "SND_NKE" in words and "energy" in words and "identification 12345678" in words


def test_a_simulated_elgama_meter_is_explained_whole() -> None:
    device = elgama_case.device()
    plan = elgama_driver.plan(device, [elgama_case.signal("1.8.0")])
    meter = simulated_elgama.meter()()
    check_all_right(of_conversation(converse(elgama_driver.conversation(plan, Memory()), meter)))


def test_a_p1_telegram_and_its_crc() -> None:
    text = b"/ISk5\\2MT382-1003\r\n\r\n1-0:1.8.1(004321.765*kWh)\r\n0-0:96.1.1(4B384547)\r\n!"
    right = text + f"{crc16(text):04X}\r\n".encode()
    check_all_right(rows_of(right + right))  # the second begins behind the first
    assert "CRC16: right" in words_of(right)
    wrong = right.replace(b"4321", b"4322")
    assert f"CRC16: wrong, for these bytes it is {crc16(text.replace(b'4321', b'4322')):04X}" in words_of(wrong)


# ---- damage


def test_a_wrong_fcs_is_told_with_the_right_one() -> None:
    frame = bytearray(hdlc(bytes.fromhex("03 21 93")))
    right = bytes(frame[-3:-1]).hex(" ")
    frame[-2] ^= 0x40
    told = [row for row in rows_of(bytes(frame)) if row.wrong]
    assert len(told) == 1 and f"wrong, for these bytes it is {right}" in told[0].words


def test_a_wrong_bcc_and_checksum_are_told_with_the_right_ones() -> None:
    block = b"\x02C.1.0(99887766)\r\n!\r\n\x03"
    check_all_right(rows_of(block + bytes([bcc(block[1:])])))
    assert f"for these bytes it is {bcc(block[1:]):02x}" in words_of(block + bytes([bcc(block[1:]) ^ 5]))
    body = bytes.fromhex("08 11 72 44332211 2d2c 07 04 05 00 0000 0413 39300000")
    telegram = bytes([0x68, len(body), len(body), 0x68]) + body + bytes([checksum(body), 0x16])
    check_all_right(rows_of(telegram))
    assert "volume = 12.345 m³" in words_of(telegram) and "maker: KAM, Kamstrup" in words_of(telegram)
    broken = telegram[:-2] + bytes([checksum(body) ^ 1, 0x16])
    assert f"for these bytes it is {checksum(body):02x}" in words_of(broken)


def test_a_frame_that_is_cut_off_is_told_as_far_as_it_goes() -> None:
    whole = hdlc(bytes.fromhex("03 21 10 00 00 e6 e6 00 c0 01 c1 00 03 01 00 01 08 00 ff 02 00"))
    for size in range(1, len(whole)):
        rows = rows_of(whole[:size])
        assert any(row.wrong for row in rows) or size == 1, size
    assert "get-request" in words_of(whole[:16])


def test_a_value_in_segments_is_told_as_a_whole() -> None:
    apdu = b"\xe6\xe7\x00\xc4\x01\xc1\x00\x09\x14" + b"Number 4711 of a row"

    def frame(control: int, part: bytes, more: bool) -> bytes:
        body = bytes.fromhex("21 03") + bytes([control])
        size = len(body) + len(part) + 6
        head = ((0xA800 if more else 0xA000) | size).to_bytes(2, "big") + body
        head += fcs16(head).to_bytes(2, "little") + part
        return b"\x7e" + head + fcs16(head).to_bytes(2, "little") + b"\x7e"

    rows = rows_of(frame(0x30, apdu[:11], True) + frame(0x32, apdu[11:], False))
    check_all_right(rows)
    assert any("Number 4711 of a row" in row.words and row.space for row in rows)


@given(st.binary(max_size=400))
def test_any_bytes_are_told_once_each(data: bytes) -> None:
    rows_of(data, Known(bytes(16), bytes(16)))


@pytest.mark.parametrize(
    "start", ["7ea0", "68040468", "000100100001", "c401c100", "6029", "db08", "0205", "0f00", "2f"]
)
def test_any_bytes_behind_a_beginning_are_told_once_each(start: str) -> None:
    @given(st.binary(max_size=200))
    def check(data: bytes) -> None:
        rows_of(bytes.fromhex(start) + data, Known(bytes(16), bytes(16), bytes(8)))

    check()


# ---- the command


def run(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(["explain", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_hex_in_many_forms_and_a_file_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = run("105B075E".lower() + "0" * 0 + "", capsys=capsys)
    assert wanted[0] == 1  # no stop byte
    forms = ["10 5b 07 62 16", "10:5B:07:62:16", "0x10 0x5b 0x7 0x62 0x16", "105B076216"]
    answers = {run(form, capsys=capsys)[1] for form in forms}
    assert len(answers) == 1 and "REQ_UD2" in answers.pop()
    file = tmp_path / "frame.hex"
    file.write_text("# of a bus\n10 5b 07\n62 16\n")
    code, out, _ = run(str(file), capsys=capsys)
    assert code == 0 and "address 7" in out


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"/?00812!\r\n")))
    code, out, _ = run("-", capsys=capsys)
    assert code == 0 and "the meter 00812" in out


def test_a_wire_log_with_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "wire.log"
    log.write_text(
        "# meterd wire log 1\n@ PORT4\n~ 0.0 300 7E1\n> 1.0 2f 3f 21 0d 0a\n< 9.0 2f 45 4d 48 35\n"
        "< 40.0 41 42 43 0d 0a\n> 60.0 01 50 31 02 28 ** ** ** 29 03 **\n"
    )
    code, out, _ = run(str(log), capsys=capsys)
    assert code == 0
    assert "PORT4 9.0 ms, from the meter, 10 bytes" in out and "EMH" in out and "cannot be checked" in out


def test_keys_are_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    secret = "0F1E2D3C4B5A69788796A5B4C3D2E1F0"
    frame = "c401c1000910" + secret
    code, out, err = run("--key", secret, frame, capsys=capsys)
    assert code == 0
    for text in (secret.lower(), "0f 1e 2d", "0f1e2d"):
        assert text not in (out + err).lower()
    code, out, err = run("--key", secret[:-1] + "77", frame, capsys=capsys)
    assert code == 2 and secret[:8] not in out + err


def test_what_is_too_large_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"\0" * (MAX_INPUT + 1))
    code, _, err = run(str(file), capsys=capsys)
    assert code == 3 and "larger than" in err
    code, _, err = run("neither-hex-nor-file", capsys=capsys)
    assert code == 2 and "neither hex nor a file" in err


def test_hex_is_known_from_text() -> None:
    assert hex_bytes("1-0:1.8.0(5)") is None and hex_bytes("") is None and hex_bytes("abc") is None
    assert hex_bytes("AB-CD,ef") == b"\xab\xcd\xef"
