"""Steps of a recipe, as the gateway's cache runs them."""

from __future__ import annotations

import sys

import pytest

from tools.gateway.build import cache


@pytest.fixture(autouse=True)
def logs(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "LOGS", tmp_path)
    return tmp_path


def test_a_make_below_is_not_told_what_the_make_above_was(logs, monkeypatch):
    # `make ipk ARCH=mips_24kc` had musl's own make look for its architecture mips_24kc.
    for name in cache.OF_MAKE:
        monkeypatch.setenv(name, "ARCH=mips_24kc")
    monkeypatch.setenv("KEPT", "yes")
    cache.run("step.log", sys.executable, "-c", "import os; print(sorted(os.environ))")
    said = (logs / "step.log").read_text().splitlines()[-1]
    assert "'KEPT'" in said
    assert not [name for name in cache.OF_MAKE if f"'{name}'" in said]


def test_a_step_that_fails_is_told_with_the_end_of_its_log():
    with pytest.raises(RuntimeError, match=r"exit 3(.|\n)*what went wrong"):
        cache.run("step.log", sys.executable, "-c", "import sys; print('what went wrong'); sys.exit(3)")


def test_a_missing_program_is_told_by_name():
    with pytest.raises(cache.ToolMissing, match="no-such-program is missing"):
        cache.run("step.log", "no-such-program")
