"""Runs every benchmark and holds it against what is required: `python -m benchmarks [--only NAME]`.

A benchmark is a module in this folder with `run() -> list[(what, figure, unit, required or None)]`. Figures are ratios
taken in one process, so that they mean the same on any machine; a figure below its requirement ends the run with 1. A
requirement below zero is an upper bound: -1.5 asks for at most 1.5.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

from . import __path__ as FOLDER

WIDTH = 68


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(FOLDER) if not module.name.startswith("_"))


def is_met(figure: float, required: float | None) -> bool:
    if required is None:
        return True
    return figure <= -required if required < 0 else figure >= required


def bound(required: float | None) -> str:
    if required is None:
        return ""
    return f"≤ {-required:g}" if required < 0 else f"≥ {required:g}"


def show(name: str) -> int:
    """Run one benchmark module, print its rows, return how many missed their requirement."""
    missed = 0
    module = importlib.import_module(f"{__package__}.{name}")
    if not hasattr(module, "run"):
        return 0
    for what, figure, unit, required in module.run():
        met = is_met(figure, required)
        missed += not met
        verdict = "" if required is None else "ok" if met else "MISSED"
        print(f"{name + ': ' + what:<{WIDTH}} {figure:>10.2f} {unit:<22} {bound(required):>8} {verdict}", flush=True)
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    known = names()
    parser.add_argument("--only", action="append", choices=known, metavar="NAME", help="one of: " + ", ".join(known))
    chosen = parser.parse_args().only or known
    missed = sum(show(name) for name in chosen)
    if missed:
        print(f"{missed} required figures were missed", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
