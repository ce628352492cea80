"""What is typed wrongly at commands that ask the daemon is told with what to do next, before anybody is asked."""

from __future__ import annotations

import os
from errno import EACCES
from pathlib import Path

import pytest

from meterd.cli.control import no_daemon
from meterd.cli.main import main
from meterd.config.validation import shown


@pytest.mark.parametrize("command", ["status", "reload", "events", "trace", "top"])
def test_where_no_daemon_is_it_says_how_one_is_started(command: str, tmp_path: Path, capsys) -> None:
    assert main([command, "--control", str(tmp_path / "none")]) == 1
    said = capsys.readouterr().err
    assert f"meterd {command}: no daemon answers at" in said and "No such file" in said
    assert "meterd run -c FILE" in said and "another user's" in said


def test_a_path_that_is_too_long_says_so(tmp_path: Path, capsys) -> None:
    assert main(["status", "--control", "/tmp/" + "a" * 200]) == 1
    said = capsys.readouterr().err
    assert "too long" in said and "None" not in said


def test_the_socket_of_another_user_is_no_reason_to_start_a_second_daemon() -> None:
    said = no_daemon("status", "/var/run/meterd/control.sock", os.strerror(EACCES))
    assert "sudo meterd status" in said and "meterd run" not in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["stop"], "say which protocol: one of iec62056-21, dlms"),
        (["start", "dlms", "mbus"], "say which protocol"),
        (["events", "many"], "as a number, not 'many'"),
        (["reload", "site.json"], "reads all of its files again"),
        (["demo", "site.json"], "has its own meters"),
        (["status", "--shard", "4/3"], "3 shards are numbered 1 to 3"),
        (["top", "--shard", "0/16"], "16 shards are numbered 1 to 16"),
        (["status", "--shard", "3/x"], "such as 3 or 3/16, not '3/x'"),
    ],
)
def test_what_no_daemon_would_understand_is_told_by_the_command(words: list[str], told: str, capsys) -> None:
    assert main(words) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ("http://reader:p4ss/w@rd@influx.example:8086", '"http://***@influx.example:8086"'),
        ("redis://:p4ss@10.0.0.7", '"redis://***@10.0.0.7"'),
        ("reader:p4ss@broker.example:1883", '"***@broker.example:1883"'),
        ("reader@broker.example", '"reader@broker.example"'),
        ("rfc2217://10.0.0.7:4000", '"rfc2217://10.0.0.7:4000"'),
    ],
)
def test_a_password_where_a_host_is_wanted_is_not_shown(found: str, told: str) -> None:
    assert shown(found) == told
