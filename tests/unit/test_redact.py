"""`meterd redact`: planted numbers, titles, secrets and addresses are gone, wherever they stand; checks are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterd._crc import bcc, checksum, fcs16
from meterd.cli.main import main
from meterd.errors import ConfigError
from meterd.explain.redaction import MOST, Redaction
from meterd.explain.source import wire_log

from .test_explain import check_all_right, hdlc, rows_of

SERIAL = "73910264"


def redacted(*rows: str) -> str:
    text = "\n".join(["# meterd wire log 1", *rows, ""])
    return Redaction(text.encode(), "wire.log").text


def long_frame(body: bytes) -> bytes:
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([checksum(body), 0x16])


def test_a_serial_number_is_gone_from_text_and_frames_alike() -> None:
    block = b"\x020.0.0(" + SERIAL.encode() + b")\r\n1.8.0(000123.4*kWh)\r\n!\r\n\x03"
    block += bytes([bcc(block[1:])])
    request = f"/?00{SERIAL}!\r\n".encode()
    text = redacted(f"# Meter: serial {SERIAL}", "@ PORT1", f"> 1.0 {request.hex(' ')}", f"< 9.0 {block.hex(' ')}")
    assert SERIAL not in text and SERIAL.encode().hex(" ") not in text
    pieces = wire_log(text, "x")
    assert pieces[0].data == b"/?0000000001!\r\n" and b"0.0.0(00000001)" in pieces[1].data
    assert b"1.8.0(000123.4*kWh)" in pieces[1].data
    for piece in pieces:
        check_all_right(rows_of(piece.data, masked=piece.masked))


def test_packed_digits_of_a_bus() -> None:
    number = bytes.fromhex(SERIAL)[::-1]
    answer = long_frame(bytes.fromhex("08 05 72") + number + bytes.fromhex("2d2c 07 04 05 00 0000 0c78") + number)
    select = long_frame(bytes.fromhex("53 fd 52") + number + b"\xff" * 4)
    text = redacted("@ tcp:1", f"> 0.0 {select.hex(' ')}", f"< 5.0 {answer.hex(' ')}")
    assert number.hex(" ") not in text
    first, second = wire_log(text, "x")
    assert first.data[7:11] == second.data[7:11] == b"\x01\0\0\0" and second.data.count(b"\x01\0\0\0") == 2
    check_all_right(rows_of(first.data))
    check_all_right(rows_of(second.data))


def test_a_system_title_and_a_value_of_the_identification() -> None:
    title = b"QQW\x11\x22\x33\x44\x55"
    aare = bytes.fromhex("6129a109060760857405080101a203020100a305a103020100a40a0408") + title
    aare += bytes.fromhex("be0404025555")
    aare = aare[:1] + bytes([len(aare) - 2]) + aare[2:]
    asked = hdlc_information("21", bytes.fromhex("e6e600 c001c1 0001 0000600100ff 02 00"), "03")
    told = hdlc_information("03", bytes.fromhex("e6e700 c401c100 0908") + SERIAL.encode(), "21")
    opened = hdlc_information("03", b"\xe6\xe7\x00" + aare, "21")
    text = redacted("@ P", f"< 0.0 {opened.hex(' ')}", f"> 1.0 {asked.hex(' ')}", f"< 2.0 {told.hex(' ')}",
                    f"# system title {title.hex().upper()}")  # fmt: skip
    assert title.hex() not in text.lower() and title.hex(" ") not in text
    assert SERIAL.encode().hex(" ") not in text
    pieces = wire_log(text, "x")
    assert b"QQW\0\0\0\0\1" in pieces[0].data and b"00000001" in pieces[2].data
    assert b"QQW\0\0\0\0\1".hex().upper() in text


def hdlc_information(destination: str, information: bytes, source: str) -> bytes:
    body = bytes.fromhex(destination + source) + b"\x10"
    size = len(body) + len(information) + 6
    head = (0xA000 | size).to_bytes(2, "big") + body
    head += fcs16(head).to_bytes(2, "little") + information
    return b"\x7e" + head + fcs16(head).to_bytes(2, "little") + b"\x7e"


def test_a_password_is_masked_with_the_check_over_it() -> None:
    command = b"\x01P1\x02(Horse77)\x03"
    command += bytes([bcc(command[1:])])
    text = redacted("# password=Horse77", "@ P", f"> 1.0 {command.hex(' ')}")
    assert "Horse77" not in text and b"Horse77".hex(" ") not in text
    assert text.splitlines()[-1].endswith("29 03 **") and "** ** ** ** ** ** **" in text


def test_what_stands_across_two_segments_is_masked() -> None:
    apdu = b"\xe6\xe7\x00\xc4\x01\xc1\x00\x09\x08" + SERIAL.encode()

    def frame(control: int, part: bytes, more: bool) -> bytes:
        head = ((0xA800 if more else 0xA000) | len(part) + 9).to_bytes(2, "big") + bytes((0x03, 0x21, control))
        head += fcs16(head).to_bytes(2, "little") + part
        return b"\x7e" + head + fcs16(head).to_bytes(2, "little") + b"\x7e"

    asked = hdlc_information("21", bytes.fromhex("e6e600 c001c1 0001 0000600100ff 02 00"), "03")
    answer = frame(0x30, apdu[:13], True) + frame(0x32, apdu[13:], False)
    text = redacted("@ P", f"> 1.0 {asked.hex(' ')}", f"< 2.0 {answer.hex(' ')}")
    assert SERIAL[:4].encode().hex(" ") not in text and SERIAL[4:].encode().hex(" ") not in text


def test_a_plain_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = "0F1E2D3C4B5A69788796A5B4C3D2E1F0"
    frame = f"/?{SERIAL}!\r\n".encode()
    log = tmp_path / "log"
    log.write_text(
        f'meterd: 10.20.30.40:4059 refused\nmeterd: "encryption_key": "{key}"\nPORT1 > {frame.hex(" ")}\n'
        f"read from fe80::12:34ff:fe56:789a, serialnumber={SERIAL}, 1.0.1.8.0.255 = 5 kWh\n10.20.30.40 answers again\n"
    )
    assert main(["redact", str(log)]) == 0
    out, err = capsys.readouterr()
    for planted in ("10.20.30.40", key, SERIAL, "fe80::12", SERIAL.encode().hex(" ")):
        assert planted not in out and planted not in err
    assert out.count("192.0.2.1") == 2 and "2001:db8::" in out and "1.0.1.8.0.255 = 5 kWh" in out
    assert "1 serial numbers" in err and "2 IP addresses" in err and "1 secrets" in err


def test_what_tells_of_nobody_stays_as_it_is() -> None:
    rows = [
        "@ PORT3",
        "~ 0.0 9600 8N1",
        f"> 1.0 {hdlc(bytes.fromhex('03 21 93')).hex(' ')}",
        "< 9.0 e5",
        "> 12.0 01 42 30 03 **",
    ]
    assert redacted(*rows) == "\n".join(["# meterd wire log 1", *rows, ""])


def test_more_than_can_be_looked_for_is_refused() -> None:
    text = "\n".join(f"serialnumber={number}" for number in range(100_000, 100_000 + MOST + 1))
    with pytest.raises(ConfigError, match="cut out what matters"):
        Redaction(text.encode(), "log")


def test_a_file_that_is_too_large_or_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * ((1 << 20) + 1))
    assert main(["redact", str(large)]) == 3 and main(["redact", str(tmp_path / "none")]) == 3
    assert "larger than" in capsys.readouterr().err
