"""What one scan of an IEC 62056-21 meter asks for: what planning makes of `job_todo` and `tag_job_todo`."""

from __future__ import annotations

from ...errors import module_for
from .messages import PROGRAMMING
from .selection import Selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import Device, Signal
    from .settings import SessionSettings

READ_COMMANDS = ("R1", "R2", "R5", "R6")
DEFAULT_COMMAND = "R5"  # reads by the address that the meter prints, which is all that a plain signal says
MAX_REGISTER = 128  # characters of an address with its brackets
COLUMN_MARK = "#"  # P.01#1.5.0: a column of a load profile

Chosen = list[tuple["Signal", Selector]]
Columns = list[tuple["Signal", str]]  # '' for whole rows


class Requests:
    """What one scan asks for: `listed` signals from the read-out, `registers` with the signals that each feeds, and
    the same of load profiles: `listed_rows` {profile: columns}, `asked_rows` {(command, profile): columns}."""

    __slots__ = ("asked_rows", "listed", "listed_rows", "registers", "settings")

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self.listed: Chosen = []
        self.registers: dict[tuple[str, str], Chosen] = {}
        self.listed_rows: dict[str, Columns] = {}
        self.asked_rows: dict[tuple[str, str], Columns] = {}

    def wanted(self) -> dict[str, int]:
        """Address → index of the last group that a listed signal needs."""
        last: dict[str, int] = {}
        for _, selector in self.listed:
            address = selector.address or ""
            last[address] = max(last.get(address, 0), selector.index)
        return last


def add(requests: Requests, device: Device, signal: Signal) -> bool:
    """Returns: whether each scan owes it a reading. Raises: ValueError, ConfigError: why the signal cannot be read."""
    if requests.settings.answers_row:
        _place_in_row(requests, signal)
        return True
    tag_command, tag = _command(signal["tag_job_todo"])
    command, job = _command(signal["job_todo"])
    if not command:
        _same(job, tag, bool(tag_command) or _asks(device))
        command, job = tag_command, tag
    if tag_command:  # the tag repeats the job: it is the register's own address that is wanted
        tag = tag.partition("(")[0]
    if device["type"] == "D" and (command or COLUMN_MARK in tag):
        raise ValueError("job_todo: this is asked for, and type D sends its list unasked; name a line of that")
    if command and device["type"] == "A":
        raise ValueError("job_todo: a register is read in programming mode, which mode A has not; type should be C")
    profile, mark, column = tag.partition(COLUMN_MARK)
    is_listed = not command and not _asks(device)
    command = command or DEFAULT_COMMAND
    if mark:
        module_for("a load profile", f"{__package__}.profile", "meterd-profiles")
        place = profile.strip() if is_listed else _profile_asked(job)
        rows: dict[object, Columns] = requests.listed_rows if is_listed else requests.asked_rows  # type: ignore[assignment]
        rows.setdefault(place if is_listed else (command, place), []).append((signal, column.strip()))
    elif is_listed:
        requests.listed.append((signal, Selector(tag)))
    else:
        register = (command, _with_brackets(Selector(job).address or ""))
        requests.registers.setdefault(register, []).append((signal, Selector(tag)))
    return not mark


def _place_in_row(requests: Requests, signal: Signal) -> None:
    """Raises: ValueError where it is none: a bare row has no addresses."""
    selector = Selector(signal["tag_job_todo"])
    if selector.address is not None or selector.part is not None:
        raise ValueError(
            f'tag_job_todo: found "{selector.text}", allowed: [0] for the first number of the row, [1] for the next '
            "and so on, for answer is row"
        )
    requests.listed.append((signal, selector))


def _asks(device: Device) -> bool:
    """Whether signals without a command are registers of programming mode."""
    return bool(device["mode_control_char"] == PROGRAMMING and device["type"] not in ("A", "D"))


def _same(job: str, tag: str, is_register: bool) -> None:
    """Raises: ValueError where a job and its tag are two addresses: either may be the slip."""
    if job != tag and not is_register and job not in (Selector(tag).address, tag.partition(COLUMN_MARK)[0].strip()):
        raise ValueError(
            f'job_todo: found "{job}", allowed: the same as tag_job_todo, "{tag}", or a command with its register, R5:…'
        )


def _profile_asked(job: str) -> str:
    """The address of a profile; what range is asked for is reckoned, so no brackets."""
    address = job.partition(COLUMN_MARK)[0].strip()
    _with_brackets(address.partition("(")[0])
    if "(" in address and not address.endswith("()"):
        raise ValueError(f'job_todo: found "{job}", allowed: the profile alone, R5:{address.partition("(")[0]}')
    return address.removesuffix("()")


def _command(job: str) -> tuple[str, str]:
    """Command and address of `R5:1.8.0`; no command where the text is a plain address, which may hold a colon too."""
    command, colon, address = job.partition(":")
    command = command.strip().upper()
    return (command, address.strip()) if colon and command in READ_COMMANDS else ("", job)


def _with_brackets(address: str) -> str:
    data = address if "(" in address else address + "()"
    if not data.isascii() or not data.isprintable() or len(data) > MAX_REGISTER or not data.endswith(")"):
        raise ValueError(f"job_todo: {address!r} is no register: an address such as 1.8.0, or with brackets, 0.0.0(10)")
    return data
