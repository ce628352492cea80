"""What is configured and not read stands in the status; a file that cannot be understood ends nothing that runs."""

from __future__ import annotations

import pytest

from meterd.config.files import Configuration
from meterd.daemon.not_read import MAX_TOLD, not_read
from meterd.errors import ConfigError

from .runtime_rig import counting_meter, tcp_device


@pytest.mark.parametrize(
    "broken",
    [
        "config device 'a'\n\toption ip '10.0.0.1\n",
        "config meterd 'main'\n\toption log_level 'loud'\n",
        '{"devices": [',
    ],
)
def test_what_runs_goes_on_over_a_reload_of_a_file_that_cannot_be_understood(rig, said, tmp_path, broken):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port))
    rig.run(5.0, lambda: rig.readings.of("a", "good"))
    path = tmp_path / "site"
    path.write_text(broken)
    del said[:]
    rig.reload(path)
    assert len(said) == 2
    assert said[0].startswith(f"{path}, line ")
    assert "goes on as before" in said[1]
    before = len(rig.readings.of("a", "good"))
    rig.run(5.0, lambda: len(rig.readings.of("a", "good")) > before + 2)
    [sentence] = rig.daemon.status()["not_read"]
    assert "the last reload was refused" in sentence
    assert said[0] in sentence
    path.write_text("config meterd 'main'\n")
    rig.reload(path)
    assert rig.daemon.status()["not_read"] == []
    assert rig.daemon.jobs == {}


def test_a_driver_that_will_not_and_a_protocol_that_is_stopped_are_told(rig, said, monkeypatch):
    def refuse(device, signals):
        raise ConfigError(device.alias, "cannot be read so")

    rig.toy.plan = refuse
    monkeypatch.setattr("meterd.protocols.registry.driver", lambda package: rig.toy)
    rig.configure(tcp_device("a", 1))
    assert any("cannot be read so" in sentence for sentence in rig.daemon.status()["not_read"])
    monkeypatch.setattr("meterd.protocols.registry.program", lambda package: package)
    done: list[int] = []
    rig.daemon.set_protocol("toy", False, done.append)
    rig.run(5.0, lambda: done)
    assert rig.daemon.status()["not_read"] == ["toy is stopped: devices that wait for `meterd start toy`: 1"]


def test_no_more_is_told_than_anybody_reads():
    configuration = Configuration()
    configuration.errors = [ConfigError(f"signal {number}", "is wrong") for number in range(500)]
    told = not_read(configuration, None, {}, ())
    assert len(told) == MAX_TOLD
    assert told[-1].startswith("and 451 more")
