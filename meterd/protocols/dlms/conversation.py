"""One scan of one meter: sign on, link, association, values, profiles, goodbye (or an association kept open).

What outlives the scan, the association or the process stands in `memory.DlmsMemory`.

What one scan in many needs, or none before the meter has granted the association, is imported where it is used: the
first byte is out sooner so, and what a site never needs takes no memory.

The dirt: an association kept open that the meter has closed, politely (DM, an exception) or without a word: it is made
anew once. Over the TCP wrapper, where nothing else repeats, a request without an answer makes a new association too.
"""

from __future__ import annotations

from ...conversation import NOTICE, Pause, Reopen, Report, Tell
from ...errors import DecodeError, Disconnected, Garbled, LineError, PortGone, ProtocolError, Refused, Silence
from ...model import failed
from .agreement import agree
from .association import Association, AssociationEnded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ...conversation import Conversation
    from ...model import Signal
    from ._registers import Registers
    from .links.hdlc import HdlcLink
    from .links.wrapper import WrapperLink
    from .memory import DlmsMemory
    from .reader import Reader
    from .reading import Values
    from .settings import Credentials, Settings
    from .targets import Target

RECONNECT_PAUSE_S = 0.5
# Associations that end because the meter is silent about its name or its number.
MAX_SILENCES = 2
# Associations in a row that brought no value: what the next one refuses is taken for the refusal of just that.
MAX_BARREN = 2


class Session:
    """A line signed on, a link and an association; kept in the memory where it stays open between scans."""

    __slots__ = ("_hdlc", "_reader", "_values", "association", "link", "memory", "met", "settings", "settled")

    def __init__(self, settings: Settings, memory: DlmsMemory) -> None:
        self.settings = settings
        self.memory = memory
        self.association: Association | None = None
        self.link: HdlcLink | WrapperLink | None = None
        self._hdlc: HdlcLink | None = None  # the link, where it is one
        self._reader: Reader | None = None
        self._values: Values | None = None
        self.met = False  # it is known who answers
        self.settled: list[Target] | None = None  # all that there was to be found out of these

    def is_settled(self, targets: list[Target]) -> bool:
        """Whether nothing is to be found out, of the meter or of these targets, before they are read over this."""
        memory = self.memory
        if memory.list_doubt or memory.kept.line_lost or memory.renewal_is_due():
            self.settled = None
        return self.settled is targets

    def scan(self, settings: Settings, targets: list[Target], refused: Sequence[tuple[Signal, str]]) -> Conversation:
        """The next scan, over this association for as long as it stands."""
        memory, values = self.memory, self._values
        if values is not None and not refused and not memory.kept.line_lost and memory.scans_to_renewal > 0:
            burst = values.burst
            if burst is not None and burst.again(targets):
                return self._again(settings, values, targets, burst)
        return Scan(settings, memory, targets, refused).run()

    def _again(self, settings: Settings, values: Values, targets: list[Target], burst: Registers) -> Conversation:
        """A scan like the last one, with nothing made anew; from the first word that was not due it is like others."""
        memory = self.memory
        memory.session = None
        if settings.line is not None:
            yield settings.line
        try:
            heard = yield burst
        except Exception as error:
            heard = error
        if heard is None and burst.done == len(targets) and values.is_all_told():
            memory.scans_to_renewal -= 1
            memory.session = self
        else:
            values.burst = None
            self.resume()
            yield from Scan(settings, memory, targets, begun=(self, burst, heard)).run()

    def resume(self) -> None:
        """Go on with an association that was left open: the first request, sent once, shows whether it still is."""
        if self._hdlc is not None:
            self._hdlc.patience = 1
        if self._reader is not None:
            self._reader.on_trial = True

    def on_trial(self) -> bool:
        """Whether nothing has been heard yet over an association that was left open."""
        return self._reader is not None and self._reader.on_trial

    def open(self) -> Conversation:
        """Raises: LineError, ProtocolError, Refused, SecurityError, DecodeError: each says where it stopped."""
        settings = self.settings
        self.memory.reached("bytes")
        if settings.signs_on and settings.line is not None:
            from .links.mode_e import sign_on

            attempts = 1 if self.memory.kept.brief else settings.attempts
            yield from sign_on(settings.line.baudrate, "", settings.timeout_ms, attempts)
        elif settings.line is not None:
            yield settings.line
        credentials = settings.credentials
        credentials.titled_by(self.memory)
        counted = settings.counter_name and credentials.keyed
        if counted and not self.memory.counters(credentials.counter_names()).settled:
            from .security.asked import learn_counter

            yield from learn_counter(self)
        yield from self.associate(settings.client, credentials)
        self.memory.reached("object")

    def associate(self, client: int, credentials: Credentials) -> Conversation:
        if self.settings.proposal is not None:
            yield from self.propose(client, credentials, self.settings.proposal)
        else:
            yield from agree(self, client, credentials)

    def propose(self, client: int, credentials: Credentials, proposal: frozenset[str]) -> Conversation:
        self.association = None
        self.link = self._make_link(client)
        self.memory.reached("frame")
        yield from self.link.open()
        self.memory.reached("association")
        self.association = Association(self.link, credentials, self.settings, self.memory, proposal)
        self._reader = self._values = None
        yield from self.association.establish()

    def _make_link(self, client: int) -> HdlcLink | WrapperLink:
        if self.settings.wrapped:
            return self.settings.wrapper_link(client)
        self._hdlc = self.settings.hdlc_link(client)
        if self.memory.kept.brief:
            self._hdlc.patience = 1  # until it answers
        return self._hdlc

    def politely(self, talk: Conversation) -> Conversation:
        """Run `talk`; whatever ends it, the meter is told, as long as there is a line to tell it on."""
        try:
            return (yield from talk)
        except Exception as error:
            yield from self.part(error)
            raise

    def part(self, error: Exception) -> Conversation:
        """Tell the meter that we go, whatever made us, as long as there is a line to tell it on."""
        self.settings.credentials.doubt_counter(error, self.memory)
        if not isinstance(error, PortGone):
            yield from self.leave()

    def reader(self) -> Reader:
        """The one reader of the present association."""
        if self._reader is None:
            if self.association is None:
                raise Disconnected("there is no association with the meter")
            from .naming import LogicalNames, ShortNames
            from .reader import Reader

            kind = ShortNames if self.settings.short_names else LogicalNames
            self._reader = Reader(self.association, kind(self.association), self.memory)
        return self._reader

    def values(self) -> Values:
        """What reads values over the present association."""
        if self._values is None:
            from .objects import Directory
            from .reading import Values

            reader = self.reader()
            self._values = Values(reader, Directory(reader, self.memory), self.memory)
        return self._values

    def leave(self) -> Conversation:
        """Release the association and the link, as far as there are any. Raises: PortGone."""
        if self.association is not None:
            association, self.association = self.association, None
            yield from self._release(association)
        if self.link is not None:
            link, self.link = self.link, None
            yield from link.close()

    def _release(self, association: Association) -> Conversation:
        """A meter that does not answer RLRQ is not waited for again.

        Over HDLC RLRQ goes out in no more than one try, and not at all where it is in vain: DISC, which follows, ends
        the association as well. Over the wrapper nothing follows, so the meter is told all the same.
        """
        silent = self.memory.silent_release
        if self._hdlc is not None:
            if silent or not self._hdlc.connected:
                return
            self._hdlc.hurry()
        elif silent:
            yield from association.announce_release()
            return
        if not (yield from association.release()):
            self.memory.silent_release = True

    def end(self) -> Conversation:
        """Leave an association that was left open, each frame sent once: the meter may be gone. Raises: PortGone."""
        if self.settings.line is not None:
            yield self.settings.line
        if self._hdlc is not None:
            self._hdlc.attempts = 1
        yield from self.leave()


def resume_or_open(settings: Settings, memory: DlmsMemory) -> Conversation:
    """A session with an open association. Returns: Session."""
    session: Session | None
    session, memory.session = memory.session, None
    if session is not None:
        if settings.line is not None:
            yield settings.line
        session.resume()
        return session
    session = Session(settings, memory)
    yield from session.politely(session.open())
    return session


class Scan:
    """The targets of one scan and those that are done, over as many associations as it takes."""

    def __init__(
        self, settings: Settings, memory: DlmsMemory, targets: list[Target], refused: Sequence[tuple[Signal, str]] = (),
        begun: tuple[Session, Registers, Any] | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.memory = memory
        self.targets = targets
        self.refused = refused
        self.done: set[Any] = set()
        self._met = self._introducing = False
        self._silences = 0
        self._barren = 0  # associations in a row that brought no value
        self._begun = begun  # a burst that went out over a session by itself, and what came of it
        # Over the wrapper a lost answer costs the association, so each retry is a new one.
        self._chances = settings.attempts - 1 if settings.wrapped else 1

    def run(self) -> Conversation:
        """Report every target. Raises: MeterdError where the meter cannot be read any further."""
        memory = self.memory
        for signal, _ in self.refused:
            yield Report(failed(signal, "type"))
        if self._begun is None and (memory.session is None or not memory.session.is_settled(self.targets)):
            self._begin()
        while True:
            session: Session = self._begun[0] if self._begun else (yield from resume_or_open(self.settings, memory))
            if self._barren >= MAX_BARREN:
                session.reader().final = True
            before = self._progress()
            try:
                yield from self._once(session)
            except Exception as error:
                yield from self._part(session, error)
                yield from self._go_on(session, error, before)
                continue
            stays = self.settings.keep_open and not self.settings.signs_on
            memory.scanned(session if stays else None)
            if not stays:
                yield from session.leave()
            return

    def _begin(self) -> None:
        """What comes before a scan that may have something to find out."""
        memory = self.memory
        memory.belong_to(self.settings.identity())
        memory.list_doubt = 0
        if memory.unfinished in self.targets:
            start = self.targets.index(memory.unfinished)
            self.targets = self.targets[start:] + self.targets[:start]

    def _go_on(self, session: Session, error: Exception, before: int) -> Conversation:
        """Let another association follow where it is worth its while. Raises: the error where it is not."""
        moved = self._progress() != before
        left = self._note_rest()
        self._chances += self._was_silent_about_itself(error)
        if moved and left and isinstance(error, PortGone):
            yield Reopen(self.settings.timeout_ms / 1000)
            return
        if not (moved or self._chances) or not self._worth_another(session, error, moved):
            raise error
        self._chances -= not moved
        yield Pause(RECONNECT_PAUSE_S)

    def _was_silent_about_itself(self, error: Exception) -> bool:
        """The next association does not ask for what this one was silent about; there are two such things."""
        silent = self._introducing and isinstance(error, Silence) and self._silences < MAX_SILENCES
        self._silences += silent
        self._introducing = False
        return silent

    def _part(self, session: Session, error: Exception) -> Conversation:
        """A meter that has ended the association itself needs no RLRQ: it would refuse that, too."""
        self.memory.kept.line_lost |= isinstance(error, LineError)
        self._barren = 0 if session.reader().values else self._barren + 1
        if isinstance(error, AssociationEnded) and session.association is not None:
            session.association.open = False
        yield from session.part(error)

    def _progress(self) -> int:
        """What must have grown for another association to be worth its while."""
        memory = self.memory
        learnt = len(memory.scalers) + len(memory.objects) + len(memory.not_allowed) + memory.list_waits[1]
        return len(self.done) + learnt + memory.list_doubt

    def _worth_another(self, session: Session, error: Exception, moved: bool) -> bool:
        """A new association as long as there is progress; without any where this one had been left open, where the
        meter said that it is over, or where nothing else repeats what was lost.
        """
        if not isinstance(error, (Silence, Garbled, ProtocolError, Refused, DecodeError)):
            return False
        if session.on_trial() or isinstance(error, Disconnected) or self._silences:
            return True
        return isinstance(error, (Silence, Garbled)) and (moved or self.settings.wrapped)

    def _note_rest(self) -> bool:
        """The next scan begins with what this one may not come to. Returns: whether there is any."""
        left = [target for target in self.targets if target not in self.done]
        self.memory.unfinished = left[0] if left else None
        return bool(left)

    def _once(self, session: Session) -> Conversation:
        values = session.values()
        attributes, profiles = self.targets, []
        if session.settled is not self.targets:
            attributes, profiles = yield from self._find_out(session, values)
        try:
            begun, self._begun = self._begun, None
            yield from values.read(attributes, self.done, begun)
            if profiles or values.misfits:
                self.done.update(attributes)
        finally:
            self.done.difference_update(values.misfits)  # nothing was reported of them
        if values.misfits:
            profiles += yield from values.read_misfits(self.done)
        for target in profiles:
            yield from values.read_profile(target)
            self.done.add(target)

    def _find_out(self, session: Session, values: Values) -> Conversation:
        """How to read what is left to be read. Returns: as `Values.prepare`."""
        memory = self.memory
        if not session.met or memory.kept.line_lost or memory.renewal_is_due():
            yield from self._meet(session, values)
        todo = [target for target in self.targets if target not in self.done] if self.done else self.targets
        found = yield from values.prepare(todo, self.done)
        session.settled = self.targets if found[0] is self.targets else None
        return found

    def _meet(self, session: Session, values: Values) -> Conversation:
        """Find out who answers before anything that was learnt is relied upon. Raises: WrongMeter, LineError.

        In every association its name is looked at; after the line was lost, and now and then, all that may have
        changed. One that begins anew in the midst of a scan is the same meter's: it hung up a moment ago.
        """
        memory = self.memory
        due = memory.renewal_is_due()
        doubtful = due or memory.kept.line_lost
        if self._met and not doubtful:
            session.met = True
            return
        from .identity import SAME, introduced

        self._introducing = True
        known = yield from introduced(values, memory, self.settings, thoroughly=doubtful)
        self._introducing = False
        session.met = self._met = True
        fits = known is not None and (yield from values.still_fits(known == SAME, doubtful))
        if not fits:
            if known is not None:
                yield Tell(NOTICE, "its objects are not where they were; what was learnt of it is learnt anew")
            memory.forget()
            values.begin_anew(self.targets)
        elif doubtful:
            values.renew(self.targets, keep=known == SAME and not memory.kept.line_lost)
        if doubtful:
            memory.kept.line_lost = False
            memory.renewed()
