"""What a file or a meter says is shown to people, and neither obeyed by a terminal nor turned round."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from meterd.cli import status_view, top_view
from meterd.cli.main import main
from meterd.cli.terminal import Column, Status, print_table, wrapped
from meterd.log import printable

EVIL = "Ka\u202eller\x1b[2J\x9b31m\u200b\ud800"
SHOWN = r"Ka\u202eller\x1b[2J\x9b31m\u200b\ud800"
FORBIDDEN = set("\u202e\x1b\x9b\u200b\ud800")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def site(**device: Any) -> str:
    row = {"name": EVIL, "device_alias": "m", "protocol": "P1", "device": "/dev/ttyUSB0", **device}
    return json.dumps({"devices": [row], "signals": []})


def test_every_letter_that_is_none_is_its_escape() -> None:
    assert printable(EVIL) == SHOWN
    assert printable("Zähler №7 \u2014 50 °C") == "Zähler №7 \u2014 50 °C"
    assert (printable("a\nb"), printable("a\nb", "\n")) == ("a\\nb", "a\nb")


def test_check_shows_a_name_that_drives_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.json"
    path.write_text(site())
    assert main(["check", str(path)]) == 0
    shown, said = capsys.readouterr()
    assert not FORBIDDEN & {*shown, *said}
    assert json.loads(shown)["devices"][0]["name"] == EVIL, "and it is still what the file says"
    path.write_text(site(baudrate=EVIL))
    main(["check", str(path)])
    said = capsys.readouterr().err
    assert not FORBIDDEN & {*said} and "202e" in said


@pytest.mark.parametrize("command", ["read", "scan", "doctor", "run"])
def test_what_a_command_ends_with(command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.json"
    path.write_text(site(protocol=EVIL))
    main([command, "-c", str(path), "--state", str(tmp_path)])
    shown, said = capfd.readouterr()
    assert not FORBIDDEN & {*shown, *said}
    assert "202e" in said


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_tables_and_lines(stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    out = stream()
    print_table([Column("name", gives=True), Column("value")], [((EVIL, EVIL), "")], out)
    status = Status(out)
    status.line(EVIL)
    status.now(EVIL)
    text = out.getvalue().replace("\x1b[K", "")  # our own
    assert not FORBIDDEN & {*text}
    assert text.count(SHOWN) == 3 + status.live
    assert SHOWN in wrapped(f"first\n{EVIL}", out)


def test_status_and_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_view, "_own", lambda daemon: [])
    device = {"device": "m", "reason": "timeout", "signals": 1, "signals_ok": 0, "last_good_age_s": None, "line": EVIL,
              "trouble": EVIL, "trouble_age_s": 3}  # fmt: skip
    answer = {"running": [EVIL], "stopped": [], "not_read": [EVIL], "sinks": [], "daemon": {}, "devices": [device],
              "lines": []}  # fmt: skip
    assert not FORBIDDEN & {*status_view.text(answer)}
    assert top_view.cut(EVIL, 200) == SHOWN
    assert len(top_view.cut(EVIL, 12)) == 12
