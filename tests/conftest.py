"""What holds for every test: which skips are failures.

In CI one for want of a Debian package: `.ci/run` installs all of them and sets METERD_CI. And wherever the recorded
frames lie beside the project, one for want of them: it would be a hole that looks like a pass.
"""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

from tests.needs import SHARED

# How long an example takes is the machine's affair: an emulated one is a hundred times slower.
hypothesis.settings.register_profile("meterd", deadline=None)
hypothesis.settings.load_profile("meterd")

# A shell that runs the tests in the background has them ignore SIGINT, and every process that they start inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Under nohup it is SIGHUP. A handler that does nothing keeps the tests alive, and what they start has none of it.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

_lacking: list[str] = []


def _is_a_hole(reason: str) -> bool:
    if "apt install" in reason or "python -m tests.foreign" in reason:
        return bool(os.environ.get("METERD_CI"))
    return "no recorded" in reason and (SHARED / "vectors").is_dir()


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and _is_a_hole(str(report.longrepr)):
        _lacking.append(f"{report.nodeid}: {report.longrepr}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _note(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _lacking:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for text in _lacking:
        terminalreporter.write_line(f"LACKING {text}")
