"""`meterd provision`: all of one file or nothing, whenever the plug is pulled, and no secret shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from meterd.cli.main import main
from meterd.cli.provision import main as command
from meterd.config.files import load
from meterd.errors import ConfigError
from meterd.fleet import provision, whole_files
from tests.broker import Authority

NUMBERS = ("create", "replace", "mkdir", "symlink", "rename", "unlink", "rmdir")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A gateway's certificates, and another's key."""
    folder = tmp_path_factory.mktemp("ca")
    authority = Authority(folder)
    certificate, key = authority.sign("north-17")
    _, other = authority.sign("north-18")
    return {"ca": authority.certificate.read_text(), "certificate": certificate.read_text(), "key": key.read_text(),
            "other": other.read_text()}  # fmt: skip


class Place:
    """A gateway's /etc/meterd, and what is given to it."""

    def __init__(self, folder: Path, signed: dict[str, str]) -> None:
        self.folder = folder / "etc"
        self.folder.mkdir()
        self.file = folder / "gateway.json"
        self.content: dict[str, Any] = {
            "gateway": "north-17", "broker": {"host": "broker.example", "acknowledgement": "application"},
            "store": {"path": "/mnt/card/readings.store"}, "remote_key": "5e" * 32,
            **{name: signed[name] for name in ("ca", "certificate", "key")},
        }  # fmt: skip

    def write(self, **more: Any) -> str:
        self.file.write_text(json.dumps({**self.content, **more}))
        self.file.chmod(0o600)
        return str(self.file)

    def provide(self, **more: Any) -> None:
        provision.provision(self.write(**more), str(self.folder))

    def host(self) -> str | None:
        """The broker in force, as the daemon would find it; every file that is named must be there and whole."""
        path = self.folder / "fleet.json"
        if not path.exists():
            return None
        found = load([str(path)])
        assert not found.errors
        mqtt = found.publish["mqtt"]
        assert all((Path(mqtt[name]).read_text()) for name in ("ca_file", "certificate_file", "key_file"))
        return str(mqtt["host"])


@pytest.fixture
def place(tmp_path: Path, signed: dict[str, str]) -> Place:
    return Place(tmp_path, signed)


def test_all_of_it_is_in_force_and_readable_by_the_daemons_group_alone(place: Place, signed: dict[str, str]) -> None:
    before = os.umask(0)
    try:
        place.provide()
    finally:
        os.umask(before)
    assert place.host() == "broker.example"
    found = load([str(place.folder / "fleet.json")]).publish
    assert found["mqtt"]["gateway"] == "north-17" and found["store"]["path"] == "/mnt/card/readings.store"
    assert Path(found["mqtt"]["key_file"]).read_text() == signed["key"]
    assert (place.folder / "fleet" / "remote.key").read_text().strip() == "5e" * 32
    assert load([str(place.folder / "remote.json")]).errors == []
    for path in (place.folder / "fleet").iterdir():
        assert path.stat().st_mode & 0o777 == 0o640, path
        assert path.stat().st_gid == place.folder.stat().st_gid
    assert (place.folder / "fleet").stat().st_mode & 0o777 == 0o750


def test_it_may_be_done_again_and_leaves_nothing_of_before(place: Place) -> None:
    place.provide()
    place.provide(broker={"host": "other.example"})
    place.provide(broker={"host": "other.example"})
    assert place.host() == "other.example"
    assert len([path for path in place.folder.iterdir() if path.name.startswith(".")]) == 1
    assert sorted(path.name for path in place.folder.iterdir() if path.name[0] != ".") == [
        "fleet", "fleet.json", "remote.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"gateway": ""}, "gateway and broker are needed"),
        ({"broker": {}}, "gateway and broker are needed"),
        ({"broker": []}, "broker: allowed: an object"),
        ({"brokr": {}}, "brokr: is not known here; allowed: gateway, broker"),
        ({"gateway": "a/b"}, "letters, digits"),
        ({"gateway": 7}, "gateway: allowed: text"),
        ({"broker": {"host": "b", "prot": 1}}, "broker.prot: is not known here; did you mean port"),
        ({"broker": {"host": "b", "keepalive_s": 0}}, "2 to 3600"),
        ({"store": {}}, "store.path: is missing"),
        ({"ca": "rubbish"}, "ca: allowed: PEM"),
        ({"ca": "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"}, "ca: is damaged"),
        ({"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "ca: is damaged"),
        ({"key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "one is damaged"),
        ({"key": "OTHER"}, "certificate, key: one is damaged, or they do not belong together"),
        ({"certificate": None}, "certificate: allowed: text"),
        ({"remote_key": "5e"}, "remote_key: allowed: 64 hexadecimal digits"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    place: Place, signed: dict[str, str], more: dict[str, Any], told: str
) -> None:
    if more.get("key") == "OTHER":
        more = {"key": signed["other"]}
    place.provide()
    before = sorted(place.folder.rglob("*"))
    with pytest.raises(ConfigError) as error:
        place.provide(**more)
    assert told in str(error.value)
    assert sorted(place.folder.rglob("*")) == before and place.host() == "broker.example"
    for secret in (signed["key"].split("\n")[1], "5e" * 32):
        assert secret not in str(error.value)


@pytest.mark.parametrize("content", ["", "[]", "{", "x" * 300_000, "[" * 100_000])
def test_a_file_that_is_none_is_told(place: Place, content: str) -> None:
    place.file.write_text(content)
    with pytest.raises(ConfigError):
        provision.provision(str(place.file), str(place.folder))
    assert list(place.folder.iterdir()) == []


def test_what_is_not_of_provision_is_left_alone(place: Place) -> None:
    (place.folder / "fleet").mkdir()
    with pytest.raises(ConfigError, match="is no symbolic link of meterd provision; move it away"):
        place.provide()
    (place.folder / "fleet").rmdir()
    (place.folder / "fleet.json").write_text("{}")
    with pytest.raises(ConfigError, match="is there already, and not of meterd provision"):
        place.provide()
    assert (place.folder / "fleet.json").read_text() == "{}"


class Cut(Exception):
    """The plug is pulled."""


def failing_at(patch: pytest.MonkeyPatch, step: int, failure: Exception) -> list[str]:
    """Have the step'th change of a file system fail; returns what was asked for so far."""
    done: list[str] = []

    def counted(original: Any) -> Any:
        def call(*arguments: Any) -> Any:
            done.append(original.__name__)
            if len(done) - 1 == step:
                raise failure
            return original(*arguments)

        return call

    for module in (provision, whole_files):
        for name in NUMBERS:
            if hasattr(module, name):
                patch.setattr(module, name, counted(getattr(module, name)))
    return done


@pytest.mark.parametrize("had", [True, False])
@pytest.mark.parametrize("failure", [Cut(), OSError(28, "No space left on device")])
def test_whenever_it_ends_it_is_the_old_one_or_the_new_one_whole(
    tmp_path: Path, signed: dict[str, str], monkeypatch: pytest.MonkeyPatch, had: bool, failure: Exception
) -> None:
    seen, old, new = set(), "old.example" if had else None, "new.example"
    for step in range(60):
        (tmp_path / str(step)).mkdir()
        place = Place(tmp_path / str(step), signed)
        if old is not None:
            place.provide(broker={"host": old})
        with monkeypatch.context() as patch:
            done = failing_at(patch, step, failure)
            try:
                place.provide(broker={"host": new})
            except type(failure):
                pass
        seen.add(place.host())
        place.provide(broker={"host": new})
        assert place.host() == new
        if len(done) <= step:
            break
    assert len(done) <= step, "the end was not reached"
    assert seen == {old, new}


def test_the_command_says_what_is_in_force_and_who_may_read_the_file(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place.write()
    assert command(["provision", path, "--into", str(place.folder)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"in force: {place.folder}/fleet/fleet.json; restart meterd") and said.err == ""
    place.file.chmod(0o644)
    assert command(["provision", path, "--into", str(place.folder)]) == 0
    assert "others may read it" in capsys.readouterr().err
    assert main(["provision", path, "--into", str(place.folder / "nowhere")]) == 3
    assert "No such file or directory; nothing was changed" in capsys.readouterr().err
    assert main(["provision"]) == 2
