"""A simulated meter of IEC 62056-21: read-out in modes A, B and C, registers in programming mode, and lists that it
sends unasked (mode D).

It behaves as the standard's flow charts have it (clause 6.4, annex C), for one host at a time: it stays silent for
other addresses, switches its speed, repeats on NAK, sends partial blocks, and forgets a host that has gone quiet.

Options, all text as the command line has it:

| option | meaning |
|---|---|
| `mode` | C (default), B or A; D: sends its list unasked, with no block check unless `bcc` says so, and hears nobody |
| `ident` | identification line; default by mode `/MTd5\\2METERD`, `/MTdEMETERD`, `/MTd METERD`, `/MTd3METERD` |
| `serial` | device address that it answers to, besides `/?!`; leading zeros do not count; default 12345678 |
| `readout` | path of a file with a recorded list to send instead of the built-in one, whose energies count up |
| `bcc` | `good` (default); `bad`; `missing` after ETX; `none`: no STX, ETX and BCC at all |
| `bad_blocks` | so many blocks have a wrong block check, then all are good; default 0 |
| `partial` | lines per partial block; default 0: one block |
| `self_start` | 1: sends its list at the opening speed when no acknowledgement comes; default 0 |
| `stay` | 1: stays at the opening speed although it was acknowledged; default 0 |
| `password` | what P1 must bring before registers are read; default none |
| `registers` | further registers, `address=groups` with `;` between: `P.01=(1)(2*kWh);C.9=text` |
| `reaction_ms` | time before an answer; default 100 |
| `line_ms` | pause between lines, for a slow meter that can be interrupted; default 0 |
| `idle_ms` | how long a dialogue may rest before the meter forgets it; default 10000 |
| `push_ms` | in mode D, from the end of a list to the beginning of the next; default 2000 |
| `pushes` | in mode D, so many lists, then none any more; default 0: without end |
| `baudrate`, `format` | opening speed and characters; default 300, in mode D 2400, and 7E1 |
"""

from __future__ import annotations

from .._readout_dialogue import ProgrammingDecoder
from ..conversation import LineSettings, Pause, Receive, Send
from ..errors import LineError, PortGone, Silence
from ..protocols.iec62056_21.messages import (
    ACK,
    BREAK_COMMAND,
    EOT,
    ETX,
    MODE_B_BAUDRATES,
    MODE_C_BAUDRATES,
    NAK,
    PASSWORD_COMMANDS,
    PROGRAMMING,
    SOH,
    STX,
    Identification,
    same_serial,
    with_block_check,
)
from .transcript import parse_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._readout_message import Message
    from ..conversation import Conversation

LINE = LineSettings(300, 7, "even", 1)
GAP_MS = 1500
REPEAT_MS = 1000  # how long the last block of a list may still be asked for again
ACK_TIMEOUT_MS = 2000  # t_r of the host is at most 1500 ms
MAX_REQUEST = 64  # `/?`, 32 characters of address, `!`, CR LF, and some NULs or noise before them
IDENTS = {"A": "/MTd METERD", "B": "/MTdEMETERD", "C": "/MTd5\\2METERD", "D": "/MTd3METERD"}
MAX_TIMES = 3  # a block is sent so often at most


class HostDecoder:
    """What a host may say: a request line or an option select (bytes), and if `messages` a programming Message."""

    missing = 1

    def __init__(self) -> None:
        self._line = b""
        self._messages = ProgrammingDecoder()
        self.messages = False
        self.discarded = 0
        self.reason = ""

    @property
    def pending(self) -> int:
        return len(self._line) or self._messages.pending

    def feed(self, data: bytes) -> Message | bytes | None:
        line, end, rest = (self._line + data).partition(b"\n")
        start = max(line.rfind(b"/?"), line.rfind(ACK))
        if end:
            self._line = rest
            if start >= 0:
                self._messages.reset()
                return line[start:].rstrip(b"\r")
        else:
            self._line = line[start:][:MAX_REQUEST] if start >= 0 else line[-1:] if line.endswith(b"/") else b""
        message = self._messages.feed(data) if self.messages else None
        if message is not None:
            self._line = b""
        return message

    def reset(self) -> None:
        self._line = b""
        self._messages.reset()


class Options:
    """The options above, read."""

    def __init__(self, options: dict[str, str]) -> None:
        self.mode = options.pop("mode", "C").upper()
        if self.mode not in IDENTS:
            raise ValueError(f"mode is {', '.join(sorted(IDENTS))}, not {self.mode!r}")
        self.serial = options.pop("serial", "12345678")
        self.recorded = _recording(options.pop("readout", ""))
        ident = self.recorded[0] or IDENTS[self.mode].encode("latin-1")
        self.ident = options.pop("ident", "").encode("latin-1") or ident
        self.bcc = options.pop("bcc", "none" if self.mode == "D" else "good")
        self.bad_blocks = int(options.pop("bad_blocks", "0"))
        self.partial = int(options.pop("partial", "0"))
        self.self_start = options.pop("self_start", "0") == "1"
        self.stay = options.pop("stay", "0") == "1"
        self.password = options.pop("password", "")
        self.registers = dict(part.split("=", 1) for part in options.pop("registers", "").split(";") if part)
        self.reaction_s = int(options.pop("reaction_ms", "100")) / 1000
        self.line_s = int(options.pop("line_ms", "0")) / 1000
        self.idle_ms = int(options.pop("idle_ms", "10000"))
        self.push_s = int(options.pop("push_ms", "2000")) / 1000
        self.pushes = int(options.pop("pushes", "0"))
        speed = options.pop("baudrate", "2400" if self.mode == "D" else "300")
        self.opening = parse_settings(f"{speed} {options.pop('format', '7E1').upper()}")
        if options:
            raise ValueError(f"unknown option {', '.join(options)}")


def meter(**options: str) -> Callable[[], Conversation]:
    """A factory of conversations, all with the same meter. Raises: ValueError, KeyError, OSError for bad options."""
    simulated = Meter(Options(dict(options)))
    return lambda: Connection(simulated).conversation()


class Meter:
    """What outlasts a connection: how often it was read, and how many bad blocks it still owes."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.bad_blocks = options.bad_blocks
        self.reads = 0

    def lines(self) -> list[bytes]:
        return self.options.recorded[1] or built_in_list(self.options.serial, self.reads)


class Connection:
    """One host's line to the meter."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.options = meter.options
        self.speed = 0
        self.decoder = HostDecoder()

    def conversation(self) -> Conversation:
        """Serve hosts until the port is gone."""
        heard = None
        try:
            if self.options.mode == "D":
                yield from self._push()
            while True:
                yield from self._to(self.options.opening.baudrate)
                if heard is None:
                    heard = yield from self._hear(None, messages=False)
                heard = yield from self._serve(heard)
        except PortGone:
            return

    def _push(self) -> Conversation:
        """Send the list again and again; when it has been sent `pushes` times, stay silent."""
        yield from self._to(self.options.opening.baudrate)
        while not self.options.pushes or self.meter.reads < self.options.pushes:
            self.meter.reads += 1
            yield Pause(self.options.push_s)
            lines = self._framed([*self.meter.lines(), b"!\r\n"], ETX)
            yield Send(b"".join([self.options.ident + b"\r\n\r\n", *lines]))
        while True:
            yield from self._hear(None)

    def _hear(self, timeout_ms: float | None, messages: bool = True) -> Conversation:
        """What the host says next; None after `timeout_ms` of silence."""
        self.decoder.messages = messages
        while True:
            self.decoder.reset()
            try:
                return (yield Receive(self.decoder, timeout_ms, GAP_MS))
            except PortGone:
                raise
            except Silence:
                return None
            except LineError:
                continue  # noise, or half a request: the host will ask again

    def _to(self, speed: int) -> Conversation:
        if speed != self.speed:
            self.speed = speed
            yield self.options.opening.at(speed)

    def _serve(self, heard: Message | bytes | None) -> Conversation:
        """Answer a request; whatever else is heard between dialogues is not meant for this meter.

        Returns: what was heard last and still wants an answer, or None.
        """
        options = self.options
        if not isinstance(heard, bytes) or not heard.startswith(b"/?") or not heard.endswith(b"!"):
            return None
        address = heard[2:-1].decode("latin-1")
        if address and not same_serial(address, options.serial):
            return None
        yield Pause(options.reaction_s)
        yield Send(options.ident + b"\r\n")
        if options.mode == "A":
            return (yield from self._list())
        if options.mode == "B":
            yield from self._to(MODE_B_BAUDRATES[Identification(options.ident).baud_character])
            return (yield from self._list())
        return (yield from self._selected())

    def _selected(self) -> Conversation:
        heard = yield from self._hear(ACK_TIMEOUT_MS, messages=False)
        if heard is None:
            return (yield from self._list()) if self.options.self_start else None
        proposed = Identification(self.options.ident).baud_character - ord("0")
        if not isinstance(heard, bytes) or not heard.startswith(ACK) or len(heard) != 4 or not heard[1:].isdigit():
            return heard
        _, baud_character, mode_control = (byte - ord("0") for byte in heard[1:])
        if baud_character > proposed:
            return None
        if not self.options.stay:
            yield from self._to(MODE_C_BAUDRATES[baud_character])
        if mode_control == PROGRAMMING:
            return (yield from self._programming())
        return (yield from self._list())

    def _list(self) -> Conversation:
        self.meter.reads += 1
        return (yield from self._blocks([*self.meter.lines(), b"!\r\n"], self.options.partial, REPEAT_MS))

    def _blocks(self, lines: list[bytes], size: int, repeat_ms: float) -> Conversation:
        """Send lines as one block, or `size` lines a time as partial blocks that the host acknowledges.

        A block is repeated on NAK; after the last one the meter listens for `repeat_ms`.
        Returns: what was heard and still wants an answer, or None.
        """
        parts = [lines[start : start + size] for start in range(0, len(lines), size)] if size else [lines]
        heard = None
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            for _ in range(MAX_TIMES):
                heard = yield from self._block(part, ETX if last else EOT)
                if heard is None:
                    heard = yield from self._hear(repeat_ms if last else self.options.idle_ms)
                if getattr(heard, "command", b"") != NAK:
                    break
            if getattr(heard, "command", b"") != ACK:
                return heard
        return None

    def _block(self, lines: list[bytes], end: bytes) -> Conversation:
        """Send one block; a slow meter hears a break between its lines. Returns: what it heard, or None."""
        pieces = self._framed(lines, end)
        yield Pause(self.options.reaction_s)
        if not self.options.line_s:
            yield Send(b"".join(pieces))
            return None
        for piece in pieces:
            yield Send(piece, keep_input=True)
            heard = yield from self._hear(self.options.line_s * 1000)
            if heard is not None:
                return heard
        return None

    def _framed(self, lines: list[bytes], end: bytes) -> list[bytes]:
        if self.options.bcc == "none":
            return lines
        framed = with_block_check(STX + b"".join(lines) + end)
        check = framed[-1:]
        if self.options.bcc == "missing":
            check = b""
        elif self.options.bcc == "bad" or self.meter.bad_blocks > 0:
            self.meter.bad_blocks -= 1
            check = bytes([check[0] ^ 0x55])
        return [STX + lines[0], *lines[1:], end + check]

    def _programming(self) -> Conversation:
        """P0, then commands until break or silence. Returns: a request that the host began anew with, or None."""
        greeting = with_block_check(SOH + b"P0" + STX + b"(00000000)" + ETX)
        trusted = not self.options.password
        yield Pause(self.options.reaction_s)
        yield Send(greeting)
        last, heard = greeting, (yield from self._hear(self.options.idle_ms))
        while heard is not None and not isinstance(heard, bytes) and heard.command != BREAK_COMMAND:
            if heard.command == NAK:
                yield from self._answer(last)
            elif heard.bcc is False:
                yield from self._answer(NAK)
            elif heard.command in PASSWORD_COMMANDS.values():
                trusted = self.options.password in ("", heard.text[1:-1].decode("latin-1"))
                last = ACK if trusted else _error("ER01")
                yield from self._answer(last)
            elif heard.command[:1] == b"R":
                heard = yield from self._register(heard, trusted)
                continue
            heard = yield from self._hear(self.options.idle_ms)
        return heard if isinstance(heard, bytes) else None

    def _answer(self, data: bytes) -> Conversation:
        yield Pause(self.options.reaction_s)
        yield Send(data)

    def _register(self, asked: Message, trusted: bool) -> Conversation:
        """Answer a read command. Returns: what was heard next."""
        lines = self._register_lines(asked.text) if trusted else [b"(ER02)"]
        size = (self.options.partial or 1) if asked.command == b"R6" else 0
        return (yield from self._blocks(lines or [b"(ER03)"], size, self.options.idle_ms))

    def _register_lines(self, data: bytes) -> list[bytes]:
        """The lines under an address: those of the registers option, or those of the list with its continuations."""
        address = data.partition(b"(")[0]
        extra = self.options.registers.get(address.decode("latin-1"))
        if extra is not None:
            groups = extra.encode("latin-1") if extra.startswith("(") else b"(" + extra.encode("latin-1") + b")"
            return [address + group for group in groups.split(b"|")]
        found: list[bytes] = []
        inside = False
        for line in self.meter.lines():
            name = line.partition(b"(")[0]
            inside = name == address or (inside and not name)
            if inside:
                found.append(line)
        if len(found) == 1:
            return [found[0].rstrip()]
        return found


def built_in_list(serial: str, reads: int) -> list[bytes]:
    """A three-phase meter's list; energies count up with each reading."""
    energy = 14723840 + 7 * reads
    rows = (
        "F.F(00000000)",
        f"0.0.0({serial})",
        f"0.9.1({8 + reads // 3600 % 12:02}{reads // 60 % 60:02}{reads % 60:02})",
        "0.9.2(261122)",
        f"1.8.0({energy / 100:010.2f}*kWh)",
        f"1.8.1({energy * 3 // 4 / 100:010.2f}*kWh)",
        f"1.8.2({(energy - energy * 3 // 4) / 100:010.2f}*kWh)",
        "1.8.0*24(0147238.4*kWh)",
        "2.8.0(0000000.00*kWh)",
        "1.6.1(0003.42*kW)(2611021715)",
        "(0003.17*kW)(2610151830)",
        f"1.7.0({1 + reads % 7}.2{reads % 10}*kW)",
        f"32.7.0({229 + reads % 4}.{reads % 10}*V)",
        f"52.7.0({230 + reads % 3}.{reads % 10}*V)",
        f"72.7.0({231 - reads % 3}.{reads % 10}*V)",
        "31.7.0(005,21*A)",
        "C.1.6(FDF5)",
        "0.2.0(1.04)",
    )
    return [row.encode("ascii") + b"\r\n" for row in rows]


def _error(text: str) -> bytes:
    return with_block_check(STX + b"(" + text.encode("ascii") + b")" + ETX)


def _recording(path: str) -> tuple[bytes, list[bytes]]:
    """Identification line (or nothing) and data lines of a recorded list; its frame is left to the `bcc` option."""
    if not path:
        return b"", []
    with open(path, "rb") as file:
        data = file.read()
    ident = b""
    if data.startswith(b"/"):
        ident, _, data = data.partition(b"\n")
    if data.startswith(ACK):  # the echo of an acknowledgement
        data = data.partition(b"\n")[2]
    data = data.lstrip(STX + b"\r\n").partition(ETX)[0]
    end = data.rfind(b"!")
    lines = (data[:end] if end >= 0 else data).splitlines(keepends=True)
    return ident.rstrip(b"\r"), lines
