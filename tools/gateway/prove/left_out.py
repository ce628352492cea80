"""Which unit tests are not run on a foreign Python, each with its reason, which is printed before a run."""

from __future__ import annotations

import ast

from ..build import join
from ..build.compiled import PROJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# File of tests/unit, or a test in it → why it is not run there.
LEFT_OUT = {
    "test_architecture.py": "reads the sources' imports, which are the same everywhere",
    "test_import_budget.py": "counts the modules that this machine's own Python loads",
    "test_gateway_cache.py": "the packaging tools run on this machine",
    "test_ipk.py": "the packaging tools run on this machine",
    "test_ipk_contents.py": "the packaging tools run on this machine",
    "test_join.py": "reads the compiled modules' sources",
    "test_house.py": "reads the sources' imports, which are the same everywhere",
    "test_docs_names.py": "reads the pages and the sources, which are the same everywhere",
    "test_unused.py": "reads the sources, which are the same everywhere",
    "test_crc.py::test_the_oracle_is_the_c_extension": "crcmod's compiled part is this machine's",
    **dict.fromkeys(
        (
            "test_holders.py::test_a_locked_port_names_the_program_that_has_it",
            "test_holders.py::test_another_meterd_is_told_with_its_configuration",
        ),
        "there the kernel knows a program by the loader or emulator that starts it",
    ),
}
LEFT_OUT_BIG_ENDIAN = {
    "test_axdr.py::test_against_gurux": "the peer reads floats in the machine's own byte order",
}
LEFT_OUT_GATEWAY = {
    "test_dlms_security.py::TestBothWays::test_against_dlms_cosem": "the peer's ciphers are compiled from Rust",
    **dict.fromkeys(
        ("test_influx.py", "test_metrics.py", "test_mqtt_leisure.py", "test_provision.py"),
        "asks for OpenSSL, which these Pythons are built without",
    ),
    "test_store.py": "asks for SQLite, which these Pythons are built without",
    "test_rhythm.py::test_a_day_begins_at_midnight_of_the_local_clock": "asks for tzset, which these are built without",
}
LEFT_OUT_MIPS = dict.fromkeys(
    (
        "test_python_api.py::test_what_fails_is_an_exception_that_says_why",
        "test_python_docs.py::test_an_example_says_what_it_should",
    ),
    "reads SO_ERROR, which the emulator leaves with the number that this machine has for it",
)
# The emulator of Debian 12 does not know by which call the C library of its sid asks for a terminal's attributes.
LEFT_OUT_EMULATED_SID = dict.fromkeys(
    (
        "test_docs_commands.py",
        "test_ends.py",
        "test_gateway_pyserial.py",
        "test_goodbyes.py",
        "test_holders.py",
        "test_listening.py::test_pushes_on_a_pty_from_the_simulated_meter",
        "test_mbus_peer.py",
        "test_meter_host.py",
        "test_player.py",
        "test_top.py",
    ),
    "asks for a terminal's attributes by a call that this emulator does not know",
)
# File of tests/unit → why one of the machines that run all of it is enough.
SAME_EVERYWHERE = {
    **dict.fromkeys(
        (
            "test_command_line.py",
            "test_config.py",
            "test_config_reference.py",
            "test_control.py",
            "test_home_assistant.py",
            "test_mqtt.py",
            "test_names.py",
            "test_not_read.py",
            "test_paths.py",
            "test_run_options.py",
            "test_sink_registry.py",
            "test_state_choice.py",
            "test_status.py",
            "test_uci.py",
            "test_workbook.py",
            "test_workbook_mistakes.py",
        ),
        "words, files and tables",
    ),
    **dict.fromkeys(("test_dlms_docs.py", "test_python_docs.py"), "reads sources and pages"),
    **dict.fromkeys(
        (
            "test_daemon_lines.py",
            "test_dlms_faults.py",
            "test_lifecycle_bounds.py",
            "test_liveness.py",
            "test_python_api.py",
            "test_resolver.py",
            "test_schedule.py",
            "test_start_up_table.py",
        ),
        "what is done when, in Python alone",
    ),
}
# A gateway's machine → that with bytes of the same order and sizes which this processor runs by itself. What is left is
# the compiler for it.
COMPILED_ALONE = {"mipsel_24kc": "i386", "arm_cortex-a7": "i386", "aarch64_cortex-a53": "x86_64"}


def without_compiled() -> list[str]:
    """The files of tests/unit that import no compiled module."""
    modules = {join.module_of(path, PROJECT) for path in join.compiled(PROJECT)[0]}
    files = sorted((PROJECT / "tests" / "unit").glob("test_*.py"))
    return [path.name for path in files if not modules & set(_imported(path))]


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
