"""IEC 62056-21 meters: signals become one read-out and a row of registers, and each answer becomes readings.

The read-out comes first, in a dialogue of its own; the registers follow in programming mode, if a signal names any.
"""

from __future__ import annotations

from ...conversation import Pause, Report
from ...model import Plan, failed
from .messages import PROGRAMMING
from .readout import read_out
from .selection import Selector, by_address, reading_of
from .session import T_R_S, Session, SessionSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._readout_block import DataSet
    from ...conversation import Conversation
    from ...errors import Refused
    from ...model import Device, Memory, Signal
    from .programming import Register

READ_COMMANDS = ("R1", "R2", "R5", "R6")
DEFAULT_COMMAND = "R5"  # reads by the address that the meter prints, which is all that a plain signal says
MAX_REGISTER = 128  # characters of an address with its brackets

Chosen = list[tuple["Signal", Selector]]


class Requests:
    """What one scan asks for: `listed` signals from the read-out, `registers` with the signals that each feeds."""

    __slots__ = ("listed", "registers", "settings")

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self.listed: Chosen = []
        self.registers: dict[tuple[str, str], Chosen] = {}

    def wanted(self) -> dict[str, int]:
        """Address → index of the last group that a listed signal needs."""
        last: dict[str, int] = {}
        for _, selector in self.listed:
            address = selector.address or ""
            last[address] = max(last.get(address, 0), selector.index)
        return last


def plan(device: Device, signals: list[Signal]) -> Plan:
    """Group the signals of a device; a signal that cannot be read as configured is refused alone."""
    requests = Requests(SessionSettings.of(device))
    read: list[Signal] = []
    refused: list[tuple[Signal, str]] = []
    for signal in signals:
        try:
            _add(requests, device, signal)
            read.append(signal)
        except ValueError as error:
            refused.append((signal, str(error)))
    password = device["password"]
    secrets = (password.encode("ascii"),) if password else ()
    return Plan(device, read, requests, refused, secrets)


def conversation(plan: Plan, memory: Memory) -> Conversation:
    """One scan: the read-out, then the registers; each reading is reported once it is verified.

    Raises: Silence, Incomplete, Garbled; ProtocolError, Refused where programming mode is not to be had.
    """
    requests: Requests = plan.requests
    device = plan.device
    session = Session(requests.settings, memory)
    attempts = 1 + device["retry_counter"]
    if requests.listed:
        data_sets = yield from read_out(
            session, device["mode_control_char"], requests.wanted(), attempts, device["early_stop"]
        )
        yield from _report(requests.listed, data_sets)
    if requests.listed and requests.registers:
        yield Pause(T_R_S)  # until then the meter may wait for a NAK to its list, at the list's speed
    if requests.registers:
        yield from _read_registers(session, requests, plan.secrets, attempts)


def _read_registers(session: Session, requests: Requests, secrets: tuple[bytes, ...], attempts: int) -> Conversation:
    from .programming import Programming, Register  # many sites have no registers

    chosen: dict[Register, Chosen] = {}
    for (command, data), signals in requests.registers.items():
        addresses = tuple(selector.address or "" for _, selector in signals)
        chosen[Register(command.encode("ascii"), data.encode("ascii"), addresses)] = signals

    def answered(register: Register, data_sets: list[DataSet]) -> Conversation:
        yield from _report(chosen[register], data_sets, register.address)

    def refused(register: Register, error: Refused) -> Conversation:
        for signal, _ in chosen[register]:
            yield Report(failed(signal, error.reason))

    programming = Programming(session, list(chosen), secrets[0] if secrets else None, answered, refused)
    yield from programming.run(attempts)


def _report(chosen: Chosen, data_sets: list[DataSet], asked: str | None = None) -> Conversation:
    found = by_address(data_sets, asked)
    for signal, selector in chosen:
        data_set = selector.pick(found)
        yield Report(failed(signal, "not_found") if data_set is None else reading_of(signal, data_set))


def _add(requests: Requests, device: Device, signal: Signal) -> None:
    """Raises: ValueError, why the signal cannot be read."""
    tag_command, tag = _command(signal["tag_job_todo"])
    command, job = _command(signal["job_todo"])
    if not command:
        command, job = tag_command, tag
    if tag_command:  # the tag repeats the job: it is the register's own address that is wanted
        tag = tag.partition("(")[0]
    if command and device["type"] == "A":
        raise ValueError("a register is read in programming mode, which mode A has not; type should be C")
    if not command and (device["mode_control_char"] != PROGRAMMING or device["type"] == "A"):
        requests.listed.append((signal, Selector(tag)))
        return
    register = (command or DEFAULT_COMMAND, _with_brackets(Selector(job).address or ""))
    requests.registers.setdefault(register, []).append((signal, Selector(tag)))


def _command(job: str) -> tuple[str, str]:
    """Command and address of `R5:1.8.0`; no command where the text is a plain address, which may hold a colon too."""
    command, colon, address = job.partition(":")
    command = command.strip().upper()
    return (command, address.strip()) if colon and command in READ_COMMANDS else ("", job)


def _with_brackets(address: str) -> str:
    data = address if "(" in address else address + "()"
    if not data.isascii() or not data.isprintable() or len(data) > MAX_REGISTER or not data.endswith(")"):
        raise ValueError(f"{address!r} is not a register: an address such as 1.8.0, or one with brackets, 0.0.0(10)")
    return data
