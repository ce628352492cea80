"""The table of a start: what the probes themselves cost is left out, and nothing else."""

from __future__ import annotations

import ast
from importlib import import_module

from tools.gateway.prove.instructions import SENDING
from tools.gateway.prove.start_up import PROBE, table, up_to_the_last_first_byte

WRITE = SENDING[0]


def said(*events: tuple[int, str]) -> str:
    """Each event is told at a count; the plugin speaks first."""
    return "".join(f"instructions {WRITE} 2 {count}\n{text}\n" for count, text in events)


def test_costs_within_costs_and_without_the_probes():
    text = said(
        (1_000_000, "@begin"), (1_500_000, "@enter"), (1_510_000, "@in import a"),
        (1_800_000, "@enter"), (1_820_000, "@in import b"), (2_820_000, "@out"), (2_830_000, "@leave"),
        (3_000_000, "@out"), (3_010_000, "@leave"),
    )  # fmt: skip
    text += f"instructions {WRITE} 7 4000000\n" + f"instructions {WRITE} 7 5000000\n"
    text += said((6_000_000, "@enter"), (6_000_000, "@in later"), (7_000_000, "@out"), (7_000_000, "@leave"))
    start = table(text)
    interpreter, a, sent, later = start.rows
    assert (interpreter.whole, a.name, a.whole, a.own()) == (1_000_000, "import a", 1_460_000, 460_000)
    assert [(row.name, row.whole) for row in a.rows] == [("import b", 1_000_000)]
    assert sent.name == "--- descriptor 7: first byte at 3.95 million"
    assert (later.name, later.whole) == ("later", 1_000_000)
    lines = up_to_the_last_first_byte(start)
    assert lines[-1].endswith("first byte at 3.95 million")
    assert [line.split()[-1] for line in lines[1:4]] == ["interpreter", "a", "b"]


def test_rows_too_small_are_left_out_unless_something_below_is_not():
    text = said(
        (0, "@begin"), (10, "@enter"), (10, "@in small"), (20, "@out"), (20, "@leave"),
        (20, "@enter"), (20, "@in outer"), (30, "@enter"), (30, "@in large"), (90_000, "@out"), (90_000, "@leave"),
        (90_010, "@out"), (90_010, "@leave"),
    )  # fmt: skip
    names = [line.split()[-1] for line in table(text).lines()]
    assert "small" not in names and "outer" in names and "large" in names


def test_the_phases_that_are_probed_are_there():
    tree = ast.parse(PROBE.read_text())
    [phases] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PHASES"
    ]
    for module, path, _ in phases:
        owner = import_module(module)
        for step in path.split("."):
            owner = getattr(owner, step)
        assert callable(owner)
