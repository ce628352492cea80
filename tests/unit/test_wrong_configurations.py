"""Every wrong configuration: `check` and `run` say the same sentence, with its place, and end alike; the document of
them is what they say (`python -m tests.unit.test_wrong_configurations > docs/wrong-configurations.md`).
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from meterd import log
from meterd.cli import check, run
from meterd.daemon.daemon import Daemon
from tests.wrong_configurations import SLIPS, TEXTS, written

DOCUMENT = Path(__file__).parents[2] / "docs" / "wrong-configurations.md"
HEAD = """# Wrong configurations, and what is said of them

Made by `tests/unit/test_wrong_configurations.py` out of a sound site with one slip each. `meterd check FILE…` and
`meterd run -c FILE…` say the same; `check` ends with 3 wherever anything is wrong, `run` where nothing is left to be
read: a slip in a row stops the protocol of its device, one that only the driver can tell stops that device or signal
alone, and all others are read on.

| what is wrong | what is said of it | `check` | `run` |
|---|---|---|---|
"""
NOTHING = "nothing to run: "
CASES = {**{slip[0]: (written(slip).encode(), slip[3]) for slip in SLIPS}, **{name: rest for name, *rest in TEXTS}}


class Brief(Daemon):
    """Ends as soon as it has begun."""

    def configure(self, configuration):  # type: ignore[no-untyped-def]
        count = super().configure(configuration)
        self.loop.call_soon_from_thread(self.stop)
        return count


@contextlib.contextmanager
def within(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def checked(content: bytes, folder: Path) -> tuple[list[str], int]:
    """What `meterd check` says, and how it ends."""
    (folder / "site.json").write_bytes(content)
    said = io.StringIO()
    with within(folder), contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = check.main(["check", "-q", "site.json"])
    errors = [line.removeprefix("error: ") for line in said.getvalue().splitlines() if line.startswith("error: ")]
    return errors, code


def ran(content: bytes, folder: Path) -> tuple[list[str], int]:
    """The same of `meterd run`, which ends when it has begun."""
    (folder / "site.json").write_bytes(content)
    errors: list[str] = []

    def out(level: int, text: str) -> None:
        if level <= log.ERROR:
            errors.append(text)

    with (
        within(folder), mock.patch.object(run, "Daemon", Brief), mock.patch.object(run, "catch_signals"),
        mock.patch.object(run, "set_up_log", lambda arguments: log.configure(log.NOTICE, out)),
        mock.patch("meterd.sinks.registry.open_sinks", lambda publish, loop: []),
        mock.patch.object(run, "_open_control", lambda *_: None), mock.patch.object(run.gc, "freeze"),
    ):  # fmt: skip
        try:
            code = run.main(["run", "-c", "site.json", "--state", str(folder)])
        finally:
            log.configure()
    return errors, code


def row(name: str, folder: Path) -> str:
    content, _ = CASES[name]
    said, code = checked(content, folder)
    _, run_code = ran(content, folder)
    sentences = [sentence for sentence in said if not sentence.startswith(NOTHING)] or said
    told = "<br>".join(sentence.replace("|", "\\|") for sentence in sentences)
    return f"| {name} | {told} | {code} | {run_code or 'reads on'} |"


def document() -> str:
    with tempfile.TemporaryDirectory() as folder:
        return HEAD + "\n".join(row(name, Path(folder)) for name in CASES) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_the_words_are_those_expected(name: str, tmp_path: Path) -> None:
    content, words = CASES[name]
    said, code = checked(content, tmp_path)
    assert code == 3
    assert any(words in sentence for sentence in said), said
    assert not any("defect" in sentence or "Traceback" in sentence for sentence in said)
    for sentence in said:
        assert sentence.startswith(("site.json", NOTHING)), "it says where"


@pytest.mark.parametrize("name", CASES)
def test_check_and_run_agree(name: str, tmp_path: Path) -> None:
    content, _ = CASES[name]
    said, _ = checked(content, tmp_path)
    told, code = ran(content, tmp_path)
    assert [each for each in told if not each.startswith(NOTHING)] == [
        each for each in said if not each.startswith(NOTHING)
    ]
    ends = any(each.startswith(NOTHING) for each in told)
    assert code == (3 if ends else 0)
    assert ends or not any(each.startswith(NOTHING) for each in said)


def test_the_document_is_what_is_said(tmp_path: Path) -> None:
    shown = DOCUMENT.read_text(encoding="utf-8")
    assert shown == document(), "python -m tests.unit.test_wrong_configurations > docs/wrong-configurations.md"


def test_there_are_sixty() -> None:
    assert len(CASES) == len(SLIPS) + len(TEXTS) >= 60


if __name__ == "__main__":
    sys.stdout.write(document())
