"""What holds for every test: in CI a test that skips for want of a Debian package is a failure.

Elsewhere such a test is skipped with a plain message; `.ci/run` installs all the packages and sets METERD_CI.
"""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

# How long an example takes is the machine's affair: an emulated one is a hundred times slower.
hypothesis.settings.register_profile("meterd", deadline=None)
hypothesis.settings.load_profile("meterd")

# A shell that runs the tests in the background has them ignore SIGINT, and every process that they start inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_lacking: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and os.environ.get("METERD_CI") and "apt install" in str(report.longrepr):
        _lacking.append(f"{report.nodeid}: {report.longrepr}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _lacking:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for text in _lacking:
        terminalreporter.write_line(f"LACKING {text}")
