"""A sink is a module with a table and one row; a row whose module is not installed is an error in words."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from meterd.config import reference
from meterd.config.publishing import read_publish
from meterd.errors import ConfigError
from meterd.parameters import BOTH, INTEGER, STRING, Parameter
from meterd.ports._loop import Loop
from meterd.sinks import registry
from meterd.sinks.events import EventLog
from meterd.sinks.file import FileSink
from meterd.sinks.lines import LineSink
from meterd.sinks.registry import open_sinks


def read(publish: Any) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    return read_publish(publish, lambda name, message: said.append(f"{name}: {message}")), said


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A further sink: one module, one row."""
    made = ModuleType("meterd.sinks.bell")
    made.PARAMETERS = (  # type: ignore[attr-defined]
        Parameter("tower", STRING, "Which tower", low=1, high=9, origin="meterd", **BOTH),
        Parameter("times", INTEGER, "How often", default=3, low=1, high=12, origin="meterd"),
    )
    made.open_sink = lambda parameters, loop: ("bell", parameters["tower"], parameters["times"])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "meterd.sinks.bell", made)
    monkeypatch.setattr(registry, "SINKS", {**registry.SINKS, "bell": ("bell", "meterd-bell")})
    return made


def test_a_further_sink_is_validated_opened_and_printed(bell: ModuleType) -> None:
    publish, said = read({"bell": {"tower": "west"}})
    assert (said, publish["bell"], publish["stdout"]) == ([], {"tower": "west", "times": 3}, None)
    loop = Loop()
    assert open_sinks(publish, loop)[1:] == [("bell", "west", 3)]
    loop.close()
    _, said = read({"bell": {"towr": "west", "times": 13}})
    assert [one.partition(":")[0] for one in said] == ["bell.tower", "bell.times", "bell.towr"]
    assert "### publish.bell\n" in reference.markdown()
    assert reference.schema()["properties"]["publish"]["properties"]["bell"]["required"] == ["tower"]


def test_a_sink_that_is_not_installed_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SINKS", {**registry.SINKS, "pigeon": ("pigeon", "meterd-pigeon")})
    assert not registry.is_installed("pigeon")
    assert "pigeon" not in reference.markdown()
    publish, said = read({"pigeon": {"loft": 3}})
    assert said == ["pigeon: is not installed here: the package meterd-pigeon brings it"]
    assert publish["pigeon"] is None
    assert read({"stdout": "lines"})[1] == []


def test_a_module_that_is_there_but_broken_is_no_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'carrier'", name="carrier")

    monkeypatch.setattr(registry, "_module", broken)
    with pytest.raises(ModuleNotFoundError, match="carrier"):
        registry.is_installed("file")


def test_the_sinks_of_a_configuration_are_opened(tmp_path: Path) -> None:
    publish, said = read({"file": {"path": str(tmp_path / "r")}, "stdout": "lines", "events": {"size": 7}})
    assert said == []
    loop = Loop()
    events, stdout, file = open_sinks(publish, loop)
    assert isinstance(events, EventLog)
    assert events.size == 7
    assert type(stdout) is LineSink
    assert isinstance(file, FileSink)
    loop.close()


def test_a_socket_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    publish, _ = read({"socket": {"path": str(tmp_path / "none" / "s")}})
    loop = Loop()
    with pytest.raises(ConfigError, match="cannot be opened"):
        open_sinks(publish, loop)
    loop.close()


def test_none_is_no_sink_and_the_default_is_only_for_want_of_another(tmp_path: Path) -> None:
    assert read(None)[0]["stdout"] == "json"
    assert read({"events": {"size": 9}})[0]["stdout"] == "json"
    assert read({"stdout": "none"})[0]["stdout"] is None
    assert read({"stdout": "none", "file": {"path": "/x"}})[0]["file"]["format"] == "json"
    assert read({"file": {"path": "/x"}})[0]["stdout"] is None
