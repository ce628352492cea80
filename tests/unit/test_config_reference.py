"""The printed reference and the JSON Schema say what the tables say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meterd.config import reference
from meterd.config.files import load
from meterd.parameters import INTEGER, STRING, Parameter
from meterd.protocols import registry

DOCUMENT = Path(__file__).parents[2] / "docs" / "parameters.md"


def test_the_committed_reference_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == reference.markdown(), (
        "a table has changed: python -m meterd.config.reference > docs/parameters.md"
    )


@pytest.mark.parametrize("package", registry.installed())
def test_every_row_is_in_the_reference_and_in_the_schema(package: str) -> None:
    tables = registry.tables(package)
    text = reference.markdown()
    definitions = reference.schema()["$defs"]
    for kind, parameters in (("device", tables.DEVICE), ("signal", tables.SIGNAL)):
        properties = definitions[f"{package}-{kind}"]["properties"]
        for parameter in parameters:
            assert f"| `{parameter.name}` | {parameter.kind} |" in text
            assert properties[parameter.name]["description"] == parameter.help
            assert (parameter.name + "_file" in properties) == parameter.secret


def test_every_table_is_sound() -> None:
    """Names are unique, and a default is a value that its own row allows."""
    general, sections = reference.publishing()
    tables: list[tuple[Parameter, ...]] = [tuple(general), *sections.values()]
    for package in registry.installed():
        tables += [registry.tables(package).DEVICE, registry.tables(package).SIGNAL]
    for table in tables:
        names = [name for parameter in table for name in reference.names_of(parameter)]
        assert len(names) == len(set(names))
        for parameter in table:
            assert parameter.help
            if parameter.default not in (None, ""):
                assert parameter.read(parameter.default) == parameter.default, parameter.name


def test_a_row_of_the_reference_words_its_columns() -> None:
    secret = Parameter("key", STRING, "A | B", high=32, secret=True, required_tcp=True, aliases=("k",), origin="meterd")
    assert reference._row(secret) == (
        "`key`", "string", "A \\| B (also `k`) (secret; or `key_file`)", "over TCP", "", "…32 characters", "meterd",
    )  # fmt: skip
    assert reference._value(secret, "key_file") == {"description": "A | B", "type": "string", "minLength": 1}
    number = Parameter("n", INTEGER, "N", default=5, low=1, high=9)
    assert reference._value(number, "n") == {
        "description": "N", "default": 5, "type": "integer", "minimum": 1, "maximum": 9,
    }  # fmt: skip


def test_the_schema_is_closed_but_for_comments() -> None:
    schema = reference.schema()
    assert schema["properties"].keys() == {"devices", "signals", "ports", "publish"}
    for part in (schema, *schema["$defs"].values(), schema["properties"]["publish"]):
        assert part["additionalProperties"] is False
        assert part["patternProperties"] == {"^[_#]": {}}
    assert json.loads(json.dumps(schema)) == schema


def test_what_the_schema_requires_the_loader_requires(tmp_path: Path) -> None:
    """A row with nothing but its protocol lacks, to the loader, at least what the schema says is required."""
    for package in registry.installed():
        path = tmp_path / "meterd.json"
        row: dict[str, Any] = {"protocol": reference.spellings(package)[0]}
        path.write_text(json.dumps({"devices": [row]}))
        missing = {error.place.rpartition("parameter ")[2] for error in load([str(path)]).errors}
        assert set(reference.schema()["$defs"][f"{package}-device"]["required"]) - {"protocol"} <= missing


def test_the_program_prints_either(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["reference"])
    reference.main()
    assert capsys.readouterr().out == reference.markdown()
    monkeypatch.setattr("sys.argv", ["reference", "--schema"])
    reference.main()
    assert json.loads(capsys.readouterr().out) == reference.schema()
