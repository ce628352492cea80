"""Workbooks there and back, what is odd and yet taken, files that are no workbooks, and two readers that agree."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from io import BytesIO

import pytest

from meterd.cli.main import main
from meterd.config.workbook import archive
from tests.unit.workbook_site import (
    DEVICES,
    SIGNALS,
    Workbook,
    at,
    fill,
    imported,
    large_site,
    load_workbook,
    sound_book,
)


@pytest.fixture
def book():
    return sound_book()


def saved(book, tmp_path):
    path = tmp_path / "site.xlsx"
    book.save(path)
    return path


def test_forty_devices_go_out_and_come_back_unchanged(tmp_path, capsys):
    site = large_site()
    (tmp_path / "site.json").write_text(json.dumps(site))
    path = tmp_path / "site.xlsx"
    assert main(["export", str(tmp_path / "site.json"), "-o", str(path)]) == 0
    code, errors, _, first = imported(path, tmp_path / "one", capsys)
    assert (code, errors) == (0, [])
    assert (len(first["devices"]), len(first["signals"])) == (40, 600)
    assert first == site
    written = tmp_path / "one" / "site.json"
    again = tmp_path / "again" / "site.xlsx"
    again.parent.mkdir()
    assert main(["export", str(written), "-o", str(again)]) == 0
    imported(again, tmp_path / "two", capsys)
    assert (tmp_path / "two" / "site.json").read_bytes() == written.read_bytes()
    assert written.stat().st_mode & 0o777 == 0o600


def test_importing_twice_changes_nothing_and_keeps_what_no_workbook_has(tmp_path, capsys, book):
    path = saved(book, tmp_path)
    imported(path, tmp_path, capsys)
    written = tmp_path / "site.json"
    content = json.loads(written.read_text())
    written.write_text(json.dumps({**content, "publish": {"stdout": "none"}}))
    at(book["Devices"], "serialnumber", 2).value = "00071121"
    path = saved(book, tmp_path)
    capsys.readouterr()
    assert main(["import", str(path), "-o", str(tmp_path)]) == 0
    told = capsys.readouterr().err
    assert "devices changed: 1 (cellar)" in told
    assert "cellar is another meter now (serialnumber 00071120 before, 00071121 now)" in told
    once = written.read_bytes()
    assert json.loads(once)["publish"] == {"stdout": "none"}
    imported(path, tmp_path, capsys)
    assert written.read_bytes() == once


def test_only_checking_writes_nothing(tmp_path, capsys, book):
    assert imported(saved(book, tmp_path), tmp_path / "out", capsys, "--check") == (0, [], [], None)


def test_what_was_there_stays_where_the_workbook_is_wrong(tmp_path, capsys, book):
    (tmp_path / "site.json").write_text('{"devices": []}')
    at(book["Devices"], "port", 2).value = date(2001, 8, 1)
    assert imported(saved(book, tmp_path), tmp_path, capsys)[0] == 3
    assert (tmp_path / "site.json").read_text() == '{"devices": []}'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site.json", "site.xlsx"]


def test_cells_as_people_have_them(tmp_path, capsys):
    book = Workbook()
    book.active.title = "Devices"
    row = {
        **DEVICES[0],
        "port": 4001.0,
        "device_alias": "cellar\u00a0",
        "enable": True,
        "serialnumber": 71120,
        "type": " c ",
    }
    fill(book.active, [dict(reversed(row.items()))])
    at(book.active, "serialnumber", 2).number_format = "00000000"
    at(book.active, "device_alias", 1).value = " Device Alias"
    fill(
        book.create_sheet("SignalsIEC"),
        [{**SIGNALS[0], "Remark": "on the wall", "multiply": "0,001", "on_message": "ON"}],
    )
    code, errors, warnings, found = imported(saved(book, tmp_path), tmp_path, capsys)
    assert (code, errors) == (0, [])
    [device] = found["devices"]
    assert (device["port"], device["device_alias"], device["enable"]) == (4001, "cellar", 1)
    assert (device["serialnumber"], device["type"]) == ("00071120", "c")
    assert found["signals"][0]["_remark"] == "on the wall" and found["signals"][0]["_on_message"] == "ON"
    assert found["signals"][0]["multiply"] == "0,001"
    assert any("SignalsIEC!G1" in each and '"remark" is not known' in each for each in warnings)
    assert any("SignalsIEC!I2: on_message has no effect" in each for each in warnings)


def test_ports_of_a_wcc_lite_need_no_sheet(tmp_path, capsys, book):
    del book["Ports"]
    code, errors, warnings, found = imported(saved(book, tmp_path), tmp_path, capsys)
    assert (code, errors) == (0, []) and "ports" not in found
    assert any(each.startswith("PORT1: no device node is known here") for each in warnings)


def test_rows_below_an_empty_one_are_left_out_aloud(tmp_path, capsys, book):
    book["Signals"].insert_rows(4)
    book["Signals"].cell(4, 2).value = "  "
    book["Signals"].cell(5000, 9).number_format = "@"
    _, errors, warnings, found = imported(saved(book, tmp_path), tmp_path, capsys)
    assert errors == [] and len(found["signals"]) == 2
    assert "Signals: row 4 is empty and ends the sheet: rows below it that are left out: 2" in warnings


def test_what_is_hidden_is_read_and_told(tmp_path, capsys, book):
    fill(book.create_sheet("SignalsOld"), [{**SIGNALS[0], "signal_alias": "old"}])
    book["SignalsOld"].sheet_state = "hidden"
    book["Devices"].row_dimensions[3].hidden = True
    book["Signals"].column_dimensions["C"].hidden = True
    book.create_sheet("Notes")
    _, errors, warnings, found = imported(saved(book, tmp_path), tmp_path, capsys)
    assert errors == [] and len(found["signals"]) == 5
    assert "SignalsOld: this hidden sheet is read, too" in warnings
    assert "Devices: hidden rows are read, too: 3" in warnings
    assert "Signals: hidden columns are read, too: C" in warnings
    assert any(each.endswith("Notes") and "left out" in each for each in warnings)


# ---- files that are none


def packed(**parts):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return buffer.getvalue()


OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
FILES = [
    (b"", "is no .xlsx workbook"),
    (b"device_alias;protocol\ncellar;DLMS\n", "is no .xlsx workbook"),
    (OLE, "old format .xls"),
    (OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    (packed(content_xml="<x/>"), "OpenDocument"),
    (packed(readme="hello"), "is an archive, but no workbook"),
    (packed(xl__sheet_xml=bytes(80 << 20)), "unpacks to 80 MB"),
    (packed(**{f"part{number}": b"" for number in range(1001)}), "1001 parts"),
    (packed(xl__workbook_xml='<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'), "document type"),
    (packed(xl__workbook_xml="<x>"), "damaged"),
]


@pytest.mark.parametrize(("data", "words"), FILES, ids=[each[1].replace(" ", "_") for each in FILES])
def test_what_is_no_workbook_is_told_so(tmp_path, capsys, data, words):
    path = tmp_path / "site.xlsx"
    path.write_bytes(data)
    code, errors, _, written = imported(path, tmp_path, capsys)
    assert code == 3 and written is None
    assert words in errors[0]


def test_no_more_is_unpacked_than_an_archive_declares(tmp_path, capsys, book):
    """Sizes that lie are found out by the archive's reader."""
    data = bytearray(saved(book, tmp_path).read_bytes())
    with zipfile.ZipFile(BytesIO(bytes(data))) as sound:
        info = sound.getinfo("xl/worksheets/sheet1.xml")
    place = data.rindex(b"xl/worksheets/sheet1.xml") - 46
    assert data[place : place + 4] == b"PK\x01\x02"
    data[place + 24 : place + 28] = (info.file_size // 2).to_bytes(4, "little")
    (tmp_path / "site.xlsx").write_bytes(bytes(data))
    code, errors, _, _ = imported(tmp_path / "site.xlsx", tmp_path / "out", capsys)
    assert code == 3 and "damaged" in errors[0]


def test_damaged_bytes_end_in_a_reason(tmp_path, capsys, book):
    sound = saved(book, tmp_path).read_bytes()
    reasons = 0
    for place in range(7, len(sound), len(sound) // 60):
        data = bytearray(sound)
        data[place] ^= 0x5A
        (tmp_path / "site.xlsx").write_bytes(bytes(data))
        code, errors, _, written = imported(tmp_path / "site.xlsx", tmp_path / "out", capsys, "--check")
        assert (code, bool(errors)) in ((0, False), (3, True)) and written is None
        reasons += bool(errors)
    assert reasons > 10


def test_a_million_formatted_rows_are_no_rows(tmp_path, capsys, book):
    path = saved(book, tmp_path)
    parts = {}
    with zipfile.ZipFile(path) as sound:
        for name in sound.namelist():
            parts[name] = sound.read(name)
    rows = b"".join(b'<row r="%d" s="1" customFormat="1"/>' % row for row in range(6, 90_000))
    sheet = parts["xl/worksheets/sheet2.xml"]
    parts["xl/worksheets/sheet2.xml"] = sheet.replace(b"</sheetData>", rows + b"</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    code, errors, warnings, found = imported(path, tmp_path, capsys)
    assert (code, errors, warnings) == (0, [], []) and len(found["signals"]) == 4


def test_bounds_are_what_the_docs_say():
    assert (archive.MAX_FILE >> 20, archive.MAX_UNPACKED >> 20) == (16, 64)


# ---- export and template


def test_another_reader_sees_the_same(tmp_path):
    calamine = pytest.importorskip("python_calamine")
    site = large_site()
    (tmp_path / "site.json").write_text(json.dumps(site))
    main(["export", str(tmp_path / "site.json"), "-o", str(tmp_path / "site.xlsx")])
    theirs = calamine.CalamineWorkbook.from_path(str(tmp_path / "site.xlsx"))
    ours = load_workbook(tmp_path / "site.xlsx")
    assert theirs.sheet_names == ours.sheetnames == ["Devices", "Signals", "Ports"]
    for title in ours.sheetnames:
        rows = theirs.get_sheet_by_name(title).to_python()
        assert [
            ["" if cell is None else cell for cell in row] for row in ours[title].iter_rows(values_only=True)
        ] == rows
    header = theirs.get_sheet_by_name("Devices").to_python()[0]
    assert theirs.get_sheet_by_name("Devices").to_python()[2][header.index("address")] == "00384701"


def test_texts_stay_texts(tmp_path, capsys):
    device = {**DEVICES[0], "name": "=1+1", "serialnumber": "-00071120", "description": "+49 30", "_operation": "sum"}
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"devices": [device], "signals": [SIGNALS[0]]}))
    assert main(["export", str(path), "-o", str(tmp_path / "out.xlsx")]) == 0
    sheet = load_workbook(tmp_path / "out.xlsx")["Devices"]
    cell = at(sheet, "name", 2)
    assert (cell.value, cell.data_type, cell.number_format) == ("=1+1", "s", "@")
    assert at(sheet, "operation", 2).value == "sum"
    assert imported(tmp_path / "out.xlsx", tmp_path, capsys)[3]["devices"] == [device]


def test_a_wrong_configuration_is_not_exported(tmp_path, capsys):
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"devices": [{**DEVICES[0], "port": "x"}], "signals": []}))
    assert main(["export", str(path), "-o", str(tmp_path / "out.xlsx")]) == 3
    assert not (tmp_path / "out.xlsx").exists()
    assert 'found "x"' in capsys.readouterr().err


def test_the_template_guides_the_hand(tmp_path, capsys):
    path = tmp_path / "new.xlsx"
    assert main(["template", "-o", str(path)]) == 0
    book = load_workbook(path)
    assert book.sheetnames == ["Devices", "Signals", "Ports", "About"]
    for title, name, words in (
        ("Devices", "parity", ("none, even, odd", "Default: none")),
        ("Signals", "tag_job_todo", ("1.8.0*24", "Required")),
        ("Devices", "port", ("Required over TCP", "0 to 65535")),
    ):
        note = at(book[title], name, 1).comment.text
        assert all(word in note for word in words)
    rules = {}
    for rule in book["Devices"].data_validations.dataValidation:
        rules[str(rule.sqref)] = rule
    letter = {name: at(book["Devices"], name, 1).column_letter for name in ("protocol", "parity", "baudrate", "t2")}
    assert "mbus tcp" in rules[f"{letter['protocol']}2:{letter['protocol']}2000"].formula1
    assert rules[f"{letter['parity']}2:{letter['parity']}2000"].formula1 == '"none,even,odd"'
    bounds = rules[f"{letter['t2']}2:{letter['t2']}2000"]
    assert (bounds.type, bounds.formula1, bounds.formula2) == ("whole", "200", "1500")
    for title, name in (
        ("Signals", "tag_job_todo"),
        ("Signals", "obis_job"),
        ("Devices", "serialnumber"),
        ("Devices", "id"),
    ):
        sheet = book[title]
        assert sheet.column_dimensions[at(sheet, name, 1).column_letter].number_format == "@"
    aliases = [rule.formula1 for rule in book["Signals"].data_validations.dataValidation]
    assert "Devices!$C$2:$C$2000" in aliases
    assert main(["template", "-o", str(path)]) == 3
    assert "is there already" in capsys.readouterr().err


def test_a_filled_template_is_imported(tmp_path, capsys):
    path = tmp_path / "site.xlsx"
    assert main(["template", "mbus", "-o", str(path)]) == 0
    book = load_workbook(path)
    for title, row in (("Devices", DEVICES[1]), ("Signals", SIGNALS[1])):
        for name, value in row.items():
            at(book[title], name, 2).value = value
    code, errors, warnings, found = imported(saved(book, tmp_path), tmp_path, capsys)
    assert (code, errors, warnings) == (0, [], [])
    assert found["devices"] == [
        dict(sorted(DEVICES[1].items(), key=lambda each: list(found["devices"][0]).index(each[0])))
    ]
    assert len(at(book["Devices"], "device_alias", 1).comment.text) > 20


@pytest.mark.parametrize(
    "words", [["import"], ["import", "a", "b"], ["export", "a.json"], ["template", "modbus", "-o", "a.xlsx"]]
)
def test_wrong_command_lines(words, capsys):
    assert main(words) == 2
    assert "--help" in capsys.readouterr().err
