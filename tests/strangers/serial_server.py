"""A serial server by RFC 2217 with a meter behind it, written apart from meterd's codec: one thread, one connection.

The meter hears and is heard only where the line is set as it wants it; at any other speed both get garbage.
"""

from __future__ import annotations

import re
import socket
import threading
import time

IAC, SB, SE, WILL, WONT, DO, DONT = b"\xff", b"\xfa", b"\xf0", b"\xfb", b"\xfc", b"\xfd", b"\xfe"
COM_PORT = b"\x2c"
TOKEN = re.compile(
    rb"(?P<quoted>\xff\xff)|\xff(?P<verb>[\xfb-\xfe])(?P<option>.)"
    rb"|\xff\xfa\x2c(?P<command>.)(?P<value>(?:\xff\xff|[^\xff])*)\xff\xf0|(?P<data>[^\xff]+)",
    re.DOTALL,
)


class SerialServer(threading.Thread):
    """`behaviour`: 'good', 'raw', 'declines', 'mute' (sets and confirms nothing), 'slow' (one byte at a time), 'fixed'
    (stays at 9600 and says so), 'chatty' (greets, and proposes options over and over)."""

    def __init__(self, behaviour: str = "good") -> None:
        super().__init__(daemon=True)
        self.behaviour = behaviour
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.speed, self.bits, self.parity, self.stop_bits = 9600, 8, 1, 1
        self.speeds: list[int] = []
        self.heard = b""
        self.held = b""
        self.stopping = threading.Event()
        self.meter_speed = 300
        self.start()

    def run(self) -> None:
        self.listener.settimeout(0.1)
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(0.05)
                self.serve(connection)

    def close(self) -> None:
        self.stopping.set()
        self.join(3)
        self.listener.close()

    def put(self, connection: socket.socket, data: bytes) -> None:
        if self.behaviour == "slow":
            for byte in data:
                connection.sendall(bytes((byte,)))
                time.sleep(0.001)
        else:
            connection.sendall(data)

    def serve(self, connection: socket.socket) -> None:
        self.held, self.meter_speed = b"", 300
        if self.behaviour == "chatty":
            proposals = b"".join(IAC + DO + bytes((number % 40 + 50,)) for number in range(400))
            connection.sendall(b"Welcome to Port 1\r\n" + proposals)
        while not self.stopping.is_set():
            try:
                data = connection.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            try:
                self.take(connection, data)
            except OSError:
                return

    def take(self, connection: socket.socket, data: bytes) -> None:
        if self.behaviour == "raw":
            return
        self.held += data
        while match := TOKEN.match(self.held):
            end = match.end()
            if match["data"] is not None and end == len(self.held) and self.held[-1:] == b"\xff":
                break
            self.held = self.held[end:]
            if match["verb"]:
                self.negotiate(connection, match["verb"], match["option"])
            elif match["command"]:
                self.set(connection, match["command"][0], match["value"].replace(b"\xff\xff", b"\xff"))
            else:
                self.line_says(connection, match["data"] or b"\xff")

    def negotiate(self, connection: socket.socket, verb: bytes, option: bytes) -> None:
        if verb == WILL and option == COM_PORT:
            self.put(connection, IAC + (DONT if self.behaviour == "declines" else DO) + option)
        elif verb in (WILL, DO):
            self.put(connection, IAC + (DO if verb == WILL else WILL) + option)

    def set(self, connection: socket.socket, command: int, value: bytes) -> None:
        number = int.from_bytes(value, "big")
        if self.behaviour == "mute":
            return
        if command == 1:
            if self.behaviour != "fixed":
                self.speed = number
            self.speeds.append(number)
            value = self.speed.to_bytes(4, "big")
        elif command == 2:
            self.bits = number
        elif command == 3:
            self.parity = number
        elif command == 4:
            self.stop_bits = number
        # A line-state notification amid the confirmations, as servers have them.
        self.put(connection, IAC + SB + COM_PORT + b"\x6a\x60" + IAC + SE)
        told = bytes((command + 100,)) + value.replace(b"\xff", b"\xff\xff")
        self.put(connection, IAC + SB + COM_PORT + told + IAC + SE)

    def line_says(self, connection: socket.socket, data: bytes) -> None:
        """The meter: mode C, 300 baud 7E1, then 4800."""
        if (self.speed, self.bits, self.parity) != (self.meter_speed, 7, 3):
            return
        self.heard += data
        if self.heard.endswith(b"/?!\r\n"):
            self.answer(connection, b"/KLM4SERVED\r\n")
        elif self.heard.endswith(b"\x06040\r\n"):
            self.meter_speed = 4800
            text = b"1.8.0(00777.25*kWh)\r\nC.9(box 7)\r\n!\r\n\x03"
            check = 0
            for byte in text:
                check ^= byte
            self.answer(connection, b"\x02" + text + bytes((check,)))
            self.meter_speed = 300

    def answer(self, connection: socket.socket, data: bytes) -> None:
        deadline = time.monotonic() + 1.0
        time.sleep(0.2)
        while self.speed != self.meter_speed and time.monotonic() < deadline:
            try:  # the reader switches after what it has sent
                more = connection.recv(4096)
            except TimeoutError:
                continue
            self.take(connection, more)
        if self.speed != self.meter_speed:
            data = bytes(byte * 37 & 0x7F | 0x40 for byte in data)
        self.put(connection, data.replace(b"\xff", b"\xff\xff"))
