"""The ipk writer against its checker: what is written is accepted, and every way of getting it wrong is refused."""

from __future__ import annotations

import gzip
import io
import random
import sysconfig
import tarfile
from pathlib import Path

import pytest

from tools.gateway.build import cache, toolchain
from tools.gateway.build.cache import ToolMissing
from tools.gateway.build.elf import Elf
from tools.gateway.build.machines import EM_X86_64, MACHINES
from tools.gateway.package import ipk, mini_opkg
from tools.gateway.package.ipk import Package, index
from tools.gateway.package.order import like_by_like

MACHINE = MACHINES["mips_24kc"]
X86 = MACHINES["x86_64"]


def package(name: str = "meterd", architecture: str = "mips_24kc") -> Package:
    made = Package(name, "1.2-r3", architecture, "Reads meters")
    made.depends = ("python3-light (>= 3.11)", "python3-ujson")
    made.add("/usr/bin/meterd", b"#!/bin/sh\n", 0o755)
    made.add("/etc/config/meterd", b"config meterd 'main'\n", 0o600)
    made.conffiles = ["/etc/config/meterd"]
    made.folders = {"/etc/meterd": 0o750}
    made.scripts = {"postinst": "#!/bin/sh\nexit 0\n"}
    return made


def written(made: Package, folder: Path) -> Path:
    return made.write(folder)


def test_what_is_written_is_accepted_and_installed(tmp_path):
    path = written(package(), tmp_path / "feed")
    root = tmp_path / "root"
    content = mini_opkg.install(root, MACHINE, path)
    assert content.fields["Version"] == "1.2-r3"
    assert content.fields["Depends"] == "python3-light (>= 3.11), python3-ujson"
    assert (root / "usr/bin/meterd").stat().st_mode & 0o777 == 0o755
    assert (root / "etc/config/meterd").stat().st_mode & 0o777 == 0o600
    assert (root / "etc/meterd").stat().st_mode & 0o777 == 0o750
    assert (root / "usr/lib/opkg/info/meterd.postinst").stat().st_mode & 0o777 == 0o755


def test_the_same_content_gives_the_same_bytes(tmp_path):
    first = written(package(), tmp_path / "a").read_bytes()
    assert first == written(package(), tmp_path / "b").read_bytes()


def test_like_stands_by_like_and_takes_less(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "ROOT", tmp_path / "cache")
    chance = random.Random(6)
    made = package()
    alike = [chance.randbytes(8_000) for _ in range(7)]
    # Four files of each kind in turns: by name those of a kind lie 56 kB apart, beyond the window.
    for number in range(28):
        content = alike[number % 7] + chance.randbytes(200)
        made.add(f"/usr/lib/{number:02}.pyc", content)
    by_name = written(made, tmp_path / "by name").stat().st_size
    path = made.write(tmp_path / "feed", order=like_by_like)
    assert path.stat().st_size < by_name * 0.6
    content = mini_opkg.install(tmp_path / "root", MACHINE, path)
    assert content.fields["Package"] == "meterd"
    for name, (expected, mode) in made.files.items():
        place = tmp_path / "root" / name.lstrip("/")
        assert (place.read_bytes(), place.stat().st_mode & 0o777) == (expected, mode)
    again = made.write(tmp_path / "again", order=like_by_like)
    assert again.read_bytes() == path.read_bytes()
    assert like_by_like({"b.so": b"", "c": b"2", "a.so": b"1"}) == ["c", "a.so", "b.so"]


def test_it_is_a_tar_of_three_members_in_opkgs_order(tmp_path):
    with tarfile.open(written(package(), tmp_path)) as archive:
        names = [member.name for member in archive if member.isfile()]
    assert names == ["./debian-binary", "./data.tar.gz", "./control.tar.gz"]


def test_a_changed_configuration_file_survives_an_upgrade(tmp_path):
    path = written(package(), tmp_path / "feed")
    root = tmp_path / "root"
    mini_opkg.install(root, MACHINE, path)
    (root / "etc/config/meterd").write_text("mine")
    mini_opkg.install(root, MACHINE, path)
    assert (root / "etc/config/meterd").read_text() == "mine"
    assert (root / "etc/config/meterd-opkg").exists()


def test_an_unchanged_configuration_file_is_replaced(tmp_path):
    root = tmp_path / "root"
    mini_opkg.install(root, MACHINE, written(package(), tmp_path / "old"))
    newer = package()
    newer.files["/etc/config/meterd"] = (b"config meterd 'newer'\n", 0o600)
    mini_opkg.install(root, MACHINE, written(newer, tmp_path / "new"))
    assert (root / "etc/config/meterd").read_bytes() == b"config meterd 'newer'\n"
    assert not (root / "etc/config/meterd-opkg").exists()


def spoilt_conffile(made: Package) -> None:
    made.conffiles = ["/etc/config/other"]


def spoilt_mode(made: Package) -> None:
    made.add("/etc/init.d/meterd", b"#!/bin/sh /etc/rc.common\n", 0o644)


def spoilt_source(made: Package) -> None:
    made.add("/usr/lib/python3.11/site-packages/meterd/__init__.py", b"")


def spoilt_writable(made: Package) -> None:
    made.add("/usr/lib/meterd/service", b"", 0o777)


def spoilt_library(made: Package) -> None:
    made.add("/usr/lib/python3.11/site-packages/meterd/_crc.so", b"\x7fELF")


def spoilt_script(made: Package) -> None:
    made.scripts["prerm"] = "exit 0\n"


def spoilt_dependency(made: Package) -> None:
    made.depends = ("python3-light >= 3.11",)


def spoilt_description(made: Package) -> None:
    made.description = ""


def spoilt_escape(made: Package) -> None:
    made.add("/../etc/passwd", b"")


SPOILT = [value for name, value in sorted(globals().items()) if name.startswith("spoilt_")]


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda function: function.__name__)
def test_what_is_wrong_is_refused(tmp_path, spoil):
    made = package()
    spoil(made)
    with pytest.raises(mini_opkg.Refused):
        mini_opkg.check(written(made, tmp_path), MACHINE)


def test_another_machines_package_is_refused(tmp_path):
    with pytest.raises(mini_opkg.Refused, match="x86_64"):
        mini_opkg.check(written(package(architecture="x86_64"), tmp_path), MACHINE)


def test_a_library_of_another_machine_is_refused(tmp_path):
    made = package()
    native = Path(sysconfig.get_config_var("DESTSHARED"))
    made.add("/usr/lib/x.so", next(iter(sorted(native.glob("_struct*.so")))).read_bytes())
    with pytest.raises(mini_opkg.Refused, match="mips_24kc"):
        mini_opkg.check(written(made, tmp_path), MACHINE)


def test_elf_files_tell_their_machine_and_libraries():
    native = Path(sysconfig.get_config_var("DESTSHARED"))
    elf = Elf(next(iter(sorted(native.glob("_struct*.so")))).read_bytes())
    if sysconfig.get_platform() == "linux-x86_64":
        assert (elf.machine, elf.bits, elf.big_endian) == (EM_X86_64, 64, False)
    assert elf.needed
    assert all(name.startswith("lib") for name in elf.needed)


@pytest.mark.parametrize("size", [0, 3, 4, 15, 16, 40, 60])
def test_a_cut_elf_file_is_an_error_in_words(size):
    native = Path(sysconfig.get_config_var("DESTSHARED"))
    content = next(iter(sorted(native.glob("_struct*.so")))).read_bytes()[:size]
    with pytest.raises(ValueError, match="ELF"):
        Elf(content)


def test_the_index_describes_every_package(tmp_path):
    written(package(), tmp_path)
    written(package("meterd-simulate"), tmp_path)
    index(tmp_path)
    found = mini_opkg.feed(tmp_path)
    assert sorted(found) == ["meterd", "meterd-simulate"]
    assert found["meterd"]["Filename"] == "meterd_1.2-r3_mips_24kc.ipk"
    assert gzip.decompress((tmp_path / "Packages.gz").read_bytes()) == (tmp_path / "Packages").read_bytes()


def test_a_file_that_is_not_the_indexs_is_refused(tmp_path):
    path = written(package(), tmp_path)
    index(tmp_path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(mini_opkg.Refused, match="index"):
        mini_opkg.feed(tmp_path)


def test_packages_of_the_feed_come_before_what_needs_them(tmp_path):
    written(package(), tmp_path)
    written(Package("python3-ujson", "6-r1", "mips_24kc", "JSON"), tmp_path)
    index(tmp_path)
    contents = mini_opkg.install_from(tmp_path, tmp_path / "root", MACHINE, ["meterd"])
    assert [content.fields["Package"] for content in contents] == ["python3-ujson", "meterd"]


def test_an_ar_archive_is_not_an_ipk(tmp_path):
    path = tmp_path / "meterd_1_mips_24kc.ipk"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("./debian-binary")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"2.0\n"))
    with pytest.raises(mini_opkg.Refused):
        mini_opkg.check(path, X86)


def two_in_a_root(tmp_path, second_path: str):
    mini_opkg.install(tmp_path / "root", MACHINE, written(package(), tmp_path))
    other = Package("meterd-simulate", "1.2-r3", "mips_24kc", "Meters")
    other.add(second_path, b"#!/bin/sh\n", 0o755)
    return mini_opkg.install(tmp_path / "root", MACHINE, written(other, tmp_path))


def test_a_file_of_another_package_is_not_overwritten(tmp_path):
    with pytest.raises(mini_opkg.Refused, match="already provided by package meterd"):
        two_in_a_root(tmp_path, "/usr/bin/meterd")
    assert two_in_a_root(tmp_path / "again", "/usr/bin/other").name.startswith("meterd-simulate")


def test_the_file_list_is_in_no_order_that_the_archive_has(tmp_path):
    made = package()
    for name in "abcdefgh":
        made.add(f"/etc/init.d/{name}", b"#!/bin/sh\n", 0o755)
    mini_opkg.install(tmp_path / "root", MACHINE, written(made, tmp_path))
    listed = (tmp_path / "root" / mini_opkg.INFO / "meterd.list").read_text().splitlines()
    assert sorted(listed) == sorted(made.files)
    assert listed != sorted(listed)


def test_removing_leaves_nothing_but_changed_configuration(tmp_path):
    root = tmp_path / "root"
    made = package()
    made.add("/etc/config/other", b"as shipped")
    made.conffiles = [*made.conffiles, "/etc/config/other"]
    mini_opkg.install(root, MACHINE, written(made, tmp_path))
    (root / "etc/config/other").write_text("changed")
    mini_opkg.remove(root, "meterd")
    left = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    assert left == ["etc/config/other"]


def test_a_feed_is_signed_with_the_users_key_or_has_no_signature(tmp_path, monkeypatch):
    feed, tools = tmp_path / "feed", tmp_path / "bin"
    written(package(), feed)
    index(feed)
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setattr(ipk, "SIGNERS", ("usign-of-this-test",))
    with pytest.raises(ToolMissing, match="apt install signify-openbsd"):
        ipk.sign(feed, "key.sec")
    signer = tools / "usign-of-this-test"
    signer.write_text('#!/bin/sh\n[ "$1 $2 $4" = "-S -s -m" ] && [ "$3" = key.sec ] && cat "$5" >"$7"\n')
    signer.chmod(0o755)
    ipk.sign(feed, "key.sec")
    assert (feed / "Packages.sig").read_bytes() == (feed / "Packages").read_bytes()
    with pytest.raises(RuntimeError, match="the feed is not signed"):
        ipk.sign(feed, "other.sec")
    ipk.sign(feed, "")
    assert not (feed / "Packages.sig").exists(), "it would be of another index"


def test_what_a_machine_lacks_is_one_line(monkeypatch):
    monkeypatch.setattr(toolchain.shutil, "which", lambda name: None if name.startswith("mips") else f"/usr/bin/{name}")
    said = toolchain.missing(MACHINE)
    assert said.endswith("apt install gcc-mips-linux-gnu")
    assert "\n" not in said
    assert toolchain.missing(X86) == ""


def split(folder, first: str):
    """A root after an upgrade in which a file moved from one package to another, `first` of the two unpacked first."""
    place = "/usr/lib/python3.11/site-packages/meterd/moved.pyc"
    before = package()
    before.add(place, b"before")
    root = folder / "root"
    mini_opkg.install(root, MACHINE, written(before, folder / "before"))
    taker = Package("meterd-taker", "1.2-r3", "mips_24kc", "Takes over")
    taker.fields["Replaces"] = "meterd"
    taker.add(place, b"moved")
    for each in sorted((package(), taker), key=lambda each: each.name != first):
        mini_opkg.install(root, MACHINE, written(each, folder / "after"))
    return root, place


@pytest.mark.parametrize("first", ["meterd", "meterd-taker"])
def test_what_moves_to_a_package_that_replaces_is_there_whichever_comes_first(tmp_path, first):
    root, place = split(tmp_path, first)
    assert (root / place.lstrip("/")).read_bytes() == b"moved"
    lists = {path.stem: path.read_text().splitlines() for path in (root / mini_opkg.INFO).glob("*.list")}
    assert place in lists["meterd-taker"]
    assert place not in lists["meterd"]


def test_what_a_newer_version_has_no_more_goes_and_its_folder_stays(tmp_path):
    before = package()
    before.add("/usr/lib/meterd/room/part", b"x")
    mini_opkg.install(tmp_path / "root", MACHINE, written(before, tmp_path / "before"))
    mini_opkg.install(tmp_path / "root", MACHINE, written(package(), tmp_path / "after"))
    assert not (tmp_path / "root/usr/lib/meterd/room/part").exists()
    assert (tmp_path / "root/usr/lib/meterd/room").is_dir(), "as the real opkg was seen to leave it"
