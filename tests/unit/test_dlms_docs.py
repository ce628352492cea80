"""What docs/dlms.md shows can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meterd.config.advice import advice
from meterd.config.files import load

from .dlms_pair import device, signal

TEXT = (Path(__file__).parents[2] / "docs" / "dlms.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_configuration_in_the_document_passes_the_check(block: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(block, encoding="utf-8")
    configuration = load([str(path)])
    assert not configuration.errors
    assert configuration.devices and all(configuration.signals[device.alias] for device in configuration.devices)


def test_there_is_a_configuration_in_the_document() -> None:
    assert BLOCKS


@pytest.mark.parametrize(("client", "told"), [(11, True), (17, False), (16, False)])
def test_the_manuals_hexadecimal_client_gets_advice(client: int, told: bool) -> None:
    of = device(client_address=client)
    of.protocol = "dlms"
    sentences = advice([of], {of.alias: [signal("1.0.1.8.0.255")]})
    assert any("0x11 (17)" in sentence for sentence in sentences) == told
