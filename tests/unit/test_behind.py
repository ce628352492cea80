"""Files that are written behind the loop: the newest of each, never an older one after a newer, none left out."""

from __future__ import annotations

import threading
import time

import pytest

from meterd.daemon import behind as module
from meterd.daemon.behind import Behind
from meterd.daemon.state import StateDirectory


class Disk:
    """Slow where a test holds it; notes what is written in which order."""

    def __init__(self) -> None:
        self.written: list[tuple[str, bytes]] = []
        self.trouble = ""
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()

    def put(self, name: str, data: bytes) -> str:
        self.begun.set()
        assert self.free.wait(60)
        self.written.append((name, data))
        return self.trouble


def seen(condition) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_who_writes_does_not_wait_and_only_the_newest_of_a_file_is_written():
    disk = Disk()
    disk.free.clear()
    behind = Behind(disk.put)
    assert behind.put_later("a", b"1") == ""
    assert disk.begun.wait(60)
    for number in range(2, 50):
        behind.put_later("a", b"%d" % number)
        behind.put_later("b", b"%d" % number)
    assert disk.written == []
    disk.free.set()
    seen(lambda: len(disk.written) == 3)
    assert disk.written[0] == ("a", b"1")
    assert sorted(disk.written[1:]) == [("a", b"49"), ("b", b"49")]
    seen(lambda: not behind._works)
    behind.put_later("c", b"again")
    seen(lambda: disk.written[-1] == ("c", b"again"))


def test_what_is_written_now_is_never_followed_by_what_was_older():
    disk = Disk()
    disk.free.clear()
    behind = Behind(disk.put)
    behind.put_later("other", b"")
    assert disk.begun.wait(60)
    behind.put_later("a", b"older")
    threading.Timer(0.05, disk.free.set).start()
    assert behind.put_now("a", b"newer") == ""
    behind.finish()
    seen(lambda: not behind._works)
    assert [data for name, data in disk.written if name == "a"][-1] == b"newer"


def test_trouble_is_told_with_the_next_file():
    disk = Disk()
    disk.trouble = "No space left on device"
    behind = Behind(disk.put)
    behind.put_later("a", b"1")
    seen(lambda: disk.written)
    behind.finish()
    assert behind.put_later("b", b"2") == "No space left on device"
    behind.finish()
    seen(lambda: len(disk.written) == 2)


def test_without_a_thread_the_end_writes_it(monkeypatch):
    def none(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module, "start_new_thread", none)
    disk = Disk()
    behind = Behind(disk.put)
    assert "thread" in behind.put_later("a", b"1")
    behind.finish()
    assert disk.written == [("a", b"1")]


@pytest.mark.parametrize("lore", [True, False])
def test_a_state_folder_that_is_written_behind_holds_all_at_the_end(tmp_path, lore):
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "kept").touch()
    state = StateDirectory(str(folder))
    state.write_behind()
    memories = [state.memory(f"m{number}") for number in range(20)]
    for turn in range(5):
        for memory in memories:
            memory.persistent["turn"] = turn
            assert memory.save(lore=lore)
    state.finish()
    assert len(list(folder.glob("*.state"))) == 20
    again = StateDirectory(str(folder))
    assert all(again.memory(f"m{number}").persistent == {"turn": 4} for number in range(20))
    assert state.folder is not None
    state.folder.release()
