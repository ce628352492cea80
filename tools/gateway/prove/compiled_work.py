"""What compiled code is for, so often: a HDLC GET, a profile row, a reading as JSON, a read-out, an M-Bus telegram.

`python compiled_work.py bare|import|ROUNDS NEEDED COMPILED`: with `bare` only the modules NEEDED by the compiled ones
are imported, with `import` those, too. Run by `tools.gateway.prove.compiled` under whatever counts instructions, on
modules of any time: each name is taken from whichever module has it.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

SERVER, CLIENT = b"\x03", b"\x21"
DESCRIPTOR = bytes.fromhex("0003 0100010800ff 02 00")
ROW = bytes.fromhex("0203 090c07ea0b1c0600000000ffc400 0600012345 12fed4")
LINES = "".join(f"1-0:{number % 100}.8.{number // 100}*255({number * 37:09}.5*kWh)\r\n" for number in range(48))
METER = bytes.fromhex("0c7885630201 0413 87d61200 0b5a 452301 026c 7c2b 8410 06 00000000")


class Names:
    """The compiled names, wherever they lie."""

    def __init__(self, modules: list[str]) -> None:
        self._modules = [import_module(module) for module in modules]

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        found = next(getattr(module, name) for module in self._modules if hasattr(module, name))
        setattr(self, name, found)  # looked for once
        return found


def work(names: Names, rounds: int) -> None:
    shortcut, frames = names.HdlcShortcut(SERVER, CLIENT), names.HdlcDecoder()
    answer = names.encode_frame(CLIENT, SERVER, 0x30, bytes.fromhex("e6e700 c401c100 0600112233"))
    text = LINES.encode() + b"!\r\n"
    block = b"\x02" + text + b"\x03"
    block += bytes([names.bcc(block[1:])])
    readouts = names.ReadoutDecoder()
    meaning = names.Meaning("energy", "kWh", -1)
    signal = names.Signal("meter", "energy", {})
    meanings = Meanings(meaning)
    for _ in range(rounds):
        shortcut.send_seq = shortcut.recv_seq = 0
        shortcut.ask(0xC1, DESCRIPTOR)
        heard = shortcut.hear(0xC1, frames.feed(answer))
        value = heard if type(heard) is int else heard[1]  # older modules give the pair (0, value)
        assert value == 0x112233 and names.decode_whole(ROW)[1] == 0x12345
        names.json_line(names.Reading(signal, names.Number(value, -2), "kWh", 1764326400000))
        assert len(readouts.feed(block).data_sets) == 48
        assert names.decode_records(METER, 0, meanings)[0].value is not None


class Meanings(dict):  # type: ignore[type-arg]
    def __init__(self, meaning: object) -> None:
        self._meaning = meaning

    def __missing__(self, block: bytes) -> object:
        self[block] = self._meaning
        return self._meaning


def main(what: str, needed: str, compiled: str) -> None:
    gc.disable()  # when it comes is chance, and what it walks over is not what is counted
    for module in needed.split(","):
        import_module(module)
    if what != "bare":
        names = Names(compiled.split(","))
        if what != "import":
            work(names, int(what))


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)  # taking modules down is not counted: a daemon does that once
