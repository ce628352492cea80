"""What survives a restart: damaged files, directories that cannot be written, a full disk."""

from __future__ import annotations

import os
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd import log
from meterd.daemon.state import StateDirectory


@pytest.fixture
def said():
    found: list[str] = []
    log.configure(log.DEBUG, lambda level, text: found.append(text), clock=lambda: 0.0)
    yield found
    log.configure()


def test_what_was_saved_is_there_after_a_restart(tmp_path):
    path = tmp_path / "state"
    path.mkdir()
    memory = StateDirectory(str(path)).memory("m1")
    memory.persistent["counter"] = 4711
    assert memory.save()
    assert StateDirectory(str(path)).memory("m1").persistent == {"counter": 4711}
    assert StateDirectory(str(path)).memory("m2").persistent == {}
    assert sorted(os.listdir(path)) == ["m1.state", "owner"]


def test_the_default_directory_is_made_with_those_above_it(tmp_path, said, monkeypatch):
    path = tmp_path / "var" / "lib" / "meterd"
    monkeypatch.setattr("meterd.daemon.state.DEFAULT_DIRECTORY", str(path))
    memory = StateDirectory(str(path)).memory("m1")
    memory.persistent["counter"] = 4711
    assert memory.save()
    assert StateDirectory(str(path)).memory("m1").persistent == {"counter": 4711}
    assert said == []


def test_a_named_directory_beside_something_is_made(tmp_path, said):
    (tmp_path / "site.json").touch()
    memory = StateDirectory(str(tmp_path / "state")).memory("m1")
    memory.persistent["counter"] = 4711
    assert memory.save()
    assert StateDirectory(str(tmp_path / "state")).memory("m1").persistent == {"counter": 4711}
    assert said == []


def test_a_named_directory_that_may_be_on_a_card_is_told_once_and_never_made(tmp_path, said):
    path = tmp_path / "card" / "state"
    for above in (False, True):  # a mount point may be there without its card
        if above:
            path.parent.mkdir()
        state = StateDirectory(str(path))
        assert [state.memory(name).save() for name in ("m1", "m2", "m3")] == [False] * 3
        assert path.parent.exists() == above
    assert not path.exists()
    assert len(said) == 1
    assert str(path) in said[0] and "not kept over a restart" in said[0]


def test_a_card_that_comes_back_is_not_overwritten_by_what_was_begun_without_it(tmp_path, said):
    card, away = tmp_path / "mounts" / "card", tmp_path / "away"
    card.mkdir(parents=True)
    first = StateDirectory(str(card))
    before = first.memory("m1")
    before.persistent["counter"] = 4711
    assert before.save()
    first.folder.release()
    card.rename(away)
    state = StateDirectory(str(card))
    begun = state.memory("m1")
    begun.persistent["counter"] = 100
    moved = state.memory("m1", begun)
    assert not begun.save()
    away.rename(card)
    assert not begun.save() and not moved.save()
    assert state.memory("m1").persistent == {"counter": 4711}, "a device that is configured anew finds it"
    assert state.memory("m1").save()


def test_a_card_that_is_removed_and_put_back_goes_on_with_what_it_has(tmp_path, said):
    card, away = tmp_path / "card", tmp_path / "away"
    card.mkdir()
    memory = StateDirectory(str(card)).memory("m1")
    assert memory.save()
    card.rename(away)
    memory.persistent["counter"] = 200
    assert not memory.save()
    assert not card.exists() and "cannot be kept" in said[-1]
    away.rename(card)
    assert memory.save() and "kept again" in said[-1]
    assert StateDirectory(str(card)).memory("m1").persistent == {"counter": 200}


def test_without_a_directory_nothing_is_promised():
    memory = StateDirectory(None).memory("m1")
    memory.persistent["counter"] = 1
    assert not memory.save()


def test_a_device_that_moves_keeps_its_counters_and_forgets_what_was_open(tmp_path):
    state = StateDirectory(str(tmp_path))
    before = state.memory("m1")
    before.persistent["counter"] = 100
    before.own = "open"
    after = state.memory("m1", before)
    assert after.persistent is before.persistent
    assert after.own is None
    assert after.save()


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xc1", b"{", b'{"a": ', b"[1, 2]", b'"x"', b'{"a": 1}x', b'{"a": "\xff"}', b"[" * 4000],
)
def test_damaged_files_are_begun_anew_and_told(tmp_path, said, damage):
    (tmp_path / "m1.state").write_bytes(damage)
    assert StateDirectory(str(tmp_path)).memory("m1").persistent == {}
    assert len(said) == 1
    assert "m1.state" in said[0]


@given(st.binary(max_size=64))
def test_any_bytes_are_a_state_or_none(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("state")
    (directory / "m1.state").write_bytes(data)
    assert isinstance(StateDirectory(str(directory)).memory("m1").persistent, dict)


def test_a_directory_in_place_of_the_file_is_survived(tmp_path, said):
    (tmp_path / "m1.state").mkdir()
    memory = StateDirectory(str(tmp_path)).memory("m1")
    assert memory.persistent == {}
    assert not memory.save()
    assert [text for text in said if "cannot be kept" in text]
    assert sorted(os.listdir(tmp_path)) == ["m1.state", "owner"]


def test_a_full_disk_is_told_once_and_so_is_its_end(tmp_path, said, monkeypatch):
    memory = StateDirectory(str(tmp_path)).memory("m1")
    memory.persistent["counter"] = 1
    assert memory.save()

    def full(fd):
        raise OSError(28, "No space left on device")

    real = os.fsync
    monkeypatch.setattr("meterd.daemon.state.fsync", full)
    memory.persistent["counter"] = 2
    assert [memory.save() for _ in range(3)] == [False] * 3
    assert len(said) == 1
    assert StateDirectory(str(tmp_path)).memory("m1").persistent["counter"] in (1, 2)
    assert sorted(os.listdir(tmp_path)) == ["m1.state", "owner"]
    monkeypatch.setattr("meterd.daemon.state.fsync", real)
    assert memory.save()
    assert "kept again" in said[-1]


def test_what_no_file_can_hold_is_told_not_raised(tmp_path, said):
    memory = StateDirectory(str(tmp_path)).memory("m1")
    memory.persistent["counter"] = b"\x01"
    assert not memory.save()
    assert "cannot be kept" in said[0]


def test_two_processes_do_not_keep_anything_in_one_folder(tmp_path, said):
    first, second = StateDirectory(str(tmp_path)), StateDirectory(str(tmp_path))
    assert first.memory("m1").save()
    late = second.memory("m1")
    assert not late.save()
    assert f"in use by another meterd (process {os.getpid()})" in said[-1]
    first.folder.release()
    assert late.save()


def test_a_command_that_runs_once_waits_for_another_but_not_for_a_daemon(tmp_path):
    first, brief = StateDirectory(str(tmp_path)), StateDirectory(str(tmp_path), brief=True)
    assert first.memory("m1").save()
    timer = threading.Timer(0.3, first.folder.release)
    timer.start()
    assert brief.memory("m1").save()
    timer.join()
    brief.folder.release()
    first.folder.control = "/run/control.sock"
    assert first.memory("m1").save()
    begun = time.monotonic()
    assert not brief.memory("m1").save()
    assert time.monotonic() - begun < 5.0


def test_a_command_that_runs_once_leaves_no_file_for_what_only_spares_questions(tmp_path):
    brief = StateDirectory(str(tmp_path / "state"), brief=True).memory("m1")
    (tmp_path / "x").touch()
    assert not brief.save(lore=True)
    assert os.listdir(tmp_path) == ["x"]
    assert brief.save()
    assert (tmp_path / "state" / "m1.state").exists()
