"""What Debian's archive holds for other machines, fetched by a private apt that touches nothing of this system's.

The archive is the one this machine's own apt is set up for.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .cache import ToolMissing, made, run

# Where what no release has yet comes from: (URI, suite, component).
SID = ("http://deb.debian.org/debian", "sid", "main")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def _archives() -> list[tuple[str, str, str]]:
    """(URI, suite, component) of every Debian archive this machine's apt knows. Raises: ToolMissing."""
    try:
        columns = "$(REPO_URI) $(CODENAME) $(COMPONENT) x$(ORIGIN)"
        command = ["apt-get", "indextargets", "--format", columns, "Created-By: Packages"]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as reason:
        raise ToolMissing(f"a Debian machine with apt is needed ({reason})") from None
    rows = [line.split() for line in listing.splitlines()]
    found = [(uri, suite, component) for uri, suite, component, origin in rows if origin in ("xDebian", "x")]
    if not found:
        raise ToolMissing("apt on this machine knows no Debian archive")
    return found


class Apt:
    """An apt of its own in `folder` for one architecture; `sources` adds source packages; `sid` is where from."""

    def __init__(self, folder: Path, architecture: str, log: str, sources: bool = False, sid: bool = False) -> None:
        self.folder = folder
        self.log = log
        self.downloads = folder / "downloads"
        for part in ("lists/partial", "cache/archives/partial", "parts", "downloads"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        signed = f" [signed-by={KEYRING}]" if KEYRING.exists() else ""
        kinds = ("deb", "deb-src") if sources else ("deb",)
        lines = [
            f"{kind}{signed} {uri} {suite} {part}"
            for uri, suite, part in ([SID] if sid else _archives())
            for kind in kinds
        ]
        (folder / "sources.list").write_text("\n".join(lines) + "\n")
        (folder / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{folder}/sources.list";\nDir::Etc::sourceparts "{folder}/parts";\n'
            f'Dir::State "{folder}";\nDir::State::lists "{folder}/lists";\nDir::State::status "{folder}/status";\n'
            f'Dir::Cache "{folder}/cache";\nAPT::Architecture "{architecture}";\n'
            f'APT::Architectures {{ "{architecture}"; }};\nAPT::Sandbox::User "root";\nAcquire::Languages "none";\n'
        )
        try:
            self._apt("update")
        except RuntimeError:
            # One archive of several may be in the middle of its own update; what is needed may lie in the others.
            self._apt("indextargets")

    def _apt(self, *words: str) -> None:
        environment = {**os.environ, "APT_CONFIG": f"{self.folder}/apt.conf"}
        run(self.log, "apt-get", "-q", *words, cwd=self.downloads, env=environment)

    def download(self, *packages: str) -> list[Path]:
        """Fetch binary packages as they are, without what they depend on."""
        self._apt("download", *packages)
        return sorted(self.downloads.glob("*.deb"))

    def source(self, package: str) -> Path:
        """Fetch a source package; returns upstream's own archive."""
        self._apt("source", "--tar-only", "--download-only", package)
        return next(iter(sorted(self.downloads.glob(f"{package}_*.orig.tar.*"))))


def unpacked(architecture: str, packages: tuple[str, ...], sid: bool = False) -> Path:
    """A root with these packages unpacked in it (not configured: no script of theirs has run)."""

    def make(folder: Path) -> None:
        apt_folder = folder.with_name(folder.name + "-apt")
        apt = Apt(apt_folder, architecture, f"debian-{architecture}.log", sid=sid)
        for name in ("lib", "lib64") if sid else ():  # there, packages have nothing but /usr any more
            (folder / "usr" / name).mkdir(parents=True)
            (folder / name).symlink_to(f"usr/{name}")
        for package in apt.download(*packages):
            run(apt.log, "dpkg", "-x", package, folder)
        run(apt.log, "rm", "-rf", apt_folder)

    recipe: dict[str, object] = {"packages": packages, **({"sid": True} if sid else {})}
    return made(f"debian-{architecture}", recipe, make)


def source(package: str) -> Path:
    """Upstream's source of a Debian package, unpacked; the folder holds what the archive held."""

    def make(folder: Path) -> None:
        apt_folder = folder.with_name(folder.name + "-apt")
        apt = Apt(apt_folder, "amd64", f"source-{package}.log", sources=True)
        run(apt.log, "tar", "-xf", apt.source(package), "-C", folder, "--strip-components=1")
        run(apt.log, "rm", "-rf", apt_folder)

    return made(f"source-{package}", {"package": package}, make)
