"""Meters that do what no meter should, and some that are sound, each on a TCP port of its own in this process.

    python -m tests.soak.hostile_meters

prints one line of JSON: [[protocol, behaviour, port], …], the sound ones as protocol `mbus`, behaviour `sound`. On
every line of its standard input it answers with how often each sound meter was asked for its values since the start.
Whatever looks like a frame here is built by hand (tests/strangers), not by the project's codecs.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
from collections.abc import Awaitable, Callable

from tests.strangers.dlms_meter import hdlc
from tests.strangers.mbus_bus import VOLUME, header, long

Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PROTOCOLS = ("hdlc", "wrapper", "iec", "mbus", "elgama")
CHANCE = random.Random(16)
NOISE = CHANCE.randbytes(1 << 16)
CLIENT, SERVER = b"\x21", b"\x03"  # HDLC: client 16, server 1
UA, DM = 0x73, 0x1F
SHORT_FRAME = 5
FLOOD_PAUSE_S = 0.01  # so that a flood is one for the daemon, and not for the machine alone


def noise(size: int) -> bytes:
    start = CHANCE.randrange(len(NOISE) - size)
    return NOISE[start : start + size]


# ---- what any meter may do


def answering(reply: Callable[[], bytes]) -> Play:
    """Says this to whatever comes."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(reply())
            await writer.drain()

    return play


def pouring(piece: Callable[[], bytes], pause_s: float = FLOOD_PAUSE_S) -> Play:
    """Says this all the time, asked or not."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(piece())
            await writer.drain()
            await asyncio.sleep(pause_s)

    return play


def dripping(text: bytes, pause_s: float = 0.05) -> Play:
    """An answer that never ends, byte after byte."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        while True:
            for byte in text:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(pause_s)

    return play


def ending(first: bytes, reset: bool = False) -> Play:
    """Says this to the first request, or at once where it is nothing, and hangs up, or breaks the connection."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if first:
            await reader.read(4096)
            writer.write(first)
        if reset:
            await reader.read(1)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return play


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes nothing off the connection."""
    await asyncio.sleep(3600)


async def shouting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Has said all it will before it is asked; listens on."""
    writer.write_eof()
    await silent(reader, writer)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)


ANY: dict[str, Play] = {
    "silent": silent, "deaf": deaf, "shouting": shouting, "echo": echo,
    "closes": ending(b""), "closes_late": ending(b"\x7e\xa0"), "resets": ending(b"", reset=True),
    "resets_late": ending(b"\x68\x40\x40\x68\x08", reset=True),
    "noise": answering(lambda: noise(CHANCE.randrange(1, 2000))),
    "long_noise": answering(lambda: noise(20_000)),
    "flood": pouring(lambda: noise(4096)), "flood_of_flags": pouring(lambda: b"\x7e" * 100),
    "flood_of_starts": pouring(lambda: b"\x68" * 100), "flood_of_nuls": pouring(lambda: bytes(100)),
    "flood_of_acknowledgements": pouring(lambda: b"\xe5\x06" * 50), "flood_of_lines": pouring(lambda: b"/\r\n" * 40),
    "drip": dripping(b"\x7e\xa0\x30\x21\x03\x13\x68\x40\x40\x68/ABC5"), "drip_of_noise": dripping(noise(500)),
}  # fmt: skip


# ---- what needs the words of a protocol


def _associated(information: bytes, control: int = 0x30, more: bool = False) -> Play:
    """HDLC: UA to SNRM, then always the same frame of information."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            opens = b"\x93" in data[:12]
            writer.write(hdlc(CLIENT, SERVER, UA) if opens else hdlc(CLIENT, SERVER, control, information, more))
            await writer.drain()

    return play


def _wrapped(length: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", 1, 1, 16, length) + payload


def _listing(block: bytes) -> Play:
    """IEC 62056-21: an identification to each request, then this instead of a list."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(b"/ABC5METER\r\n" if data.lstrip(b"\0").startswith(b"/") else block)
            await writer.drain()

    return play


def _telegram(data: bytes) -> Play:
    """M-Bus: confirms, and gives this for its values."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while frame := await reader.read(4096):
            asks = len(frame) >= SHORT_FRAME and frame[-SHORT_FRAME + 1] & 0x0F == 0x0B
            writer.write(data if asks else b"\xe5")
            await writer.drain()

    return play


AARE = bytes.fromhex("e6e700 6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400001c1dffff0007")
NESTED = bytes.fromhex("e6e700 c401c100") + b"\x02\x01" * 60
HUGE = bytes.fromhex("e6e700 c401c100 0984ffffffff41")
OF = {
    "hdlc": {
        "disconnected": answering(lambda: hdlc(CLIENT, SERVER, DM)),
        "damaged": answering(lambda: hdlc(CLIENT, SERVER, UA)[:-3] + b"\0\0\x7e"),
        "nested": _associated(NESTED), "huge": _associated(HUGE), "association_for_ever": _associated(AARE),
        "never_final": _associated(AARE[:20], 0x20, more=True),
        "another": answering(lambda: hdlc(b"\x41", b"\x05", UA)), "not_ready": _associated(b"", 0x15),
    },
    "wrapper": {
        "nothing": answering(lambda: _wrapped(0, b"")), "longest": answering(lambda: _wrapped(65535, NESTED)),
        "associations": answering(lambda: _wrapped(len(AARE) - 3, AARE[3:])),
        "wrong_version": answering(lambda: b"\xff" * 64), "short": answering(lambda: _wrapped(200, b"\x61")),
    },
    "iec": {
        "never_ends": dripping(b"1.8.0(0001.2*kWh)\r\n", 0.01), "empty_list": _listing(b"\x02!\r\n\x03\x1f"),
        "wrong_check": _listing(b"\x021.8.0(12.5*kWh)\r\n!\r\n\x03\x55"), "bare": _listing(b"\x02" + b"(" * 4000),
        "identifies_for_ever": answering(lambda: b"/ABC5METER\r\n"),
    },
    "mbus": {
        "wrong_sum": _telegram(long(0x08, 1, 0x72, header("12345678") + VOLUME)[:-2] + b"\0\x16"),
        "endless_dif": _telegram(long(0x08, 1, 0x72, header("12345678") + b"\x84" * 200)),
        "endless_vif": _telegram(long(0x08, 1, 0x72, header("12345678") + b"\x04" + b"\xff" * 200)),
        "fillers": _telegram(long(0x08, 1, 0x72, header("12345678") + b"\x2f" * 200)),
        "more_for_ever": _telegram(long(0x08, 1, 0x72, header("12345678") + VOLUME + b"\x1f")),
        "longer_than_said": _telegram(b"\x68\xff\xff\x68" + b"\x08\x01\x72" + bytes(40)),
        "text_beyond": _telegram(long(0x08, 1, 0x72, header("12345678") + b"\x0d\x13\xbfAB")),
    },
    "elgama": {"wrong_check": _listing(b"\x01P0\x02(00)\x03\x00"), "breaks_off": _listing(b"\x01B0\x03q")},
}  # fmt: skip


class Sound:
    """A meter of M-Bus that gives the number of times it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting = b""
        while data := await reader.read(4096):
            waiting += data
            while len(waiting) >= SHORT_FRAME:
                frame, waiting = waiting[:SHORT_FRAME], waiting[SHORT_FRAME:]
                if frame[1] & 0x0F == 0x0B:
                    self.asked += 1
                    value = b"\x04\x13" + self.asked.to_bytes(4, "little")
                    writer.write(long(0x08, 1, 0x72, header("87654321") + value))
                else:
                    writer.write(b"\xe5")


def guarded(play: Play) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await play(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    return one


async def serve(sound_ones: int) -> None:
    sound = [Sound() for _ in range(sound_ones)]
    plan = [(protocol, name, play) for protocol in PROTOCOLS for name, play in {**ANY, **OF[protocol]}.items()]
    plan += [("mbus", "sound", each.play) for each in sound]
    told, servers = [], []
    for protocol, name, play in plan:
        server = await asyncio.start_server(guarded(play), "127.0.0.1", 0)
        servers.append(server)
        told.append([protocol, name, server.sockets[0].getsockname()[1]])
    print(json.dumps(told), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps([each.asked for each in sound]), flush=True)


def main() -> None:
    asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 5))


if __name__ == "__main__":
    main()
