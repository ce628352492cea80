"""Fixtures of the system tests: a site of simulated meters, and daemons that are ended whatever happens."""

import pytest

from .rig import Running, Site


@pytest.fixture
def site():
    one = Site()
    yield one
    one.close()


@pytest.fixture
def daemon(tmp_path):
    running = []

    def start(configuration, *options, command="run"):
        running.append(Running(tmp_path, configuration, *options, command=command))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.stop()
