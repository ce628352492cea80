"""Programming mode for reading: password, registers one by one, break.

IEC 62056-21 clauses 6.3.7 (commands), 6.3.9 (error message), 6.3.6 (break) and annex C (protocol mode C). The meter
opens with P0 and an operand that only a secured procedure would use; the password goes back as it is, with P1, or with
P2 where a meter wants its second password so. What a secured procedure makes of the operand is each maker's secret.

Answers carry no number: once a command was sent again nobody knows whose answer comes next. So an answer counts that
has the address asked for, in any spelling of its code; one without an address must be the only thing on the line; how
a meter spells a register is remembered. A register that stays without an answer is asked for last when the dialogue
starts over.

A meter that is called by its number is asked for it first, and nothing of another one is taken.
"""

from __future__ import annotations

from ..._readout_block import parse_readout
from ..._readout_dialogue import ProgrammingDecoder
from ...conversation import Pause, Send
from ...errors import Garbled, PortGone, ProtocolError, Refused, Silence
from .codes import is_short_for
from .identity import QUESTION, numbers_told
from .learnt import PUSHES
from .listening import quiet
from .messages import (
    ACK,
    BREAK,
    BREAK_COMMAND,
    MAX_ERROR_TEXT,
    NAK,
    PASSWORD_COMMANDS,
    PASSWORD_REQUEST,
    PROGRAMMING,
    command_message,
)
from .session import MAX_STRAYS, T_R_S, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..._readout_block import DataSet
    from ..._readout_message import Message
    from ...conversation import Conversation

IDENTITY_COMMAND = b"R5"
MAX_REPEATS = 1  # times a command is sent again, because the meter asks for it or does not answer


class Register:
    """One value to ask for: `command` R1, R2, R5 or R6, `data` the address with its brackets, as the meter gets it.

    `addresses` are those that its signals want in the answer, which tell the answer from another register's.
    """

    __slots__ = ("addresses", "command", "data")

    def __init__(self, command: bytes, data: bytes, addresses: tuple[str, ...]) -> None:
        self.command = command
        self.data = data
        self.addresses = addresses

    @property
    def address(self) -> str:
        """What was asked for; an answer without an address of its own stands under it."""
        return self.data.partition(b"(")[0].decode("latin-1")

    def is_answer(self, message: Message) -> bool:
        """Whether a message may be the answer: a break, a value without an address, or with one that is wanted."""
        if message.command:
            return message.command == BREAK_COMMAND
        found = [data_set[1] for data_set in message.data_sets]
        wanted = (self.address, *self.addresses)
        if message.partial or not found or found[0] is None or any(address in wanted for address in found):
            return True
        return any(is_short_for(self.address, address) for address in found if address)

    def __repr__(self) -> str:
        return f"Register({self.command.decode()} {self.data.decode('latin-1')})"


class Programming:
    """One scan's registers: asks until each has an answer, a refusal, or no attempts left; `waiting` are those left.

    `answered(register, data_sets)` is a conversation run for each answer, `refused(register, error)` for each refusal.
    `password_command` P1 or P2; `asks_identity`: whether the meter is to be asked for its number;
    `afterwards(decoder)` a conversation that goes on asking, with `fetch`, once all registers are done.
    """

    __slots__ = (
        "afterwards",
        "answered",
        "asks_identity",
        "password",
        "password_command",
        "refused",
        "session",
        "waiting",
    )

    def __init__(
        self,
        session: Session,
        registers: list[Register],
        password: bytes | None,
        answered: Callable[[Register, list[DataSet]], Conversation],
        refused: Callable[[Register, Refused], Conversation],
    ) -> None:
        self.session = session
        self.waiting = list(registers)
        self.password = password
        self.answered = answered
        self.refused = refused
        self.password_command = PASSWORD_COMMANDS["P1"]
        self.asks_identity = False
        self.afterwards: Callable[[ProgrammingDecoder], Conversation] | None = None

    def run(self, attempts: int) -> Conversation:
        """Raises: Silence, Incomplete, Garbled, ProtocolError; Refused where the password is."""
        yield from self.session.dialogue(PROGRAMMING, attempts, self._talk)

    def _talk(self) -> Conversation:
        if self.session.mode == "D":
            yield from self._list_comes()
        if self.session.mode != "C":
            yield Pause(T_R_S)  # its list is on the way, and must be over before the next request
            yield from quiet()
            if self.session.mode == "D":
                self.session.learnt.pushes = True
                raise Refused(f"mode D has no programming mode: {PUSHES}, and ask for nothing that its list lacks")
            raise Refused(f"the meter is in mode {self.session.mode}, which has no programming mode")
        hang_up = True
        try:
            decoder = ProgrammingDecoder(self.session.seven_bit)
            yield from self._log_in(decoder)
            yield from self._identify(decoder)
            while self.waiting:
                yield from self._read(decoder, self.waiting[0])
                del self.waiting[0]
            if self.afterwards is not None:
                yield from self.afterwards(decoder)
        except (Silence, Garbled):
            self.waiting += self.waiting[:1]
            del self.waiting[:1]
            raise
        except (PortGone, GeneratorExit):
            hang_up = False
            raise
        finally:
            if hang_up:
                yield Send(BREAK)

    def _list_comes(self) -> Conversation:
        """Who waits for no acknowledgement proves it by a list. Raises: Silence, Incomplete, Garbled without one."""
        from ..._readout_list import ReadoutDecoder  # such a meter is rare where registers are asked for
        from .p1 import fits

        session = self.session
        message = yield from session.receive(ReadoutDecoder(session.seven_bit, None, session.rest))
        if not message.data_sets or message.bcc is False or fits(session.identification, message.text) is False:
            raise Garbled("what followed the identification at once was no undamaged list")

    def _log_in(self, decoder: ProgrammingDecoder) -> Conversation:
        yield from self._greeted(decoder)
        if self.password is None:
            return
        command = self.password_command
        answer = yield from self._ask(decoder, command, b"(" + self.password + b")", _answers_password)
        if answer.command != ACK:
            raise Refused("the meter refused the password", self._code(answer.text), command.decode(), reason="auth")

    def _greeted(self, decoder: ProgrammingDecoder) -> Conversation:
        """Wait for P0. Raises: Refused, ProtocolError where the meter has something else to say."""
        session = self.session
        for _ in range(MAX_STRAYS):
            greeting = yield from session.good(decoder, (yield from session.receive(decoder)))
            if greeting.command == PASSWORD_REQUEST:
                session.verified()
                return
            if _is_error(greeting.text):
                raise Refused("the meter refused programming mode", self._code(greeting.text))
            if not greeting.command:
                raise ProtocolError("the meter sent data where programming mode begins with P0")
        raise Garbled("the meter did not open programming mode with P0")

    def _identify(self, decoder: ProgrammingDecoder) -> Conversation:
        """Ask the meter for its number, as long as it is not known that it does not tell it. Raises: WrongMeter."""
        session, learnt = self.session, self.session.learnt
        if not self.asks_identity or learnt.tells_identity is False:
            session.identify([])
            return
        question = Register(IDENTITY_COMMAND, QUESTION.encode("ascii") + b"()", ())
        try:
            answer = yield from self._ask(decoder, question.command, question.data, question.is_answer)
        except (Silence, Garbled):
            if not learnt.tells_identity:
                learnt.tells_identity = False  # it meets what it does not know with silence: not to be asked again
            raise
        if answer.command == BREAK_COMMAND:
            learnt.tells_identity = False
            raise Garbled("the meter broke off when it was asked for its number")
        found: list[DataSet] = []
        if not answer.command:
            text = yield from session.whole(decoder, answer)
            found = [] if _is_error(text) else _under(question.address, parse_readout(text))
        learnt.tells_identity = bool(numbers_told(found, b""))
        session.identify(found)

    def _read(self, decoder: ProgrammingDecoder, register: Register) -> Conversation:
        try:
            text = yield from self._answer_to(decoder, register)
        except Refused as error:
            yield from self.refused(register, error)
            return
        data_sets = parse_readout(text)
        if not data_sets or data_sets[0][1] is None:
            yield from self.session.alone(decoder)
        elif not any(data_set[1] == register.address for data_set in data_sets):
            self.session.learnt.spells(register.data, data_sets[0][1])
        yield from self.answered(register, data_sets)

    def fetch(self, decoder: ProgrammingDecoder, command: bytes, data: str) -> Conversation:
        """The text of the answer to one more question. Raises: Silence, Incomplete, Garbled; Refused."""
        return (yield from self._answer_to(decoder, Register(command, data.encode("ascii"), ())))

    def _answer_to(self, decoder: ProgrammingDecoder, register: Register) -> Conversation:
        answer = yield from self._ask(decoder, register.command, register.data, register.is_answer)
        if answer.command == BREAK_COMMAND:
            raise Garbled("the meter broke off")
        if answer.command == NAK:
            raise Refused("the meter refused", "NAK", register.address)
        if answer.command:
            raise Refused("the meter acknowledged the question and sent no value", "ACK", register.address)
        text: bytes = yield from self.session.whole(decoder, answer)
        if _is_error(text):
            raise Refused("the meter refused", self._code(text), register.address)
        return text

    def _ask(
        self, decoder: ProgrammingDecoder, command: bytes, data: bytes, is_answer: Callable[[Message], bool]
    ) -> Conversation:
        """Send a command and pick its answer from what comes; a NAK that stays after MAX_REPEATS is the answer.

        Where nothing comes, or only noise, the command is sent again: both answers may come then, see `Session.alone`.
        """
        stray = acknowledged = None
        for repeats in range(MAX_REPEATS, -1, -1):
            decoder.reset()
            yield Send(command_message(command, data))
            try:
                for _ in range(MAX_STRAYS):
                    message = yield from self.session.receive(decoder)
                    message = yield from self.session.good(decoder, message)
                    if message.command == NAK and repeats:
                        break
                    if message.command == NAK or is_answer(message) or self._is_spelled(data, message):
                        return message
                    if message.command == ACK:
                        acknowledged = message
                    elif not message.command:
                        stray = stray or message
            except (Silence, Garbled):
                # Nothing better came: the meter writes the address in another way, or has nothing to say.
                found = stray or acknowledged
                if found is not None:
                    return found
                if not repeats:
                    raise
                self.session.late = True
        raise Garbled("the meter answers something else")

    def _is_spelled(self, data: bytes, message: Message) -> bool:
        """Whether an answer stands under the address under which this question was answered before."""
        address = self.session.learnt.spelled.get(data)
        return address is not None and any(data_set[1] == address for data_set in message.data_sets)

    def _code(self, text: bytes) -> str:
        """The meter's error text, unless it holds the password."""
        if self.password and self.password in text:
            return ""
        return text[:MAX_ERROR_TEXT].decode("latin-1").strip("() \r\n")


def _answers_password(message: Message) -> bool:
    return message.command in (ACK, BREAK_COMMAND, b"")


def _under(address: str, data_sets: list[DataSet]) -> list[DataSet]:
    """Data sets without an address of their own stand under the one that was asked for."""
    return [(one[0], one[1] or address, one[2], one[3], one[4]) for one in data_sets]


def _is_error(text: bytes) -> bool:
    """An error message is a lone group without an address, `(ER…)` by the meters' habit (clause 6.3.9)."""
    return text.lstrip().upper().startswith(b"(ER") and text.count(b"(") == 1
