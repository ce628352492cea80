"""The loop: timers, descriptors, wake-ups, and that it sleeps when nothing is due."""

import os
import select
import threading
import time

import pytest

from meterd.ports._loop import Loop
from meterd.ports._timers import Timer
from tests.virtual_clock import VirtualClock


def test_timers_fire_in_order_and_can_be_moved_and_disarmed():
    loop, fired = Loop(), []
    timers = {name: Timer(lambda name=name: fired.append(name)) for name in "abcd"}
    start = loop.time
    loop.arm(timers["a"], start + 0.03)
    loop.arm(timers["b"], start + 0.01)
    loop.arm(timers["c"], start + 0.02)
    loop.arm(timers["c"], start + 0.04)  # later: stays in the heap and is moved when it comes up
    loop.arm(timers["d"], start + 0.02)
    timers["d"].deadline = None
    loop.arm(Timer(loop.stop), start + 0.06)
    loop.run()
    assert fired == ["b", "a", "c"]


def test_a_timer_armed_for_earlier_fires_once():
    loop, fired = Loop(), []
    timer = Timer(lambda: fired.append(1))
    loop.arm(timer, loop.time + 0.05)
    loop.arm(timer, loop.time + 0.01)
    loop.arm(Timer(loop.stop), loop.time + 0.08)
    loop.run()
    assert fired == [1]


def test_disarmed_timers_leave_no_deadline():
    loop = Loop()
    for delay in (0.1, 0.2, 0.3):
        timer = Timer(loop.stop)
        loop.arm(timer, loop.time + delay)
        timer.deadline = None
    assert loop.next_deadline() is None


def test_a_descriptor_closed_by_an_earlier_callback_is_not_called():
    loop = Loop()
    pipes = [os.pipe(), os.pipe()]
    called = []

    def on_readable(index):
        called.append(index)
        for read_end, _ in pipes:
            loop.unregister(read_end)
        loop.stop()

    for index, (read_end, write_end) in enumerate(pipes):
        loop.register(read_end, select.POLLIN, lambda revents, index=index: on_readable(index))
        os.write(write_end, b"x")
    loop.run()
    assert len(called) == 1
    for ends in pipes:
        for end in ends:
            os.close(end)


def test_another_thread_wakes_the_loop():
    loop, seen = Loop(), []

    def done():
        seen.append(threading.current_thread() is threading.main_thread())
        loop.stop()

    thread = threading.Thread(target=lambda: loop.call_soon_from_thread(done))
    thread.start()
    loop.run()
    thread.join()
    assert seen == [True]
    loop.close()


def test_all_that_is_ready_is_served_however_much_it_is():
    loop = Loop()
    pipes = [os.pipe() for _ in range(100)]
    called = set()

    def on_readable(index):
        os.read(pipes[index][0], 1)
        called.add(index)
        if len(called) == len(pipes):
            loop.stop()

    for index, (read_end, write_end) in enumerate(pipes):
        loop.register(read_end, select.POLLIN, lambda revents, index=index: on_readable(index))
        os.write(write_end, b"x")
    loop.arm(Timer(loop.stop), loop.time + 10.0)
    loop.run()
    for ends in pipes:
        loop.unregister(ends[0])
        os.close(ends[0])
        os.close(ends[1])
    assert called == set(range(100))


def test_a_time_out_that_is_put_off_wakes_once_too_early_and_no_more():
    loop, fired = Loop(), []
    timer = Timer(lambda: fired.append(loop.time))
    started = loop.time
    loop.arm(timer, started + 0.02)
    loop.arm(Timer(lambda: loop.arm(timer, started + 0.06)), started + 0.01)
    turns = 0
    while not fired:
        loop.turn()
        turns += 1
    assert fired[0] >= started + 0.06
    assert turns <= 4  # the other timer, the time-out's old time, its new one


def test_a_time_that_is_very_far_off_does_not_keep_nearer_ones_from_coming():
    loop, fired = Loop(), []
    loop.arm(Timer(lambda: fired.append("far")), loop.time + 1e12)
    threading.Thread(target=lambda: loop.call_soon_from_thread(lambda: fired.append("woken"))).start()
    while not fired:
        loop.turn()
    loop.arm(Timer(loop.stop), loop.time + 0.01)
    loop.run()
    assert fired == ["woken"]


def test_a_number_closed_without_a_word_can_be_watched_again():
    loop, called = Loop(), []
    first, second = os.pipe(), os.pipe()
    loop.register(first[0], select.POLLIN, lambda revents: called.append("first"))
    os.dup2(second[0], first[0])  # closes what it was
    loop.register(first[0], select.POLLIN, lambda revents: called.append("second"))
    os.write(second[1], b"x")
    loop.turn()
    loop.unregister(first[0])
    assert called == ["second"]
    for fd in (*first, *second):
        os.close(fd)


def test_what_cannot_be_waited_for_is_refused(tmp_path):
    loop = Loop()
    with open(tmp_path / "file", "w+b") as file, pytest.raises(PermissionError):
        loop.register(file.fileno(), select.POLLIN, print)
    with pytest.raises(ValueError, match="no descriptor"):
        loop.register(-1, select.POLLIN, print)


# ---- time that is not the machine's


def test_virtual_time_passes_only_as_far_as_somebody_waits() -> None:
    clock = VirtualClock()
    loop, served = Loop(clock), []
    began = loop.time
    first, second = Timer(lambda: served.append(("first", loop.time - began))), Timer(loop.stop)
    loop.arm(second, began + 7200.0)
    loop.arm(first, began + 900.5)
    before = time.monotonic()
    loop.run()
    loop.close()
    assert time.monotonic() - before < 60.0
    assert [name for name, _ in served] == ["first"]
    assert served[0][1] == pytest.approx(900.5, abs=1e-5)
    assert loop.time - began == pytest.approx(7200.0, abs=1e-5)


def test_virtual_time_stands_still_while_something_is_ready() -> None:
    loop, seen = Loop(VirtualClock()), []
    read_end, write_end = os.pipe()
    began = loop.time

    def answer(revents: int) -> None:
        os.read(read_end, 1)
        seen.append(loop.time - began)
        if len(seen) < 3:
            os.write(write_end, b"x")

    loop.register(read_end, select.POLLIN, answer)
    loop.arm(Timer(loop.stop), began + 3600.0)
    os.write(write_end, b"x")
    loop.run()
    assert seen == [0.0, 0.0, 0.0]
    assert loop.time - began >= 3600.0
    loop.close()
    for end in (read_end, write_end):
        os.close(end)


def test_another_thread_wakes_a_loop_whose_time_is_virtual() -> None:
    loop = Loop(VirtualClock())
    began = loop.time
    threading.Timer(0.01, loop.call_soon_from_thread, [loop.stop]).start()
    loop.run()
    loop.close()
    assert loop.time == began
