"""One scan of an IEC 62056-21 meter: the read-out in a dialogue of its own, then the registers in programming mode."""

from __future__ import annotations

from ...conversation import WARNING, Pause, Report, Tell
from ...model import failed
from .learnt import PUSHES, Learnt
from .messages import PASSWORD_COMMANDS
from .readout import read_out
from .selection import by_address, reading_of, spelled_in_full, within_first_headers
from .session import T_R_S, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._readout_block import DataSet
    from ...conversation import Conversation
    from ...errors import Refused
    from ...model import Memory, Plan
    from ...nearest_address import Addresses
    from .programming import Register
    from .readout import ReadOut
    from .requests import Chosen, Requests
    from .selection import Found, Selector


def scan(plan: Plan, memory: Memory) -> Conversation:
    """One scan: the read-out, then the registers; each reading is reported once it is verified.

    Raises: Silence, Incomplete, Garbled; WrongMeter; ProtocolError, Refused where programming mode is not to be had.
    """
    requests: Requests = plan.requests
    device = plan.device
    session = Session(requests.settings, Learnt.of(memory), memory.brief)
    attempts = 1 + device["retry_counter"]
    lists = requests.listed or requests.listed_rows
    asks = requests.registers or requests.asked_rows
    if requests.settings.answers_row:
        from .bare_row import read_row  # one maker's meters

        yield from report(requests.listed, (yield from read_row(session, device["mode_control_char"], attempts)))
        return
    if lists:
        # All of a list is wanted where a load profile stands in it.
        early_stop = device["early_stop"] and not requests.listed_rows
        wanted = None if requests.listed_rows else requests.wanted()
        found: ReadOut = yield from read_out(session, device["mode_control_char"], wanted, attempts, early_stop)
        yield from report(requests.listed, found.data_sets)
        yield from tell_time(found.data_sets)
        if session.mode == "D":
            session.learnt.pushes = True
            yield Tell(WARNING, PUSHES, "pushes")
        if requests.listed_rows:
            from .profile import report_listed

            yield from report_listed(plan, memory, session, found.text)
    if lists and asks:
        yield Pause(T_R_S)  # until then the meter may wait for a NAK to its list, at the list's speed
    if asks:
        yield from _read_registers(plan, session, memory, attempts)


def _read_registers(plan: Plan, session: Session, memory: Memory, attempts: int) -> Conversation:
    from .programming import Programming, Register  # many sites have no registers

    requests: Requests = plan.requests
    chosen: dict[Register, Chosen] = {}
    for (command, data), signals in requests.registers.items():
        addresses = tuple(selector.address or "" for _, selector in signals)
        chosen[Register(command.encode("ascii"), data.encode("ascii"), addresses)] = signals

    def answered(register: Register, data_sets: list[DataSet]) -> Conversation:
        yield from report(chosen[register], data_sets, register.address)

    def refused(register: Register, error: Refused) -> Conversation:
        for signal, _ in chosen[register]:
            yield Report(failed(signal, error.reason))

    programming = Programming(session, list(chosen), plan.secrets[0] if plan.secrets else None, answered, refused)
    programming.password_command = PASSWORD_COMMANDS[plan.device["password_command"]]
    programming.asks_identity = session.is_called_by_number()
    if requests.asked_rows:
        from .profile import AskedRows

        programming.afterwards = AskedRows(plan, memory, programming).run
    yield from programming.run(attempts)


def tell_time(data_sets: list[DataSet], device_alias: str = "") -> Conversation:
    """The meter's time, where its list has it."""
    from .clock import clock_in

    told = clock_in(data_sets, device_alias)
    if told is not None:
        yield told


def report(chosen: Chosen, data_sets: list[DataSet], asked: str | None = None) -> Conversation:
    found = by_address(data_sets, asked)
    if any(selector.in_profile for _, selector in chosen):
        found = within_first_headers(found, data_sets)
    if asked is not None:
        found = spelled_in_full(found, asked)
    listed: Addresses | None = None
    for signal, selector in chosen:
        data_set = selector.pick(found)
        if data_set is None:
            listed = listed or _addresses(found)
            yield Report(failed(signal, "not_found", _missing(listed, selector, found, asked)))
        else:
            yield Report(reading_of(signal, data_set))


def _addresses(found: Found) -> Addresses:
    """What there is, for whoever misses something: loaded where somebody does."""
    from ...nearest_address import Addresses

    return Addresses(address for address, index in found if address is not None and not index)


def _missing(listed: Addresses, selector: Selector, found: Found, asked: str | None) -> str:
    what = "the read-out" if asked is None else f"the answer to {asked}"
    if selector.address is not None and (selector.address, 0) in found:
        return f"{selector.address} is in {what}, and has no group {selector.text.removeprefix(selector.address)}"
    return listed.missing(selector.text, what)
