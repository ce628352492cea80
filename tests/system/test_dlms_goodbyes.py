"""Associations left open between scans are released by a daemon that ends or lets the device go: the meter sees it."""

import json
import signal
import subprocess
import sys
import time

import pytest

from meterd.conversation import Receive
from meterd.protocols.dlms import enumerations as codes
from meterd.protocols.dlms.links import hdlc_control as hdlc
from meterd.protocols.dlms.links.hdlc import LLC_REQUEST
from meterd.simulate import dlms

LINKS = ("hdlc", "wrapper", "pty")


class Seen:
    """What one simulated meter hears: the names of what ends and begins associations, in order. `mute` from some
    moment on makes it deaf and dumb.
    """

    def __init__(self, **options):
        self.make = dlms.meter(**options)
        self.heard = []
        self.mute = False

    def __call__(self):
        talk = self.make()
        step = talk.send(None)
        while True:
            answer = yield step
            while self.mute and isinstance(step, Receive):
                answer = yield step
            if isinstance(step, Receive):
                self._note(answer)
            step = talk.send(answer)

    def _note(self, frame):
        apdu = getattr(frame, "apdu", None)
        if apdu is None:
            kind = frame.control & ~hdlc.FINAL
            self.heard += [name for name in ("SNRM", "DISC") if kind == getattr(hdlc, name)]
            apdu = frame.information[len(LLC_REQUEST) :] if hdlc.is_information(frame.control) else b""
        self.heard += [name for name in ("AARQ", "RLRQ") if apdu[:1] == bytes((getattr(codes, name),))]


def row(alias, where, **parameters):
    return {
        "name": alias, "device_alias": alias, "protocol": "DLMS", "client_address": 16, "physical_address": 1,
        "type": "LN", "mode": "DLMS-HDLC", "keep_open": 1, "scan_rate_ms": 300, "timeout_ms": 800, **where,
        **parameters,
    }  # fmt: skip


def meterd(command, path, *words):
    """A program of the user's, begun."""
    words = [sys.executable, "-m", "meterd", command, "-c", path, "--state", path.parent, *words]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def eventually(condition):
    """Wait until it holds: the other side is a thread or a process of its own."""
    limit = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < limit, "not seen within 15 s"
        time.sleep(0.02)


def energy(alias):
    return {"signal_name": "E", "device_alias": alias, "signal_alias": "E", "obis_job": "1.0.1.8.0.255"}


def place(site, meter, link, tmp_path):
    """Serve the meter on such a link; returns (ports, the device's parameters)."""
    if link == "pty":
        node = tmp_path / "tty"
        site.pty(node, meter, dlms.LINE)
        return {"PORT1": str(node)}, {"device": "PORT1"}
    where = {"ip": "127.0.0.1", "port": site.tcp(meter)}
    return {}, {**where, "mode": "DLMS-WRAPPER"} if link == "wrapper" else where


def goodbye(link):
    return ["RLRQ"] if link == "wrapper" else ["RLRQ", "DISC"]


def beginning(link):
    return ["AARQ"] if link == "wrapper" else ["SNRM", "AARQ"]


@pytest.mark.parametrize("link", LINKS)
def test_sigterm_releases_what_is_open(site, daemon, tmp_path, link):
    meter = Seen(mode="wrapper" if link == "wrapper" else "hdlc")
    ports, where = place(site, meter, link, tmp_path)
    running = daemon({"ports": ports, "devices": [row("a", where)], "signals": [energy("a")]}, "-d", "6")
    running.wait_for(lambda run: len(run.of("a", "E", "good")) >= 3)
    assert running.stop() == 0
    assert meter.heard == beginning(link) + goodbye(link), "one association for all scans, and its end"
    assert not [line for line in running.log if "critical" in line]
    assert [line for line in running.log if "info: a: client 16 (0x10), server " in line], running.log


@pytest.mark.parametrize("link", LINKS)
def test_reload_and_the_control_socket_release_what_is_open(site, daemon, tmp_path, link):
    meter = Seen(mode="wrapper" if link == "wrapper" else "hdlc")
    ports, where = place(site, meter, link, tmp_path)

    def configuration(**parameters):
        return {"ports": ports, "devices": [row("a", where, **parameters)], "signals": [energy("a")]}

    def further(count):
        good = len(running.of("a", "E", "good"))
        running.wait_for(lambda run: len(run.of("a", "E", "good")) >= good + count)

    running = daemon(configuration())
    further(2)
    expected = beginning(link)
    running.configure(configuration(timeout_ms=900))
    running.kill(signal.SIGHUP)
    running.wait_for(lambda run: len(meter.heard) > len(expected), what="a goodbye to the changed device")
    further(1)
    expected += goodbye(link) + beginning(link)
    assert meter.heard == expected
    assert running.ask("stop", "dlms").returncode == 0
    expected += goodbye(link)
    running.wait_for(lambda run: meter.heard == expected, what="a goodbye to the stopped protocol's device")
    assert running.ask("start", "dlms").returncode == 0
    further(2)
    expected += beginning(link)
    assert meter.heard == expected
    running.configure({"ports": ports, "devices": [], "signals": []})
    running.kill(signal.SIGHUP)
    expected += goodbye(link)
    running.wait_for(lambda run: meter.heard == expected, what="a goodbye to the device that was taken out")
    assert running.stop() == 0


def test_a_meter_silent_to_the_goodbye_holds_nobody_up(site, daemon, tmp_path):
    """Two meters behind one converter, one of which has gone."""
    gone, there = Seen(physical="1"), Seen(physical="2")

    def both():
        meters = {b"\x03": gone(), b"\x05": there()}  # by the address on the wire
        listening = [meter.send(None) for meter in meters.values()].pop()
        while True:
            frame = yield listening
            meter = meters[frame.destination]
            step = meter.send(frame)
            while not isinstance(step, Receive):
                yield step
                step = meter.send(None)

    where = {"ip": "127.0.0.1", "port": site.tcp(both), "timeout_ms": 60_000, "scan_rate_ms": 1000}
    devices = [row("a", where), row("b", where, physical_address=2)]
    running = daemon({"devices": devices, "signals": [energy("a"), energy("b")]})
    running.wait_for(lambda run: len(run.of("a", "E", "good")) >= 2 and len(run.of("b", "E", "good")) >= 2)
    gone.mute = True
    assert running.stop() == 0, "it ends by itself, long before the meter's time is over"
    assert there.heard == ["SNRM", "AARQ", "RLRQ", "DISC"]


@pytest.mark.parametrize("link", LINKS)
def test_programs_that_read_a_meter_once_release_what_is_open(site, tmp_path, link):
    meter = Seen(mode="wrapper" if link == "wrapper" else "hdlc")
    ports, where = place(site, meter, link, tmp_path)
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps({"ports": ports, "devices": [row("a", where)], "signals": [energy("a")]}))
    for command in (["doctor", path, "a"], ["scan", path, "a"], ["read", path]):
        process = meterd(*command)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0, out + err
        # It may have ended before the meter has looked at all that came.
        eventually(lambda: meter.heard[-1:] == goodbye(link)[-1:])
        assert meter.heard == beginning(link) + goodbye(link), command
        meter.heard.clear()


def test_a_doctor_who_is_interrupted_tells_the_meter(site, tmp_path):
    meter = Seen()
    path = tmp_path / "meterd.json"
    where = {"ip": "127.0.0.1", "port": site.tcp(meter, fault="delay:1:200")}
    path.write_text(json.dumps({"devices": [row("a", where)], "signals": [energy("a")]}))
    process = meterd("doctor", path, "a")
    eventually(lambda: meter.heard == beginning("hdlc"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, out + err
    eventually(lambda: meter.heard[-1:] == ["DISC"])
