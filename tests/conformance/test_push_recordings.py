"""Pushes that foreign decoders are tested with, most of them recorded, read by them and by us.

The packages on PyPI leave these telegrams out, so a checkout of each project is needed, in a folder that
METERD_PUSH_RECORDINGS names: `amshan`, `smartmeter-datacollector`, `dsmr_parser`. Nothing of them is kept here.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.strangers.pusher import framed

from .push_peers import AMS, COL, Telegram, same
from .test_p1_foreign import NAMES, ours, theirs

FOLDER = Path(os.environ.get("METERD_PUSH_RECORDINGS") or "nowhere")
LLC = 3
# File of a decoder's tests → the profile that goes with its meters.
AMSHAN_PROFILES = {"test_aidon": None, "test_kaifa": "kaifa-han", "test_kamstrup": "kamstrup-han"}
SWISS_PROFILES = {
    "lg_e450": "landis-gyr-e450", "lg_e570": "landis-gyr-e570", "lg_e360": "landis-gyr-e360",
    "iskra_am550": "iskra-am550",
}  # fmt: skip
# Left out: one that is ciphered in its test, and TELEGRAM_ISKRA_IE, whose identification has lost a backslash.
FORMS = {
    "TELEGRAM_V2_2": "V2_2", "TELEGRAM_V3": "V3", "TELEGRAM_V4_2": "V4", "TELEGRAM_V5": "V5",
    "TELEGRAM_V5_TWO_MBUS": "V5", "TELEGRAM_FLUVIUS_V171": "BELGIUM_FLUVIUS",
    "TELEGRAM_FLUVIUS_V171_ALT": "BELGIUM_FLUVIUS", "TELEGRAM_V5_EON_HU": "EON_HUNGARY",
}  # fmt: skip


def constants(path: Path) -> Iterator[tuple[str, Any]]:
    """The texts and octets that a module of tests sets at its top."""
    known: dict[str, Any] = {}
    for statement in ast.parse(path.read_text()).body if path.exists() else ():
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        try:
            value = eval(  # nothing but texts, octets and their methods are at hand
                compile(ast.Expression(statement.value), str(path), "eval"), {"__builtins__": {"bytes": bytes}}, known
            )
        except Exception:
            continue
        known[statement.targets[0].id] = value
        yield statement.targets[0].id, value


def _telegrams() -> Iterator[Any]:
    for stem, profile in AMSHAN_PROFILES.items():
        for name, value in constants(FOLDER / "amshan" / "tests" / f"{stem}.py"):
            if isinstance(value, bytes):
                yield pytest.param(Telegram(name, framed(value[LLC:]), (AMS,), profile), AMS, id=f"{stem} {name}")
    for stem, profile in SWISS_PROFILES.items():
        for name, value in constants(FOLDER / "smartmeter-datacollector" / "tests" / "testdata" / f"{stem}.py"):
            if name.startswith("UNENCRYPTED") and "INVALID" not in name:
                telegram = Telegram(name, bytes.fromhex(value.replace("\n", " ")), (COL,), profile)
                yield pytest.param(telegram, COL, id=f"{stem} {name}")


def _texts() -> list[Any]:
    found = constants(FOLDER / "dsmr_parser" / "test" / "example_telegrams.py")
    return [pytest.param(text, FORMS[name], id=name) for name, text in found if name in FORMS]


@pytest.mark.parametrize(("telegram", "peer"), list(_telegrams()))
def test_recorded_pushes_are_read_alike(telegram: Telegram, peer: str) -> None:
    compared = telegram.compared(peer)
    assert all(same(ours, theirs) for _, ours, theirs in compared), compared
    assert compared or "EXTENDED" in telegram.words


@pytest.mark.parametrize(("text", "form"), _texts())
def test_p1_telegrams_are_read_alike(text: str, form: str) -> None:
    found = theirs(text.encode("ascii"), form)
    compared = 0
    for tag, name in NAMES.items():
        if name in found:
            value, unit, _ = ours(text.encode("ascii"), tag)
            assert [value, unit] == found[name][0][:2], tag
            compared += 1
    assert compared
