"""The man page and the completions are what the option tables say, and bash, zsh and man take them."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meterd.cli.main import COMMANDS
from meterd.protocols import registry
from tests.needs import needs

ROOT = Path(__file__).parents[2]
COMPLETIONS = ROOT / "packaging" / "completions"
PAGE = ROOT / "packaging" / "man" / "meterd.1"


def test_what_is_committed_is_what_the_commands_say() -> None:
    found = subprocess.run([sys.executable, "-m", "tools.manual", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_man_takes_the_page_and_shows_every_command_and_option() -> None:
    man = needs("man", "man-db")
    environment = {**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8"}
    shown = subprocess.run([man, "--warnings=w", "-l", str(PAGE)], capture_output=True, text=True, env=environment)
    assert (shown.returncode, shown.stderr) == (0, "")
    for command in COMMANDS:
        assert f"   meterd {command}" in shown.stdout
    for text in ("--readyfile FILE", "'", "130", "21 wrong_meter", "SIGHUP"):
        assert text in shown.stdout


# ---- bash: the function is asked as bash asks it


def bash_completes(*words: str) -> list[str]:
    """What completes the last of `words`."""
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"""
        compopt() {{ :; }}
        source {COMPLETIONS / "meterd"}
        COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}
        _meterd {words[0]}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    found = subprocess.run([needs("bash", "bash"), "-c", asked], capture_output=True, text=True, check=True)
    assert found.stderr == ""
    return found.stdout.split()


def test_bash_completes_commands_options_and_protocols() -> None:
    assert bash_completes("meterd", "s") == [name for name in COMMANDS if name.startswith("s")]
    assert set(bash_completes("meterd", "")) == {*COMMANDS, "help"}
    assert bash_completes("meterd", "run", "--re") == ["--readyfile", "--record"]
    assert "--all" in bash_completes("meterd", "doctor", "-")
    assert bash_completes("meterd", "simulate", "") == sorted(registry.PROGRAMS)
    assert bash_completes("meterd", "run", "--stopped", "d") == ["dlms", "dlms-push"]
    assert bash_completes("meterd", "read", "-c", "") == []  # a file: bash's own
    assert "--dlms" in bash_completes("/usr/bin/dlms", "--d")


def test_bash_completes_the_parameters_of_the_protocol_named() -> None:
    found = bash_completes("meterd", "read", "dlms", "physical")
    assert found == ["physical_address="]
    assert "password_file=" in bash_completes("meterd", "doctor", "dlms", "pass")
    assert "password=" not in bash_completes("meterd", "doctor", "dlms", "pass")


def test_every_parameter_that_is_completed_is_in_its_table() -> None:
    for name, package in registry.PROGRAMS.items():
        rows = {row.name for row in registry.tables(package).DEVICE}
        completed = {each.rstrip("=") for each in bash_completes("meterd", "scan", name, "")}
        assert completed == {row + "_file" if row + "_file" in completed else row for row in rows}


# ---- zsh: a real one, at a terminal

SET_UP = """fpath=({folder} $fpath); autoload -U compinit; compinit -D; PS1='ready> '; unsetopt beep
LISTMAX=0; zstyle ':completion:*' list-prompt ''; print -n 'set'; print ' up'
"""
PATIENCE_S = 60


@pytest.fixture
def zsh(tmp_path):
    shell = needs("zsh", "zsh")
    child, terminal = pty.fork()
    if child == 0:
        environment = {**os.environ, "TERM": "dumb", "ZDOTDIR": str(tmp_path), "HOME": str(tmp_path)}
        os.execve(shell, [shell, "-f", "-i"], environment)
    os.write(terminal, SET_UP.format(folder=COMPLETIONS).encode())
    until(terminal, "set up")
    yield terminal
    os.close(terminal)
    os.waitpid(child, 0)


def until(terminal: int, awaited: str) -> str:
    heard, deadline = "", time.monotonic() + PATIENCE_S
    while awaited not in heard:
        assert time.monotonic() < deadline, f"{awaited!r} was not seen in {heard!r}"
        if select.select([terminal], [], [], 1)[0]:
            heard += os.read(terminal, 65536).decode(errors="replace")
    return heard


def test_zsh_completes_commands_options_and_parameters(zsh) -> None:
    for typed, completed in (
        ("meterd simu", "meterd simulate "),
        ("meterd run --readyf", "meterd run --readyfile "),
        ("meterd doctor --al", "meterd doctor --all "),
        ("meterd simulate iec", "meterd simulate iec62056-21 "),
        ("meterd read dlms physical_addr", "meterd read dlms physical_address="),
        ("mbus --readyf", "mbus --readyfile "),
    ):
        os.write(zsh, f"{typed}\t".encode())
        until(zsh, completed[len(typed) :])
        os.write(zsh, b"\x15")  # the line is thrown away
