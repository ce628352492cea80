"""Where a line over the network leads to, by its key alone."""

from __future__ import annotations

import socket

import pytest

from meterd.ports._loop import Loop
from meterd.ports._timers import Timer
from meterd.ports.opening import make_port


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
@pytest.mark.parametrize("scheme", ["", "udp://"])
def test_the_number_is_what_stands_behind_the_last_colon(family: int, address: str, scheme: str) -> None:
    kind = socket.SOCK_DGRAM if scheme else socket.SOCK_STREAM
    with socket.socket(family, kind) as there:
        try:
            there.bind((address, 0))
        except OSError:
            pytest.skip(f"no {address} on this machine")
        if not scheme:
            there.listen()
        number = there.getsockname()[1]
        loop = Loop()
        port = make_port(loop, f"{scheme}{address}:{number}", None)
        assert port.name == f"{address}:{number}"
        told: list[object] = []
        port.open(20.0, told.append)
        limit = Timer(lambda: told.append("nothing came of it"))
        loop.arm(limit, loop.time + 30.0)
        while not told:
            loop.turn()
        assert told == [None]
        assert port.is_open()
        port.close()
        loop.close()
