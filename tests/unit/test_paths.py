"""File names without the os module: the same as with it."""

from __future__ import annotations

import os
import posix
import stat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meterd import paths

NAMES = st.text("ab./", max_size=12)


@given(NAMES, NAMES)
def test_names_are_joined_as_os_joins_them(folder, name):
    assert paths.join(folder, name) == os.path.join(folder, name)


@given(NAMES)
@example("//a")
@example("a//")
def test_the_folder_of_a_path_is_the_one_that_os_says(path):
    assert paths.parent(path).rstrip("/") == os.path.dirname(path).rstrip("/")
    assert paths.parent(path).startswith("/") == os.path.dirname(path).startswith("/")


def test_what_is_there_and_what_is_not(tmp_path):
    file = tmp_path / "file"
    assert not paths.exists(str(file))
    file.write_text("")
    assert paths.exists(str(file)) and not paths.is_folder(str(file))
    assert paths.exists(str(tmp_path)) and paths.is_folder(str(tmp_path))
    for name in ("a\0b", "", str(file / "below")):
        assert not paths.exists(name) and not paths.is_folder(name)


def test_folders_are_made_down_to_the_last(tmp_path):
    deep = tmp_path / "a" / "b" / "c"
    before = os.umask(0o022)
    try:
        paths.make_folders(str(deep), 0o750)
    finally:
        os.umask(before)
    assert stat.S_IMODE(deep.stat().st_mode) == 0o750
    assert stat.S_IMODE(deep.parent.stat().st_mode) == 0o755
    paths.make_folders(str(deep))
    paths.make_folders("")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        paths.make_folders(str(tmp_path / "file"))
    with pytest.raises(FileExistsError):  # of the file, which is no folder
        paths.make_folders(str(tmp_path / "file" / "below"))


def test_the_environment_is_that_of_the_start(monkeypatch):
    monkeypatch.setitem(posix.environ, b"METERD_TEST", b"gr\xc3\xbcn \xff")
    assert paths.environment("METERD_TEST") == "grün \udcff"
    assert paths.environment("METERD_NOT_SET") is None


def test_a_file_is_read_up_to_a_limit_and_no_room_is_made_for_more(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 1000)
    assert paths.read_up_to(str(path), 1 << 60) == bytes(range(256)) * 1000  # no machine has room for that limit
    assert paths.read_up_to(str(path), 200_000) == (bytes(range(256)) * 1000)[:200_000]
    assert paths.read_up_to(str(path), 0) == b""
    with pytest.raises(FileNotFoundError):
        paths.read_up_to(str(tmp_path / "none"), 10)
