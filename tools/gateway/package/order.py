"""In which order an archive's files are packed: like stands by like, for gzip looks back no further than 32 kB.

The next file is always the one of those left that gains the most by what the last 32 kB hold, for its size. For
meterd's own package this is 7 kB of 430: by name, a protocol's conversation stands far from the next one's. Compiled
modules are like nothing else and come last, so the packages of all machines have one order, found once.
"""

from __future__ import annotations

import hashlib
import math
import zlib

from ..build.cache import made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WINDOW = 32 * 1024
LEVEL = 6  # the best takes five times as long, for 200 bytes
COMPILED = ".so"


def like_by_like(members: Mapping[str, bytes]) -> list[str]:
    """Names in the order in which they are packed; each with its part of the archive."""
    compiled = sorted(name for name in members if name.endswith(COMPILED))
    others = {name: members[name] for name in sorted(members) if name not in compiled}
    if not others:
        return compiled
    digest = hashlib.sha256(b"".join(others.values())).hexdigest()

    def make(folder: Path) -> None:
        (folder / "names").write_text("\n".join(found(others)))

    names = made("order", {"members": digest, "level": LEVEL, "window": WINDOW}, make) / "names"
    return [*names.read_text().split("\n"), *compiled]


def found(members: Mapping[str, bytes]) -> list[str]:
    """The order, looked for."""
    alone = {name: _compressed(member, b"") for name, member in members.items()}
    left = list(members)
    names: list[str] = []
    window = b""

    def gain(name: str) -> float:
        return (alone[name] - _compressed(members[name], window)) / math.sqrt(alone[name])

    while left:
        best = max(left, key=gain)
        left.remove(best)
        names.append(best)
        window = (window + members[best])[-WINDOW:]
    return names


def _compressed(content: bytes, window: bytes) -> int:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=window)
    return len(packer.compress(content) + packer.flush())
