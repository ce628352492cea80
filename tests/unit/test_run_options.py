"""What `meterd run` makes of its command line before anything starts."""

from __future__ import annotations

import pytest

from meterd.cli.options import UsageError, parse
from meterd.cli.run import OPTIONS, stopped_protocols
from meterd.protocols import registry


@pytest.mark.parametrize(
    ("words", "packages"),
    [
        ([], set()),
        (["--stopped", "dlms"], {"dlms"}),
        (["--stopped", "dlms", "iec62056-21", "-c", "site.json"], {"dlms", "iec62056_21"}),
        (["--stopped=mbus", "--stopped", "elgama"], {"mbus", "elgama"}),
    ],
)
def test_stopped_protocols_are_named_as_their_programs_are(words, packages):
    assert stopped_protocols(parse(words, OPTIONS)) == packages


def test_a_name_that_is_no_protocol_is_refused_with_those_that_are():
    known = "iec62056-21, dlms, mbus, elgama, p1, dlms-push"
    with pytest.raises(UsageError, match=rf"'modbus' is no protocol; {known} are"):
        stopped_protocols(parse(["--stopped", "modbus"], OPTIONS))


def test_a_package_is_spoken_of_by_its_programs_name():
    assert [registry.program(package) for package in registry.PROGRAMS.values()] == list(registry.PROGRAMS)
