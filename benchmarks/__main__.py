"""Runs every benchmark and holds it against what is required: `python -m benchmarks [--only NAME] [--table]`.

A benchmark is a module in this folder with `run() -> list[(what, figure, unit, required or None)]`. Figures are counts,
or ratios taken in one run, so that they mean the same on any machine; the medians of many short rounds, for the least
of them flatter who was luckier. A figure that misses its requirement ends the run with 1. A requirement below zero is
an upper bound: -1.5 asks for at most 1.5. What needs a program that is missing is left out, with a word.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import platform
import sys
import time

from . import __path__ as FOLDER
from ._machine import Row
from ._table import LINES

WIDTH = 68
# Measured by others as well, and long: only when they are asked for.
LONG = {"gateway_reading": "make gateway measures the same, or --only gateway_reading"}


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


def figures_of(name: str) -> list[Row]:
    """Run one benchmark module."""
    module = importlib.import_module(f"{__package__}.{name}")
    return module.run() if hasattr(module, "run") else []


def verdict(figure: float, required: float | None) -> str:
    return "" if required is None else "met" if is_met(figure, required) else "MISSED"


def show(name: str) -> int:
    """Run one benchmark module, print its rows, return how many missed their requirement."""
    rows = figures_of(name)
    for what, figure, unit, required in rows:
        line = f"{name + ': ' + what:<{WIDTH}} {figure:>10.2f} {unit:<22} {bound(required):>8}"
        print(line, verdict(figure, required), flush=True)
    return sum(not is_met(figure, required) for _, figure, _, required in rows)


def show_table(only: list[str]) -> int:
    """Run what the table names, or those of it, print its lines, return how many missed what is wanted."""
    judged: dict[str, list[Row]] = {}
    missed = 0
    print("| figure | seen | goal | |", "|---|---|---|---|", sep="\n", flush=True)
    for wanted, name, key in (line for line in LINES if not only or line[1] in only):
        if name not in judged:
            judged[name] = [row for row in figures_of(name) if row[3] is not None]
        found = next((row for row in judged[name] if key in f"{row[0]} {row[2]}"), None)
        if found is None:
            print(f"| {wanted} | left out | | |", flush=True)
            continue
        _, figure, unit, required = found
        missed += not is_met(figure, required)
        line = f"| {wanted} | {shown(figure)} {unit} | {bound(required)} | {verdict(figure, required)} |"
        print(line, flush=True)
    return missed


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 1000 else f"{figure:.3g}"


def conditions() -> str:
    """What a figure depends on besides meterd."""
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    python = f"Python {platform.python_version()}"
    return f"{platform.machine()}, {os.cpu_count()} cores, {python}, {time.strftime('%F %H:%M')}, load {load}"


def without_long(known: list[str]) -> list[str]:
    for name, why in LONG.items():
        print(f"{name}: left out: {why}")
    return [name for name in known if name not in LONG]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    known = names()
    parser.add_argument("--only", action="append", choices=known, metavar="NAME", help="one of: " + ", ".join(known))
    parser.add_argument("--table", action="store_true", help="only the table of what is to be reached, as Markdown")
    chosen = parser.parse_args()
    print(f"{conditions()} at the beginning", flush=True)
    if chosen.table:
        missed = show_table(chosen.only or [])
    else:
        missed = sum(show(name) for name in chosen.only or without_long(known))
    if missed:
        print(f"{missed} required figures were missed", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        code = main()
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
