"""What several tests of the daemon share: a daemon in the test's own process, and what its log says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meterd import log

from .runtime_rig import Rig


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig(monkeypatch)
    yield made
    made.close()


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Notices and worse."""
    found: list[str] = []
    log.configure(log.NOTICE, lambda level, text: found.append(text))
    yield found
    log.configure()
