"""Telnet with COM port control as bytes in both directions: no socket, no clock (RFC 854, 856, 2217).

The problem: a serial server carries the bytes of its line amid commands, and takes the line's settings as commands.
Assumptions: binary transmission is agreed, so that a carriage return is a carriage return; the server is asked for
three options and offered three, and whatever else it proposes is declined once.
Dirt it must survive: commands torn anywhere; sub-negotiations without end; servers that propose the same option over
and over; values that were not asked for.
"""

from __future__ import annotations

from ..conversation import LineSettings

IAC, DONT, DO, WONT, WILL, SB, SE = 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0xFA, 0xF0
BINARY, SUPPRESS_GO_AHEAD, COM_PORT = 0, 3, 44
OFFERED = (COM_PORT, BINARY, SUPPRESS_GO_AHEAD)
ASKED_FOR = (BINARY, SUPPRESS_GO_AHEAD)

SET_BAUDRATE, SET_DATASIZE, SET_PARITY, SET_STOPSIZE, SET_CONTROL = 1, 2, 3, 4, 5
FROM_SERVER = 100  # what the server says of a setting has the setting's number and this
PARITIES = {"none": 1, "odd": 2, "even": 3}
NO_FLOW_CONTROL = 1
NAMES = {SET_BAUDRATE: "speed", SET_DATASIZE: "data bits", SET_PARITY: "parity", SET_STOPSIZE: "stop bits"}

MAX_SUBNEGOTIATION = 64  # bytes; longer ones are thrown away
MAX_ANSWERS = 32  # to proposals, per connection: enough for every option that exists in practice


class ComPort:
    """One connection to a serial server.

    `agreed`: True once the server controls its port for us, False once it has declined, None before. `awaited`
    {setting: value} is what it has not confirmed; `refusal` says in words what it did not take, or is empty.
    """

    __slots__ = ("_answers", "_command", "_held", "agreed", "awaited", "refusal")

    def __init__(self) -> None:
        self.agreed: bool | None = None
        self.awaited: dict[int, int] = {}
        self.refusal = ""
        self._answers = 0
        self._command = b""  # IAC and what has come behind it
        self._held: bytearray | None = None  # a sub-negotiation under way

    # ---- to the server

    def begin(self) -> bytes:
        offers = b"".join(bytes((IAC, WILL, option)) for option in OFFERED)
        return offers + b"".join(bytes((IAC, DO, option)) for option in ASKED_FOR)

    def settings(self, wanted: LineSettings) -> bytes:
        """The commands that set the line; each is confirmed by the server with what is in force then."""
        values = {
            SET_BAUDRATE: wanted.baudrate, SET_DATASIZE: wanted.data_bits, SET_PARITY: PARITIES[wanted.parity],
            SET_STOPSIZE: wanted.stop_bits,
        }  # fmt: skip
        self.awaited = dict(values)
        commands = [(setting, value, 4 if setting == SET_BAUDRATE else 1) for setting, value in values.items()]
        commands.append((SET_CONTROL, NO_FLOW_CONTROL, 1))
        return b"".join(
            bytes((IAC, SB, COM_PORT, setting)) + escaped(value.to_bytes(size, "big")) + bytes((IAC, SE))
            for setting, value, size in commands
        )

    # ---- from the server

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """What the line behind the server says in `data`, and what the server is to be answered."""
        if IAC not in data and not self._command and self._held is None:
            return data, b""
        line, answer = bytearray(), bytearray()
        for byte in data:
            if self._command:
                answer += self._go_on(byte, line)
            elif byte == IAC:
                self._command = bytes((IAC,))
            else:
                self._put(byte, line)
        return bytes(line), bytes(answer)

    def _put(self, byte: int, line: bytearray) -> None:
        if self._held is None:
            line.append(byte)
        elif len(self._held) <= MAX_SUBNEGOTIATION:
            self._held.append(byte)

    def _go_on(self, byte: int, line: bytearray) -> bytes:
        """One more byte of a command. Returns: the answer to it."""
        if len(self._command) == 2:
            verb, self._command = self._command[1], b""
            return self._answer(verb, byte)
        if byte in (WILL, WONT, DO, DONT):
            self._command += bytes((byte,))
            return b""
        self._command = b""
        if byte == IAC:
            self._put(IAC, line)
        elif byte == SB:
            self._held = bytearray()
        elif byte == SE:
            held, self._held = self._held, None
            if held is not None and len(held) <= MAX_SUBNEGOTIATION:
                self._told(bytes(held))
        return b""

    def _answer(self, verb: int, option: int) -> bytes:
        if option == COM_PORT and verb in (DO, DONT):
            self.agreed = verb == DO
            return b""
        known = OFFERED if verb in (DO, DONT) else ASKED_FOR
        if option in known or verb in (DONT, WONT) or self._answers >= MAX_ANSWERS:
            return b""  # it agrees, or says no to what we may do without
        self._answers += 1
        return bytes((IAC, WONT if verb == DO else DONT, option))

    def _told(self, held: bytes) -> None:
        """The server says what is in force; what it says of its own accord (line and modem state) is of no use here."""
        if len(held) < 3 or held[0] != COM_PORT:
            return
        setting = held[1] - FROM_SERVER
        wanted = self.awaited.pop(setting, None)
        value = int.from_bytes(held[2:], "big")
        if wanted is not None and value != wanted:
            self.refusal = (
                f"the serial server has {NAMES[setting]} {_shown(setting, value)}, not {_shown(setting, wanted)}"
            )


def _shown(setting: int, value: int) -> str:
    if setting != SET_PARITY:
        return str(value)
    return next((name for name, number in PARITIES.items() if number == value), str(value))


def escaped(data: bytes) -> bytes:
    """Bytes of the line within Telnet."""
    return data.replace(b"\xff", b"\xff\xff")
