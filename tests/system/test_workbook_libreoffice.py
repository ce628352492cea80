"""LibreOffice as the spreadsheet between export and import, in a locale with points in its dates and in another."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from meterd.cli.main import main
from tests.needs import needs
from tests.unit.workbook_site import SIGNALS, imported, large_site

LOCALES = {"de-DE": 1031, "lt-LT": 1063}  # by the numbers that its text filter has for them
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>{locale}</value></prop>
</item></oor:items>
"""
AS_WORKBOOK = "xlsx:Calc MS Excel 2007 XML"


def converted(path: Path, folder: Path, locale: str, *further: str) -> Path:
    """The file opened and saved anew as a workbook."""
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True, exist_ok=True)
    (profile / "user" / "registrymodifications.xcu").write_text(PROFILE.format(locale=locale))
    command = [needs("soffice", "libreoffice-calc"), f"-env:UserInstallation=file://{profile}", "--headless"]
    command += [*further, "--convert-to", AS_WORKBOOK, "--outdir", str(folder), str(path)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    made = folder / f"{path.stem}.xlsx"
    assert made.exists(), outcome.stdout + outcome.stderr
    return made


@pytest.mark.parametrize("locale", LOCALES)
def test_a_large_site_passes_through_unchanged(tmp_path, capsys, locale):
    site = large_site()
    (tmp_path / "site.json").write_text(json.dumps(site))
    assert main(["export", str(tmp_path / "site.json"), "-o", str(tmp_path / "site.xlsx")]) == 0
    before = (tmp_path / "site.xlsx").read_bytes()
    made = converted(tmp_path / "site.xlsx", tmp_path / "saved", locale)
    assert made.read_bytes() != before
    code, errors, _, found = imported(made, tmp_path / "in", capsys)
    assert (code, errors) == (0, [])
    assert found == site


@pytest.mark.parametrize(("locale", "is_date"), [("de-DE", True), ("lt-LT", False)])
def test_a_code_that_was_typed(tmp_path, capsys, locale, is_date):
    """1.8.0 as from the keyboard: text of a file whose special numbers are looked for."""
    header = list(SIGNALS[0])
    typed = tmp_path / "Signals.csv"
    typed.write_text(",".join(header) + "\n" + ",".join(map(str, SIGNALS[0].values())) + "\n")
    how = f"--infilter=Text - txt - csv (StarCalc):44,34,76,1,,{LOCALES[locale]},false,true"
    made = converted(typed, tmp_path / "saved", locale, how)
    errors = imported(made, tmp_path / "in", capsys)[1]
    assert any(error.startswith("Signals!F2: holds the date 2000-08-01") for error in errors) == is_date
