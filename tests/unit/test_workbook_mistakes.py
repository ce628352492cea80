"""Forty and more kinds of mistakes in a workbook, each with its one right message; nothing is ever written."""

from __future__ import annotations

from datetime import datetime, time

import pytest

from tests.unit.workbook_site import at, imported, sound_book

S, D = "Signals", "Devices"


def put(sheet, name, row, value):
    def spoil(book):
        at(book[sheet], name, row).value = value

    return spoil


def column(sheet, name, header):
    """Rename a column."""
    return put(sheet, name, 1, header)


def without(sheet, name):
    def spoil(book):
        book[sheet].delete_cols(at(book[sheet], name, 1).column)

    return spoil


def titled(sheet, title):
    def spoil(book):
        book[sheet].title = title

    return spoil


def added(sheet, *values):
    def spoil(book):
        book[sheet].append(list(values))

    return spoil


def further_column(sheet, header, value=None, row=2):
    def spoil(book):
        number = book[sheet].max_column + 1
        book[sheet].cell(1, number).value = header
        book[sheet].cell(row, number).value = value

    return spoil


def merged(book):
    book[D].merge_cells("B3:B4")


def only_headers(book):
    book[D].delete_rows(2, 9)
    book[S].delete_rows(2, 9)


def long_number(book):
    at(book[D], "id", 5).value = 1234567890123456


def padded(book):
    at(book[D], "address", 3).value = 384712


def many_rows_lack(book):
    without(S, "number_type")(book)


def third_sheet(book):
    sheet = book.create_sheet("SignalsMore")
    sheet.append(["signal_name", "device_alias", "signal_alias", "number_type", "tag_job_todo"])
    sheet.append(["Twice", "heat", "volume", "DOUBLE", "2"])


# (kind, what spoils the workbook, the message's place, words that it must have)
MISTAKES = [
    ("obis_as_date", put(S, "tag_job_todo", 2, datetime(2000, 8, 1)), "Signals!F2", ("2000-08-01", "1.8.0", "as text")),
    ("colon_as_time", put(S, "tag_job_todo", 5, time(1, 7)), "Signals!F5", ("time 01:07", "as text")),
    ("obis_as_number", put(S, "job_todo", 5, 1.7), "Signals!E5", ("found 1.7 as a number", "lost zeros", "as text")),
    ("serial_as_long_number", long_number, "Devices!Q5", ("1234567890123456", "15 digits", "as text")),
    ("zeros_lost", padded, "Devices!I3", ('found "384712"', "8 or 16", "loses its leading zeros")),
    ("no_such_port", put(D, "device", 5, "PORT3"), "Devices!O5", ('"PORT3"', "not among the ports")),
    ("no_number", put(D, "port", 2, "four"), "Devices!E2", ('found "four"', "0 to 65535")),
    ("fraction", put(D, "port", 3, 4001.5), "Devices!E3", ("found 4001.5", "a whole number")),
    ("too_high", put(D, "port", 4, 70000), "Devices!E4", ("found 70000", "0 to 65535")),
    ("too_low", put(D, "timeout_ms", 5, -4), "Devices!J5", ("found -4", "1 to 600000")),
    ("no_choice", put(D, "type", 2, "E"), "Devices!G2", ('found "E"', "A, B, C, D")),
    ("choice_mistyped", put(D, "auth", 4, "Lwo"), "Devices!M4", ('found "Lwo"', "did you mean Low?")),
    ("baudrate", put(D, "baudrate", 5, 4801), "Devices!P5", ("found 4801", "4800")),
    ("no_boolean", put(D, "enable", 2, "perhaps"), "Devices!H2", ('found "perhaps"', "0 or 1")),
    ("protocol_mistyped", put(D, "protocol", 3, "mbus tpc"), "Devices!C3", ('found "mbus tpc"', "mean mbus tcp?")),
    ("protocol_unknown", put(D, "protocol", 3, "Modbus RTU"), "Devices!C3", ('found "Modbus RTU"', "IEC 62056-21")),
    ("protocol_missing", put(D, "protocol", 3, None), "Devices!C3", ("is missing",)),
    ("alias_missing", put(D, "device_alias", 3, None), "Devices!B3", ("is missing",)),
    ("alias_twice", put(D, "device_alias", 3, "cellar"), "Devices!B3", ('"cellar"', "another device")),
    ("alias_with_blank", put(S, "signal_alias", 3, "the volume"), "Signals!C3", ('"the volume"', "letters, digits")),
    ("look_alike", put(S, "signal_alias", 3, "volum\u0435"), "Signals!C3", ("character 6", "CYRILLIC SMALL", "U+0435")),
    ("dash", put(S, "tag_job_todo", 2, "1\u20110:1.8.0"), "Signals!F2", ("NON-BREAKING HYPHEN", "U+2011")),
    ("signal_twice", third_sheet, "SignalsMore!C2", ('"volume"', "another signal")),
    ("device_unknown", put(S, "device_alias", 4, "yrd"), "Signals!B4", ('"yrd"', "did you mean yard?")),
    ("signal_without_device", put(S, "device_alias", 4, None), "Signals!B4", ("is missing", "alias of a device")),
    ("signal_alias_missing", put(S, "signal_alias", 4, None), "Signals!C4", ("is missing",)),
    ("number_type", put(S, "number_type", 2, "DUOBLE"), "Signals!D2", ('"DUOBLE"', "did you mean DOUBLE?")),
    ("obis_wrong", put(S, "obis_job", 4, "1.0.1.8.0.999"), "Signals!G4", ("1.0.1.8.0.999",)),
    ("obis_missing", put(S, "obis_job", 4, None), "Signals!G4", ()),
    ("ip_without_port", put(D, "port", 3, None), "Devices!E3", ("is missing", "over TCP")),
    ("other_protocols_column", put(D, "meter_model", 3, 2), "Devices!R3", ("is not known here",)),
    ("formula", put(D, "port", 2, "=4000+1"), "Devices!E2", ("formula without a value", "save it")),
    ("error_value", put(D, "port", 2, "#REF!"), "Devices!E2", ("#REF!", "mend the formula")),
    ("true_as_name", put(D, "name", 2, True), "Devices!A2", ("found true", "text")),
    ("line_break", put(S, "job_todo", 2, "1.8.0\n2.8.0"), "Signals!E2", ("several lines", "allowed: one")),
    ("merged", merged, "Devices!B3", ("merged (B3:B4)", "unmerge")),
    ("column_twice", further_column(D, "IP"), "Devices!S1", ('"ip"', "given twice", "D1")),
    ("column_mistyped", column(D, "timeout_ms", "timeout_sm"), "Devices!J1", ('"timeout_sm"', "mean timeout_ms?")),
    ("column_missing", many_rows_lack, "Signals, column number_type", ("is missing", "no such column")),
    ("column_nameless", further_column(D, None, "lost", 4), "Devices!S4", ("a column without a name",)),
    ("header_empty", lambda book: book[S].insert_rows(1), "Signals", ("is empty", "names of the columns")),
    ("sheet_missing", titled(D, "Devces"), "", ("0 sheets Devices", "did you mean Devces?")),
    ("no_signals", titled(S, "Tags"), "", ("no sheet whose name begins with Signals",)),
    ("no_rows", only_headers, "Devices", ("has no row",)),
    ("port_twice", added("Ports", "PORT1", "/dev/ttyS9"), "Ports!A3", ("PORT1", "given twice")),
    ("port_nowhere", put("Ports", "node", 2, None), "Ports!B2", ("path of a device node",)),
]  # fmt: skip


def test_the_workbook_is_sound_before_it_is_spoilt(tmp_path, capsys):
    path = tmp_path / "site.xlsx"
    sound_book().save(path)
    code, errors, _, written = imported(path, tmp_path, capsys)
    assert (code, errors) == (0, [])
    assert len(written["devices"]) == 4


@pytest.mark.parametrize(
    ("spoil", "place", "words"), [each[1:] for each in MISTAKES], ids=[each[0] for each in MISTAKES]
)
def test_a_mistake_is_told_by_its_cell(tmp_path, capsys, spoil, place, words):
    book = sound_book()
    spoil(book)
    path = tmp_path / "site.xlsx"
    book.save(path)
    code, errors, _, written = imported(path, tmp_path / "out", capsys)
    assert code == 3 and written is None and not (tmp_path / "out").exists()
    [error] = [error for error in errors if error.startswith(place)]
    assert error[len(place) : len(place) + 1] in (",", ":") or not place
    for word in words:
        assert word in error
    assert "sesame-81" not in "".join(errors)


ALONE = [each for each in MISTAKES if each[0] != "column_missing"]  # what two protocols ask is told for each


@pytest.mark.parametrize(("spoil",), [each[1:2] for each in ALONE], ids=[each[0] for each in ALONE])
def test_one_mistake_is_one_message(tmp_path, capsys, spoil):
    book = sound_book()
    spoil(book)
    path = tmp_path / "site.xlsx"
    book.save(path)
    assert len(imported(path, tmp_path / "out", capsys)[1]) == 1


def test_all_mistakes_are_told_at_once(tmp_path, capsys):
    book = sound_book()
    for kind in ("obis_as_date", "fraction", "no_choice", "no_boolean", "obis_wrong", "look_alike"):
        next(each[1] for each in MISTAKES if each[0] == kind)(book)
    path = tmp_path / "site.xlsx"
    book.save(path)
    _, errors, _, written = imported(path, tmp_path / "out", capsys)
    assert written is None
    places = [error.partition(":")[0].partition(",")[0] for error in errors]
    assert [place for place in places if place.startswith("Dev")] == ["Devices!G2", "Devices!H2", "Devices!E3"]
    assert {place for place in places if place.startswith("Sig")} >= {"Signals!F2", "Signals!C3", "Signals!G4"}
