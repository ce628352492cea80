"""Until when a wait goes: said along with it, or by an alarm where the kernel refuses that or another loop waits.

A kernel without the call is made of one that has it by a filter of system calls (seccomp) in a process of its own.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import select
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from meterd.ports._loop import Loop
from meterd.ports._timers import Timer

EPOLL_PWAIT2 = 441  # but for MIPS, where no such test runs
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of struct seccomp_data the number comes first
ALARM_IS_LEFT_ALONE = (
    "tests/unit/test_system_calls.py::test_the_alarm_is_left_alone_while_one_exchange_follows_the_other"
)
ALLOW, REFUSE = 0x7FFF0000, 0x00050000


def refuse(number: int, error: int) -> None:
    """From now on this process is answered so when it makes that system call."""
    steps = [
        (LOAD_NUMBER, 0, 0, 0),
        (JUMP_IF_EQUAL, 0, 1, number),
        (RETURN, 0, 0, REFUSE | error),
        (RETURN, 0, 0, ALLOW),
    ]
    text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(text)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, FILTER, program):
        raise OSError(ctypes.get_errno(), "no filter here")


def alarms() -> int:
    """How many descriptors of this process are alarms."""
    links = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:
            pass  # the folder's own
    return sum("timerfd" in link for link in links)


def wait_for_two_times() -> Loop:
    """One that was put off, and a nearer one."""
    loop, served = Loop(), []
    began = loop.time
    later = Timer(loop.stop)
    loop.arm(later, began + 0.02)
    loop.arm(Timer(lambda: served.append(loop.time)), began + 0.005)
    loop.arm(later, began + 0.03)
    loop.run()
    assert began + 0.005 <= served[0] <= loop.time
    assert loop.time >= began + 0.03
    return loop


def refused_child(error: int) -> None:
    """What the test below runs in a process of its own."""
    before = alarms()
    refuse(EPOLL_PWAIT2, error)
    loop = wait_for_two_times()
    assert alarms() == before + 1, "the alarm did not stand in"
    loop.close()
    assert alarms() == before
    assert pytest.main(["-q", "-p", "no:cacheprovider", "tests/unit/test_loop.py", ALARM_IS_LEFT_ALONE]) == 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is written with this machine's numbers")
@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM])
def test_an_alarm_stands_in_where_the_kernel_refuses_the_call(error: int) -> None:
    code = f"from tests.unit.test_time_outs_of_waits import refused_child; refused_child({error})"
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120)
    if "no filter here" in ended.stderr:
        pytest.skip("no filters of system calls here")
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert "skipped" not in ended.stdout


@pytest.mark.skipif(platform.machine() != "x86_64", reason="emulated kernels know no epoll_pwait2")
def test_a_loop_that_waits_itself_needs_no_alarm() -> None:
    if tuple(map(int, platform.release().split(".")[:2])) < (5, 11):
        pytest.skip("a kernel older than epoll_pwait2")
    before = alarms()
    loop = wait_for_two_times()
    assert alarms() == before
    loop.close()


def test_what_is_far_is_an_alarm_that_what_is_near_does_not_wait_for() -> None:
    before = alarms()
    loop = Loop()
    far = Timer(lambda: None)
    loop.arm(far, loop.time + 60)
    loop.call_soon_from_thread(loop.stop)
    loop.run()
    assert alarms() == before + 1
    began = loop.time
    loop.arm(Timer(loop.stop), began + 0.005)
    loop.run()
    assert began + 0.005 <= loop.time < began + 60
    loop.close()
    assert alarms() == before


def test_the_loops_descriptor_tells_another_loop_when_it_is_time() -> None:
    loop, served = Loop(), []
    loop.arm(Timer(lambda: served.append(loop.time)), loop.time + 0.02)
    loop.turn(wait=False)
    outer = select.poll()
    outer.register(loop.fileno(), select.POLLIN)
    while not served:
        assert outer.poll(60_000), "nothing was told"
        loop.turn(wait=False)
    loop.close()
