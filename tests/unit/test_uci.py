"""UCI files read by the daemon: libuci's grammar, its slips in one sentence with their line, the tables' own errors."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd.config.files import load
from meterd.config.source import is_uci, original
from meterd.config.uci import Uci

SITE = """\
# a comment
config meterd 'main'
	option log_level '6'

config port 'PORT1'
	option node '/dev/ttyS1'

config device 'attic'
	option protocol 'IEC 62056-21'
	option device 'PORT1'
	option serialnumber '0'

config signal 'import_energy'
	option device_alias 'attic'
	option number_type 'DOUBLE'
	option job_todo '1.8.0'
	option tag_job_todo '1.8.0'
"""
WIDE = """\
config device "shed"
	option protocol DLMS
	option ip 10.0.0.7;
	option port "4059" ; # the usual one
	option name 'The '\\''old'\\'' shed'	# of wood
	option type	LN
	option client_address 16
	option logical_address 1
	option description a\\ b"c \\" d"
"""


def written(tmp_path, text: str):
    path = tmp_path / "site"
    path.write_text(text)
    return path


def test_sections_become_rows_under_their_own_names():
    content = Uci(SITE).content
    assert content["ports"] == {"PORT1": "/dev/ttyS1"}
    assert content["devices"] == [
        {"device_alias": "attic", "name": "attic", "protocol": "IEC 62056-21", "device": "PORT1", "serialnumber": "0"}
    ]
    assert content["signals"][0]["signal_alias"] == "import_energy"


def test_words_are_read_as_libuci_reads_them():
    [row] = Uci(WIDE).content["devices"]
    assert row["ip"] == "10.0.0.7"
    assert row["port"] == "4059"
    assert row["name"] == "The 'old' shed"
    assert row["type"] == "LN"
    assert row["description"] == 'a bc " d'


@pytest.mark.parametrize("end", ["\r\n", "\n\n", " \n", "\t# end\n"])
def test_what_other_systems_write_at_the_end_of_a_line_changes_nothing(end):
    assert Uci(SITE.replace("\n", end)).content == Uci(SITE).content


def test_an_unnamed_section_gets_no_made_up_alias():
    [row] = Uci("config signal\n\toption device_alias 'a'\n").content["signals"]
    assert row == {"device_alias": "a"}


def test_a_value_of_nothing_is_no_option():
    assert Uci("config device 'a'\n\toption ip ''\n\toption name ''\n").content["devices"] == [
        {"device_alias": "a", "name": "a"}
    ]


def test_lists_are_lists():
    assert Uci("config meterd\n\tlist config '/a b'\n\tlist config /c\n").main == {"config": ["/a b", "/c"]}


def test_publish_sections_are_one_object():
    for general in ("general", "main"):
        text = f"config publish '{general}'\n\toption stdout none\nconfig publish 'file'\n\toption path '/mnt/x'\n"
        assert Uci(text).content["publish"] == {"stdout": "none", "file": {"path": "/mnt/x"}}


def test_a_uci_file_and_the_same_in_json_are_one_configuration(tmp_path):
    path = tmp_path / "site.json"
    path.write_text(json.dumps(Uci(SITE).content))
    ours, theirs = load([str(written(tmp_path, SITE))]), load([str(path)])
    assert ours.errors == theirs.errors == []
    assert [device.parameters for device in ours.devices] == [device.parameters for device in theirs.devices]
    assert [one.parameters for one in ours.signals["attic"]] == [one.parameters for one in theirs.signals["attic"]]
    assert (ours.ports, ours.publish) == (theirs.ports, theirs.publish)
    assert (ours.log_level, theirs.log_level) == (6, None)


# (what is wrong, its line, what the sentence says of it)
BROKEN = [
    ("option device 'PORT1\n", 4, "the quote ' in column 15 is not closed"),
    ('option device "PORT1\n', 4, 'the quote " in column 15 is not closed'),
    ("option device 'PORT1\"\n", 4, "not closed"),
    ("option device 'PORT1' 'PORT2'\n", 4, "holds more than option takes"),
    ("option name Old shed\n", 4, "holds more than option takes"),
    ("option name 'it's mine'\n", 4, "not closed"),
    ("option 'base rate' '300'\n", 4, "is no name"),
    ("option base-rate '300'\n", 4, "is no name"),
    ("option\n", 4, "option without a name"),
    ("list\n", 4, "list without a name"),
    ("opption device 'PORT1'\n", 4, "did you mean option?"),
    ("device 'PORT1'\n", 4, "begins with"),
    ("<<<<<<< yours\n", 4, "begins with"),
    ("=======\n", 4, "begins with"),
    ('{"devices": []}\n', 4, "begins with"),
    ("option name 'a\\\n", 4, "not closed"),
    ("option name a\\\n", 4, "ends in \\"),
    ('option name "a\\\n', 4, "ends in \\"),
    ("config\n", 4, "config without a name"),
    ("config device 'a' 'b'\n", 4, "holds more than config takes"),
    ("config device 'my shed'\n", 4, "no name of a section"),
    ("config device shed-2\n", 4, "no name of a section"),
    ("config 'de vice' 'a'\n", 4, "no kind of section"),
    ("option name 'a\x00b'\n", 4, "zero octet"),
    ("package one two\n", 4, "holds more than package takes"),
    ("package\n", 4, "package without a name"),
    # What the real uci was seen to refuse, or to drop without a word.
    ("config signal 'attic'\n", 4, "has the name of section device attic"),
    ("config publish attic\n", 4, "uci wants each name once"),
    ("'option' name 'x'\n", 4, "begins with '"),
    ('"config" device x\n', 4, 'begins with "'),
    (";option name 'x'\n", 4, "begins with ;"),
    ("option name 'x'; option ip 10.0.0.1\n", 4, "holds more behind ;"),
    ("option name x;y\n", 4, "holds more behind ;"),
]


@pytest.mark.parametrize(("slip", "line", "said"), BROKEN)
def test_a_slip_is_one_sentence_with_file_and_line_and_nothing_of_the_file_is_used(tmp_path, slip, line, said):
    path = written(tmp_path, "config device 'attic'\n\toption protocol 'DLMS'\n\n" + slip + SITE)
    found = load([str(path)])
    assert not found.legible
    assert found.devices == []
    [error] = found.errors
    assert str(error).startswith(f"{path}, line {line}: ")
    assert said in str(error)


def test_an_option_before_any_section_is_a_slip(tmp_path):
    [error] = load([str(written(tmp_path, "package meterd\n\noption name 'x'\n" + SITE))]).errors
    assert ", line 3: option name stands before the first section" in str(error)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("'0'\n\nconfig signal", "'0'\n\toption baudrate '301'\n\nconfig signal", 12, "parameter baudrate"),
        ("option tag_job_todo", "option tag_jobtodo", 17, "did you mean tag_job_todo?"),
        ("device_alias 'attic'", "device_alias 'atic'", 14, "did you mean attic?"),
        ("device 'PORT1'", "device 'PORT3'", 10, "not among the ports"),
        ("option node '/dev/ttyS1'", "option speed '1'", 6, "is not known here"),
        ("option node '/dev/ttyS1'", "", 5, "device node"),
        ("config device 'attic'", "config divice 'attic'", 8, "did you mean device?"),
        ("log_level '6'", "log_level '99'", 3, "allowed: a whole number, 0 to 7"),
        ("log_level '6'", "loglevel '6'", 3, "did you mean log_level?"),
        ("log_level '6'", "config '/mnt/x.json'", 3, "allowed: a list"),
        ("option job_todo '1.8.0'", "list job_todo '1.8.0'", 16, "found a list"),
        ("config port 'PORT1'", "config port", 5, "config port 'NAME'"),
    ],
)
def test_the_tables_errors_have_their_line(tmp_path, old, new, line, said):
    assert old in SITE
    path = written(tmp_path, SITE.replace(old, new))
    found = [str(error) for error in load([str(path)]).errors]
    assert any(error.startswith(f"{path}, line {line}, ") and said in error for error in found), found
    assert load([str(path)]).devices == []


def test_what_is_given_twice_is_found(tmp_path):
    path = written(tmp_path, SITE + "\toption job_todo '2.8.0'\n")
    for careful in (False, True):
        [error] = load([str(path)], careful=careful).errors
        assert str(error).startswith(f"{path}, line 18, device attic, signal ")
        assert str(error).endswith(", parameter job_todo: is given twice")


def test_an_alias_of_its_own_beside_the_sections_name_is_no_double(tmp_path):
    path = written(tmp_path, SITE + "\toption signal_alias 'other'\n")
    assert load([str(path)]).errors == []


def test_two_devices_of_one_name_are_not_merged(tmp_path):
    device = SITE[SITE.index("config device") : SITE.index("config signal")]
    path = written(tmp_path, SITE + device)
    [error] = load([str(path)]).errors
    assert ", line 18, " in str(error)
    assert "another device has already" in str(error)


def test_what_is_a_uci_file():
    assert is_uci("/etc/config/meterd", "{")
    assert is_uci("/tmp/copy", "\n# x\n  config device\n")
    assert not is_uci("/etc/meterd/a.json", '\n{"devices": []}')
    assert not is_uci("/etc/meterd/a.json", "")


def test_the_copy_that_the_daemon_reads_is_called_by_the_name_of_what_it_copies():
    assert original("/var/run/meterd-config/meterd") == "/etc/config/meterd"
    assert original("/etc/meterd/site.json") == "/etc/meterd/site.json"


def test_a_missing_file_is_no_reason_to_keep_what_is_in_force(tmp_path):
    assert load([str(tmp_path / "gone.json")]).legible
    assert not load([str(written(tmp_path, '{"devices": ['))]).legible


def test_any_text_ends_in_a_value_or_a_reasoned_error():
    pieces = ["config", "option", "list", " ", "\t", "'", '"', "\\", "#", ";", "\n", "\r", "a", "device", "é", "'x'"]
    state = 20261128
    for _ in range(3000):
        text = ""
        for _ in range(12):
            state = (state * 1103515245 + 12345) % (1 << 31)
            text += pieces[(state >> 8) % len(pieces)]
        try:
            places, fast = Uci(text, places=True), Uci(text)
        except ValueError as error:
            line, message = error.args
            assert 1 <= line <= text.count("\n") + 1
            assert message
        else:
            assert (places.content, places.main) == (fast.content, fast.main)


PIECES = st.sampled_from(
    ["config device 'a'\n", "config signal 's_1'\n", "config signal\n", "\toption ip '10.0.0.9'\n",
     "\toption ip ''\n", "\toption name 'two words'\n", "\tlist jobs '1.8.0'\n", "\n", " \t\r\n", "# it's a comment\n",
     "\toption name plain\n", "\toption name 'x' # behind\n", "\toption name 'a'\\''b'\n", '\toption name "d"\n',
     "\toption name 'never closed\n", "\toption port '7' option ip 'y'\n", "config publish 'main'\n",
     "package meterd\n", "\toption name 'a''b'\n", "config a\x01b 'z'\n", "config device 'no name'\n",
     "\toption na-me 'x'\n", "\toption name 'x'\u00a0\n", "config port 'P'\n", "\toption node '/dev/ttyS7'\n",
     "\u2003\n", "config meterd 'main'\n", "\toption log_level '5'"]
)  # fmt: skip


@settings(max_examples=1000, deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join))
def test_a_text_read_quickly_says_what_it_says_line_by_line(text: str) -> None:
    def found(places: bool) -> object:
        try:
            uci = Uci(text, places)
        except ValueError as error:
            return error.args
        return uci.content, uci.main, uci.faults, uci.doubled

    assert found(False) == found(True)
