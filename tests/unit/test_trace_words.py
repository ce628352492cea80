"""`meterd trace` in words: a line for each frame, silence told beside what was asked."""

from __future__ import annotations

from meterd._crc import fcs16
from meterd.explain.one_line import Telling

HEADER = "# meterd wire log 1"


def told(*rows: str, at_end: bool = True) -> list[str]:
    lines: list[str] = []
    telling = Telling(lines.append)
    for row in rows:
        telling.row(row)
    if at_end:
        telling.end()
    return lines


def snrm(address: int) -> str:
    head = bytes((0xA0, 7, address << 1 | 1, 0x21, 0x93))
    return (b"\x7e" + head + fcs16(head).to_bytes(2, "little") + b"\x7e").hex(" ")


def test_silence_is_told_beside_what_was_asked() -> None:
    lines = told(HEADER, "@ PORT2", "~ 0.0 9600 8N1", f"> 100.0 {snrm(5)}", f"> 2600.0 {snrm(6)}")
    assert lines[1] == "    0.100 PORT2  > SNRM to 5 → silence after 2.5 s"
    assert lines[2] == "    2.600 PORT2  > SNRM to 6"
    assert "9600" in lines[0]


def test_a_break_is_not_answered() -> None:
    lines = told("@ P", "> 0.0 01 42 30 03 71", "> 900.0 2f 3f 21 0d 0a")
    assert [line.partition("  > ")[2] for line in lines] == [
        "B0 break: ends the dialogue", "request to whoever is there",
    ]  # fmt: skip


def test_an_answer_in_pieces_is_one() -> None:
    rows = (
        "@ a:1",
        "> 0.0 10 40 09 49 16",
        "< 40.0 e5",
        "> 50.0 10 7b 09 84 16",
        "< 90.0 68 03 03",
        "< 95.0 68 08 09 78 89 16",
    )
    assert [line.partition("  > ")[2] or line.partition("  < ")[2] for line in told(*rows)] == [
        "SND_NKE, address 9", "E5 acknowledge", "REQ_UD2, address 9", "RSP_UD, address 9, answer without a header",
    ]  # fmt: skip


def test_what_is_wrong_is_told_in_the_line() -> None:
    assert "!! checksum: wrong" in told("@ x", "< 1.0 68 03 03 68 08 09 78 88 16")[0]


def test_lines_are_kept_apart_and_data_lines_counted() -> None:
    rows = (
        "@ A",
        "> 0.0 2f 3f 21 0d 0a",
        "@ B",
        "> 5.0 10 5b 01 5c 16",
        "@ A",
        "< 9.0 46 2e 46 28 30 29 0d 0a 43 2e 31 28 35 29 0d 0a 21 0d 0a",
    )
    lines = told(*rows)
    assert any("A  > request to whoever is there" in line and "silence" not in line for line in lines)
    assert any("A  < 2 data lines" in line for line in lines) and any("B  > REQ_UD2" in line for line in lines)


def test_what_is_no_row_is_passed_over() -> None:
    assert told("", "garbage", "< x 00", "> 1.0 zz") == []
