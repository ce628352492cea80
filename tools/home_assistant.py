"""Home Assistant in a place of its own, as a judge of what meterd announces to it (tests/conformance).

It needs a newer Python than most machines have: Debian's sid has one, which is unpacked beside the machine's own (as
`tools.gateway` does for other machines) and never installed. `python -m tools.home_assistant` brings both, once; what
is there is kept with the gateway's things under ~/.cache/meterd-gateway. Its wheels are pinned, for what it imports at
its start is more than its metadata asks for.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from .gateway.build.cache import ROOT, ToolMissing, made
from .gateway.build.debian import unpacked

PYTHON = "3.14"
DEBIAN = (
    f"python{PYTHON}", f"python{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", f"libpython{PYTHON}-minimal", "libc6",
    "libssl3t64", "libffi8", "libsqlite3-0", "libbz2-1.0", "liblzma5", "libuuid1", "zlib1g", "libexpat1", "libzstd1",
    "libreadline8t64", "libncursesw6", "libtinfo6",
)  # fmt: skip
WHEELS = (
    "PyJWT==2.10.1", "acme==5.9.0", "aiodns==4.0.0", "aiohappyeyeballs==2.7.1", "aiohasupervisor==0.3.3",
    "aiohttp==3.13.3", "aiohttp-asyncmdnsresolver==0.1.1", "aiohttp-cors==0.8.1", "aiohttp-fast-zlib==0.3.0",
    "aiosignal==1.4.0", "aiozoneinfo==0.2.3", "annotatedyaml==1.0.2", "anyio==4.16.0", "astral==2.2",
    "async-interrupt==1.2.2", "async-timeout==5.0.1", "atomicwrites-homeassistant==1.4.1", "attrs==26.1.0",
    "audioop-lts==0.2.1", "awesomeversion==25.8.0", "bcrypt==5.0.0", "boto3==1.44.8", "botocore==1.44.8",
    "certifi==2026.10.19.post1", "cffi==2.1.1", "charset-normalizer==3.5.3", "ciso8601==2.3.3", "cronsim==2.7",
    "cryptography==46.0.5", "envs==1.4", "fnv-hash-fast==1.6.0", "frozenlist==1.8.0", "greenlet==3.5.6",
    "h11==0.16.0", "hass-nabucasa==1.12.0", "home-assistant-bluetooth==1.13.1", "homeassistant==2026.2.3",
    "httpcore==1.0.9", "httpx==0.28.1", "icmplib==3.0.4", "idna==3.20", "ifaddr==0.2.0", "jinja2==3.1.6",
    "jmespath==1.1.0", "josepy==2.2.0", "lru-dict==1.4.1", "markupsafe==3.0.4", "mashumaro==3.23", "multidict==7.2.1",
    "orjson==3.11.5", "packaging==26.4", "paho-mqtt==2.1.0", "pillow==12.0.0", "propcache==0.5.4",
    "psutil-home-assistant==0.0.1", "pycognito==2024.5.1", "pycparser==3.12", "pyopenssl==25.3.0", "pyrfc3339==2.1.1",
    "python-dateutil==4.0.0", "python-slugify==8.0.4", "pyyaml==6.0.3", "regex==2026.11.19", "requests==2.32.5",
    "s3transfer==0.19.3", "securetar==2025.2.1", "sentence-stream==1.3.0", "six==1.17.0", "sniffio==1.3.1",
    "snitun==0.47.0", "sqlalchemy==2.0.41", "standard-aifc==3.13.0", "standard-telnetlib==3.13.0",
    "text-unidecode==1.3", "typing-extensions==4.16.0", "ulid-transform==1.5.2", "urllib3==2.8.0",
    "voluptuous==0.15.2", "voluptuous-openapi==0.2.0", "voluptuous-serialize==2.7.0", "webrtc-models==0.3.0",
    "yarl==1.25.1",
)  # fmt: skip
RECIPE = {"debian": DEBIAN, "wheels": WHEELS}


def _make(folder: Path) -> None:
    for wheel in WHEELS:
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--no-compile", "--python-version", PYTHON, "--only-binary=:all:", "--ignore-requires-python", "--target",
             str(folder / "site"), wheel],
            check=True,
        )  # fmt: skip
    (folder / "python").symlink_to(unpacked("amd64", DEBIAN, sid=True))


def command() -> list[str] | None:
    """What runs a script with Home Assistant at hand; None where it was never brought."""
    places = sorted(ROOT.glob("home-assistant-*"))
    places = [place for place in places if (place / "python").exists()]
    if not places:
        return None
    site, root = places[-1] / "site", (places[-1] / "python").resolve()
    libraries = ":".join(str(root / part / "x86_64-linux-gnu") for part in ("lib", "usr/lib"))
    loader = next(root.rglob("ld-linux-x86-64.so.2"))
    return ["env", f"PYTHONHOME={root}/usr", f"PYTHONPATH={site}", "PYTHONWARNINGS=ignore", str(loader),
            "--library-path", libraries, f"{root}/usr/bin/python{PYTHON}"]  # fmt: skip


def main() -> int:
    if shutil.which("dpkg-deb") is None:
        print("Home Assistant's Python comes from Debian: dpkg-deb is missing here", file=sys.stderr)
        return 1
    try:
        print(made("home-assistant", RECIPE, _make))
    except ToolMissing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
