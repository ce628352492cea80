"""The loop: timers, descriptors, wake-ups, and that it sleeps when nothing is due."""

import os
import select
import threading

from meterd._core import Loop, Timer


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
