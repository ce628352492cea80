"""`python -m tools.manual`: writes packaging/man and packaging/completions; with --check says whether they are so."""

from __future__ import annotations

import sys
from pathlib import Path

from .commands import commands
from .completions import bash, zsh
from .man_page import man_page

ROOT = Path(__file__).parents[2] / "packaging"


def main(words: list[str]) -> int:
    found = commands()
    made = {"man/meterd.1": man_page(found), "completions/meterd": bash(found), "completions/_meterd": zsh(found)}
    stale = [name for name, text in made.items() if _held(ROOT / name) != text]
    if "--check" in words:
        for name in stale:
            print(f"packaging/{name} is not what the commands say: python -m tools.manual", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[name], encoding="utf-8")
        print(f"packaging/{name}")
    return 0


def _held(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
