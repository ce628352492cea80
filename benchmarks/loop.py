"""The loop's cost: CPU per TCP transaction beside a bare poll loop and asyncio, many meters, and the use of the wire.

A server process answers each 24-byte request of 256 connections with a 24-byte HDLC frame. Three clients take turns in
this process: a bare poll + read + write loop that decodes nothing, meterd's players with conversations, decoder and
time-outs, and asyncio streams with wait_for. What counts is user and system time of this process per transaction: the
median of the rounds' ratios.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import statistics
import tempfile
import threading
import time

from meterd._hdlc import HdlcDecoder, encode_frame
from meterd.conversation import LineSettings, Receive, Send
from meterd.ports._loop import Loop
from meterd.ports.player import Player
from meterd.ports.serial_port import SerialCarrier
from meterd.ports.tcp_port import TcpCarrier
from meterd.simulate.meter_host import MeterHost

from ._machine import Row, ratio

METERS = 256
TRANSACTIONS = 60  # per meter and round
ROUNDS = 11
LEAST_USE = {300: 95.0, 2400: 95.0, 9600: 85.0}  # percent; at 9,600 a busy machine alone costs some
FRAMING = 11  # two flags, format field, two addresses, control, header check, frame check
REQUEST = encode_frame(b"\x21", b"\x03", 0x10, b"\xe6\xe6\x00\xc0\x01\xc1\x00\x03\x01\x00\x01\x08")
FRAME = encode_frame(b"\x03", b"\x21", 0x30, b"\xe6\xe7\x00\xc4\x01\xc1\x00\x06\x00\x01\x02\x03")


def serve(listener: socket.socket) -> None:
    """The meters: whatever comes is answered at once, in a process of their own."""
    poll = select.poll()
    poll.register(listener.fileno(), select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                connection, _ = listener.accept()
                poll.register(connection.detach(), select.POLLIN)
                continue
            try:
                data = os.read(fd, 4096)
            except OSError:
                data = b""
            if data:
                os.write(fd, FRAME)
            else:
                poll.unregister(fd)
                os.close(fd)


def start_server() -> tuple[int, int]:
    """Fork the meters; returns their pid and port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    pid = os.fork()
    if pid == 0:
        serve(listener)
    port = listener.getsockname()[1]
    listener.close()
    return pid, port


def bare_loop(port: int, meters: int = METERS) -> float:
    """CPU seconds per transaction of poll + read + write."""
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(meters)]
    poll, left = select.poll(), {}
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(connection.fileno(), select.POLLIN)
        left[connection.fileno()] = TRANSACTIONS
    begun = time.process_time()
    for fd in left:
        os.write(fd, REQUEST)
    open_ones = meters
    while open_ones:
        for fd, _ in poll.poll():
            os.read(fd, 4096)
            left[fd] -= 1
            if left[fd]:
                os.write(fd, REQUEST)
            else:
                open_ones -= 1
    spent = time.process_time() - begun
    for connection in connections:
        connection.close()
    return spent / (meters * TRANSACTIONS)


def dialogue():
    decoder = HdlcDecoder()
    for _ in range(TRANSACTIONS):
        yield Send(REQUEST)
        yield Receive(decoder, 2500, 500)


def meterd_loop(port: int, meters: int = METERS) -> float:
    """CPU seconds per transaction of meterd's own loop, ports and players."""
    loop = Loop()
    state = {"connected": 0, "done": 0}
    players = []

    def connected(error: Exception | None) -> None:
        assert error is None, error
        state["connected"] += 1
        if state["connected"] == meters:
            loop.stop()

    def done(error: Exception | None) -> None:
        assert error is None, error
        state["done"] += 1
        if state["done"] == meters:
            loop.stop()

    for _ in range(meters):
        tcp = TcpCarrier(loop, f"127.0.0.1:{port}").port
        players.append(Player(loop, tcp, lambda reading: None, done))
        tcp.open(10.0, connected)
    loop.run()
    begun = time.process_time()
    for player in players:
        player.start(dialogue())
    loop.run()
    spent = time.process_time() - begun
    for player in players:
        player.port.close()
    loop.close()
    return spent / (meters * TRANSACTIONS)


def asyncio_loop(port: int, meters: int = METERS) -> float:
    """CPU seconds per transaction of asyncio streams with wait_for."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(TRANSACTIONS):
            writer.write(REQUEST)
            await asyncio.wait_for(reader.readexactly(len(FRAME)), 2.5)
        writer.close()

    async def everything() -> float:
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(meters)]
        begun = time.process_time()
        await asyncio.gather(*(one(*stream) for stream in streams))
        return time.process_time() - begun

    return asyncio.run(everything()) / (meters * TRANSACTIONS)


def transaction_rows() -> list[Row]:
    pid, port = start_server()
    try:
        bare, ours, streams = [], [], []
        for _ in range(ROUNDS):
            bare.append(bare_loop(port))
            ours.append(meterd_loop(port))
            streams.append(asyncio_loop(port))
        many = meterd_loop(port, 1200)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return [
        ("CPU per TCP transaction, 256 meters: bare poll loop", statistics.median(bare) * 1e6, "µs", None),
        ("CPU per TCP transaction, 256 meters: meterd", ratio(ours, bare), "× bare poll loop", -1.5),
        ("CPU per TCP transaction, 256 meters: asyncio", ratio(streams, bare), "× bare poll loop", None),
        ("CPU per TCP transaction, 1,200 meters on one loop: meterd", many * 1e6, "µs", None),
    ]


def wire_use(settings: LineSettings, request: int, answer: int, exchanges: int) -> float:
    """The share of the elapsed time in which bytes were on the wire, on a pty that keeps to the line's speed."""
    directory = tempfile.mkdtemp()
    link = os.path.join(directory, "tty")
    site = Loop()
    host = MeterHost(site)
    question = encode_frame(b"\x03", b"\x21", 0x30, bytes(request - FRAMING))
    reply = encode_frame(b"\x21", b"\x03", 0x30, bytes(answer - FRAMING))

    assert (len(question), len(reply)) == (request, answer)

    def meter():
        decoder = HdlcDecoder()
        while True:
            yield Receive(decoder, None, 500)
            yield Send(reply)

    host.on_pty(link, meter, settings, paced=True)
    thread = threading.Thread(target=site.run)
    thread.start()
    loop = Loop()
    port = SerialCarrier(loop, link).port
    problems: list[Exception | None] = []
    port.open(1.0, problems.append)
    assert problems == [None], problems

    def conversation():
        yield settings
        decoder = HdlcDecoder()
        for _ in range(exchanges):
            yield Send(question)
            frame = yield Receive(decoder, 2500, 500)
            assert len(frame.information) == answer - FRAMING

    errors: list[Exception | None] = []

    def done(error: Exception | None) -> None:
        errors.append(error)
        loop.stop()

    player = Player(loop, port, lambda reading: None, done)
    begun = time.monotonic()
    player.start(conversation())
    loop.run()
    elapsed = time.monotonic() - begun
    port.close()
    site.call_soon_from_thread(site.stop)
    thread.join()
    host.close()
    assert errors == [None], errors
    theory = exchanges * (request + answer) * settings.character_bits() / settings.baudrate
    return theory / elapsed


def wire_rows() -> list[Row]:
    rows: list[Row] = []
    for baudrate, exchanges in ((300, 3), (2400, 12), (9600, 40), (19200, 60), (115200, 100)):
        use = wire_use(LineSettings(baudrate), 27, 120, exchanges)
        required = LEAST_USE.get(baudrate)
        rows.append((f"use of the wire at {baudrate} baud, 27 + 120 byte exchanges", use * 100, "%", required))
    return rows


def run() -> list[Row]:
    return [*transaction_rows(), *wire_rows()]
