"""The documentation holds what it says: configurations pass the check, commands are ones that there are.

Pages that walk through something are walked in tests/system/test_docs_tours.py.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

from meterd.cli.main import COMMANDS
from meterd.cli.options import Option
from meterd.config.files import load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md"])


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language, in their order."""
    return re.findall(rf"^```{language}(?: [^\n]*)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def titled(text: str) -> list[tuple[str, str]]:
    """Names and contents of the files that a page shows."""
    return re.findall(r'^```\w+ title="([^"\n]+)"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)


def whole(body: str) -> bool:
    """Whether a block is a configuration, and not a part of one or something else in JSON."""
    return '"devices"' in body and body.lstrip().startswith("{")


CONFIGURATIONS = [
    pytest.param(body, name, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, (name, body) in enumerate(
        [(f"{page.stem}.json", body) for body in blocks(page.read_text("utf-8"), "json") if whole(body)]
        + [item for item in titled(page.read_text("utf-8")) if item[0].endswith(".uci")]
    )
]


@pytest.mark.parametrize(("body", "name"), CONFIGURATIONS)
def test_a_configuration_passes_the_check(
    body: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands, with the files of keys that the page has made."""
    monkeypatch.chdir(tmp_path)
    for secret in re.findall(r'"\w+_file": "(keys/\w+)"', body):
        Path(secret).parent.mkdir(exist_ok=True)
        Path(secret).write_text("000102030405060708090A0B0C0D0E0F\n")
        Path(secret).chmod(0o600)
    path = tmp_path / name
    path.write_text(body, encoding="utf-8")
    configuration = load([str(path)])
    assert not configuration.errors, [str(error) for error in configuration.errors]
    assert configuration.devices and all(configuration.signals[device.alias] for device in configuration.devices)


def test_each_protocol_has_a_shortest_configuration() -> None:
    text = (DOCS / "first-meter.md").read_text("utf-8")
    shortest = [json.loads(body) for name, body in titled(text) if name.endswith(".json")]
    protocols = {device["protocol"].split()[0].lower() for one in shortest for device in one["devices"]}
    assert protocols == {"iec", "dlms", "mbus", "elgama", "p1"}


# ---- commands


def commands(text: str) -> list[str]:
    """The command lines of meterd in blocks, and in prose between backticks."""
    fences = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    code = [body for language, body in fences if language in ("", "sh", "console")]
    code += re.findall(r"^ {4}meterd .*$", text, re.MULTILINE)
    inline = re.findall(r"`(meterd [^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    lines = [line.strip().removeprefix("$ ") for block in code for line in block.splitlines()] + inline
    return [re.split(r" [#|>&;]", line)[0].strip() for line in lines if line.startswith("meterd ")]


def options(command: str) -> set[str]:
    """The options that a command takes, short and long."""
    module = importlib.import_module(f"meterd.cli.{COMMANDS[command][0]}")
    found = [value for value in vars(module).values() if isinstance(value, Option)]
    return {name for option in [*found, *getattr(module, "OPTIONS", ())] for name in option.names}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_command_and_its_options_are_ones_that_there_are(page: Path) -> None:
    for line in commands(page.read_text("utf-8")):
        command, *words = re.sub(r"[\[\]()]", " ", line).split()[1:]
        if command in ("COMMAND", "help") or command.startswith("-"):
            continue
        assert command in COMMANDS, f"{page.name}: {line}"
        for word in words[: words.index("--")] if "--" in words else words:
            if word == "-" or not re.fullmatch(r"--?[a-zA-Z][a-z-]*", word):
                continue
            known = options(command)
            short = re.fullmatch(r"-[a-zA-Z]{2,}", word)
            taken = all(f"-{letter}" in known for letter in word[1:]) if short else word in known
            assert taken, f"{page.name}: {line}: {word} is no option"


def test_commands_are_found() -> None:
    text = "```sh\nmeterd scan\n```\nor `meterd check FILE`\n\n    meterd read -c x   # once\n"
    assert commands(text) == ["meterd scan", "meterd read -c x", "meterd check FILE"]


def test_every_page_is_in_the_navigation() -> None:
    """MkDocs says so, too (`make docs`), where it is installed."""
    named = set(re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    assert {page.name for page in DOCS.glob("*.md")} <= named
