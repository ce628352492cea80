"""Foreign decoders read the pushes that we read, hand-made and simulated, and agree on every value (`push_peers`)."""

from __future__ import annotations

import pytest

from .push_peers import TELEGRAMS, Telegram, same

ROWS = [(telegram, peer) for telegram in TELEGRAMS for peer in telegram.peers]


@pytest.mark.parametrize(("telegram", "peer"), ROWS, ids=[f"{one.words} / {peer}" for one, peer in ROWS])
def test_values_agree(telegram: Telegram, peer: str) -> None:
    compared = telegram.compared(peer)
    assert compared, "nothing to compare"
    assert all(same(ours, theirs) for _, ours, theirs in compared), compared
