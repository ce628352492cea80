"""The command line as a person meets it: options together, help for one command, pipes, and readers that go away."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meterd.cli import options
from meterd.cli.main import COMMANDS, about, main
from meterd.cli.options import DEBUG, FRAMES, RAW, VERBOSE, UsageError, parse

METERD = [sys.executable, "-m", "meterd"]
CONFIGURATION = {
    "devices": [
        {"name": "Flat", "device_alias": "flat", "protocol": "DLMS", "ip": "192.0.2.9", "port": 4059,
         "client_address": 16, "physical_address": 1, "type": "LN", "mode": "DLMS-HDLC"},
    ],
    "signals": [
        {"signal_name": "E", "device_alias": "flat", "signal_alias": "e", "obis_job": "1.0.1.8.0.255"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("words", [["-rf"], ["-fr"], ["-r", "-f"], ["-rfd7"], ["-rd", "7", "-f"]])
def test_flags_may_stand_together(words: list[str]) -> None:
    found = parse(words, (RAW, FRAMES, DEBUG))
    assert found.has("raw") and found.has("frame")
    assert found.value("debug") == ("7" if "7" in "".join(words) else None)


def test_flags_are_counted() -> None:
    assert parse(["-vv", "-v"], (VERBOSE,)).count("verbose") == 3
    assert parse([], (VERBOSE,)).count("verbose") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [(["-rx"], "there is no option -x"), (["--raw=1"], "-r takes no value"), (["-rd"], "-d needs LEVEL")],
)
def test_slips_among_options_are_named(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(words, (RAW, DEBUG))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_one_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", command]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: meterd {command}")
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out == text


def test_help_of_a_command_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "raed"]) == 2
    assert "'read' perhaps?" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["-V", "-v", "--version", "version"])
def test_version(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 0
    assert capsys.readouterr().out.startswith("meterd ")


def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*METERD, *words], capture_output=True, text=True, timeout=60, check=False, env=os.environ, **options
    )


def test_configuration_comes_from_standard_input_and_from_pipes(tmp_path: Path) -> None:
    text = json.dumps(CONFIGURATION)
    done = run("check", "-", input=text)
    assert (done.returncode, json.loads(done.stdout)["devices"][0]["device_alias"]) == (0, "flat")
    read_end, write_end = os.pipe()
    os.write(write_end, text.encode())
    os.close(write_end)
    done = run("check", "-q", f"/dev/fd/{read_end}", pass_fds=(read_end,))
    os.close(read_end)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run("check", "-", input='{"devices": [1,]}')
    assert done.returncode == 3
    assert done.stderr.startswith("error: standard input, line 1: is not JSON: there is a comma before the closing ]")


def test_check_tells_programs_what_it_tells_people(tmp_path: Path) -> None:
    wrong = {**CONFIGURATION, "devices": [{**CONFIGURATION["devices"][0], "port": 70000}]}
    done = run("check", "--json", "-", input=json.dumps(wrong))
    answer = json.loads(done.stdout)
    assert done.returncode == 3 and not done.stderr
    assert [error["message"] for error in answer["errors"]] == ["found 70000, allowed: a whole number, 0 to 65535"]
    assert "device flat, parameter port" in answer["errors"][0]["place"]
    assert run("check", "--json", "-", input=json.dumps(CONFIGURATION)).returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["help", "run"],
        ["read", "--help"],
        ["check", "CONFIGURATION"],
        ["simulate", "dlms", "--help"],
    ],
)
def test_a_reader_that_goes_away_gets_no_traceback(words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps(CONFIGURATION))
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [*METERD, *(str(path) if word == "CONFIGURATION" else word for word in words)]
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, "")


SIGNED_AT_THE_END = """
import posix, sys
{before}
class Signed:
    def __del__(self, write=posix.write):
        write(2, b"tidied up")
sys.signed = Signed()
from meterd.cli.main import program
program()
"""


@pytest.mark.parametrize(
    ("words", "before", "code", "tidied"),
    [
        (["--version"], "", 0, False),
        (["--help"], "", 0, False),
        (["read", "--help"], "", 0, False),
        (["read", "dlms"], "", 2, False),
        (["read", "dlms", "--", "1.0.1.8.0.255"], "", 3, False),
        (["check", "--help"], "", 0, True),
        (["read", "--help"], "import atexit", 0, True),
        (["read", "--help"], "import threading", 0, True),
        (["read", "--help"], "import cProfile", 0, True),
    ],
)
def test_what_leaves_nothing_behind_ends_at_once(words: list[str], before: str, code: int, tidied: bool) -> None:
    """Without Python's taking itself down, unless somebody waits for that; code and output as from main()."""
    script = SIGNED_AT_THE_END.format(before=before)
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code
    assert ("tidied up" in done.stderr) is tidied
    assert done.stdout.startswith(("usage: meterd", "meterd ")) if code == 0 else "meterd read: " in done.stderr


def test_all_that_was_said_is_heard_before_the_end() -> None:
    assert run("--help").stdout == about() + "\n"
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*METERD, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode and "No space left" in done.stderr


def test_what_is_cut_short_by_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("meterd.cli.check.main", interrupted)
    assert main(["check", "x"]) == 130 == 128 + signal.SIGINT


def test_a_reading_that_is_cut_short_ends_so_too(tmp_path: Path) -> None:
    path = tmp_path / "meterd.json"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        device = {**CONFIGURATION["devices"][0], "ip": "127.0.0.1", "port": silent.getsockname()[1]}
        path.write_text(json.dumps({**CONFIGURATION, "devices": [{**device, "timeout_ms": 60000}]}))
        command = [*METERD, "read", "-c", str(path), "--state", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(1)
                process.send_signal(signal.SIGINT)
                assert process.wait(60) == 130


def test_every_option_has_words() -> None:
    for option in vars(options).values():
        if isinstance(option, options.Option):
            assert option.help and option.names[-1].startswith("--")


def test_a_configuration_of_several_files_is_asked_for_one_device(tmp_path, capfd):
    """`meterd read` and `meterd doctor` take the files that `meterd run` takes."""
    row = {"name": "a", "device_alias": "a", "protocol": "DLMS", "type": "LN", "client_address": 16,
           "physical_address": 1, "mode": "DLMS-WRAPPER", "ip": "127.0.0.1", "port": 1}  # fmt: skip
    signal = {"signal_name": "e", "device_alias": "a", "signal_alias": "e", "obis_job": "1.0.1.8.0.255", "class_id": 3}
    (tmp_path / "publish.json").write_text(json.dumps({"publish": {"stdout": "json"}}))
    (tmp_path / "site.json").write_text(json.dumps({"devices": [row], "signals": [signal]}))
    files = [str(tmp_path / "publish.json"), str(tmp_path / "site.json")]
    for words in (["-c", *files, "a"], ["a", "-c", *files], ["-c", files[0], "-c", files[1], "a"], ["-c", *files]):
        assert main(["read", *words, "--json", "--state", str(tmp_path)]) == 19  # disconnected
        assert '"reason":"disconnected"' in capfd.readouterr().out
