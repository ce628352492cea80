"""What `job_todo` and `tag_job_todo` of a signal come to (manual, chapter 17.3; its mapping files are not public).

`job_todo` names what is fetched in one exchange: one item, or several with commas between. `tag_job_todo` picks the
item that feeds the signal, `name#n` a field of it, `name:n` attribute n of its object. An item is a name of the
profile (a register in any spelling of its OBIS code, or an alias, which may stand for several items), `clock`,
`serial`, or a raw form; so a register that no profile knows can be read without touching a file.
"""

from __future__ import annotations

from ...obis import format_logical_name
from .profile import CLOCK, DLMS, ROWS, SERIAL, VALUE, Profile, Register, full_name
from .raw import DLMS_KINDS, IEC_KINDS, MAX_ATTRIBUTE, VALUE_ATTRIBUTE, is_raw, parse_raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import Signal

MAX_ITEMS = 64
MAX_FIELD = 255


class UnknownName(ValueError):
    """No register, alias or raw form is called so."""


class Choice:
    """What feeds one signal: `register`, and of it `field` (from 1), `column` (an OBIS code) or `attribute`, or None.

    `signal` may be several times within one job; `register.name` is CLOCK or SERIAL for those two.
    """

    __slots__ = ("attribute", "column", "field", "register", "signal")

    def __init__(self, signal: Signal, register: Register) -> None:
        self.signal = signal
        self.register = register
        self.field = register.field
        self.column = ""
        self.attribute: int | None = None

    def __repr__(self) -> str:
        return f"Choice({self.signal.alias}: {self.register})"


def choose(profile: Profile, signal: Signal) -> Choice:
    """Raises: ValueError, why the signal cannot be read, naming the profile file where that is what must change."""
    job, tag = signal["job_todo"].strip(), signal["tag_job_todo"].strip()
    items = _items(profile, job)
    choice = _same_as_job(profile, signal, items) if tag == job else _picked(profile, signal, tag)
    register = choice.register
    if tag != job and register.name not in (CLOCK, SERIAL) and not _is_among(profile, register, items):
        raise ValueError(f'tag_job_todo: found "{tag}", allowed: one of the items of job_todo, "{job}"')
    return choice


def _same_as_job(profile: Profile, signal: Signal, items: list[str]) -> Choice:
    if len(items) != 1:
        raise ValueError(f'tag_job_todo: found "{signal["tag_job_todo"]}", allowed: one of its {len(items)} items')
    return _picked(profile, signal, items[0])


def _items(profile: Profile, job: str) -> list[str]:
    """The items of a job as they are written; an alias for several is opened."""
    whole = _opened(profile, job)
    texts = [job] if job in profile.entries else [part.strip() for part in whole.split(",")]
    texts = [item.strip() for text in texts for item in _opened(profile, text).split(",")]
    if len(texts) > MAX_ITEMS or not all(texts):
        raise ValueError(f'job_todo: found "{job}", allowed: at most {MAX_ITEMS} items with commas between')
    return texts


def _is_among(profile: Profile, register: Register, items: list[str]) -> bool:
    for item in items:
        try:
            known = find(profile, item.partition("#")[0].strip())
        except ValueError:
            continue  # a signal of its own that picks this item is told what is wrong with it
        if known.read == register.read:
            return True
    return False


def _picked(profile: Profile, signal: Signal, tag: str) -> Choice:
    """The item that a tag names, with its field or attribute."""
    tag = _opened(profile, tag)
    name, hash_mark, field = tag.rpartition("#")
    if hash_mark and tag not in profile.entries:
        return _with_field(Choice(signal, find(profile, name.strip())), field.strip())
    try:
        return Choice(signal, find(profile, tag))
    except ValueError as error:
        unknown = error
    name, colon, attribute = tag.rpartition(":")
    if colon and attribute.isascii() and attribute.isdigit() and not is_raw(tag):
        return _with_attribute(Choice(signal, find(profile, name.strip())), int(attribute))
    raise unknown


def _with_field(choice: Choice, field: str) -> Choice:
    if field.isascii() and field.isdigit() and 1 <= int(field) <= MAX_FIELD:
        choice.field = int(field)
    elif choice.register.kind == ROWS and full_name(field) is not None:
        choice.column = field
    else:
        allowed = f"1 to {MAX_FIELD}" + (", or the OBIS code of a column" if choice.register.kind == ROWS else "")
        raise ValueError(f'tag_job_todo: found field "{field}", allowed: {allowed}')
    return choice


def _with_attribute(choice: Choice, attribute: int) -> Choice:
    if choice.register.read.kind not in DLMS_KINDS or choice.register.kind != VALUE:
        raise ValueError(f"tag_job_todo: {choice.register.name} is no object with attributes")
    if not 1 <= attribute <= MAX_ATTRIBUTE:
        raise ValueError(f"tag_job_todo: found attribute {attribute}, allowed: 1 to {MAX_ATTRIBUTE}")
    choice.attribute = attribute
    return choice


def find(profile: Profile, name: str) -> Register:
    """The register that a name or raw form stands for. Raises: ValueError, naming the file to edit."""
    try:
        return _find(profile, name)
    except ValueError as error:
        raise type(error)(f"tag_job_todo: {error}") from None


def _find(profile: Profile, name: str) -> Register:
    name = _opened(profile, name)
    known = profile.register(name) or _special(profile, name)
    if known is None and is_raw(name):
        return _raw(profile, name)
    code = full_name(name) if known is None else None
    if code is not None:
        known = profile.by_code(code)
        if known is None and profile.unlisted == "ln":
            return _raw(profile, f"ln:{format_logical_name(code)}:{VALUE_ATTRIBUTE}")
        if known is None and profile.unlisted:
            return _raw(profile, f"{profile.unlisted}:{name}")
    if known is None:
        near = profile.nearest(name)
        raise UnknownName(
            f'found "{name}", which profile {profile.name} does not have, allowed: its registers and aliases; '
            + (f"nearest: {near}; or " if near else "")
            + f"add it to {profile.file}"
        )
    return known


def _opened(profile: Profile, name: str) -> str:
    """What an alias stands for; any other name as it is."""
    return name if name in profile.entries else profile.aliases.get(name, name)


def _special(profile: Profile, name: str) -> Register | None:
    """The clock and the serial number as items of their own."""
    part = profile.clock if name == CLOCK else profile.identity if name == SERIAL else None
    if part is None:
        return None
    # A clock in two parts stands under its time.
    register = Register(name, parse_raw(part.get("read") or part["time"]))
    register.infers_scaler = False
    register.type = "cosem-datetime" if name == CLOCK and profile.protocol == DLMS else ""
    return register


def _raw(profile: Profile, text: str) -> Register:
    raw = parse_raw(text)
    kinds = DLMS_KINDS if profile.protocol == DLMS else IEC_KINDS
    if raw.kind not in kinds:
        allowed = ", ".join(f"{kind}:…" for kind in kinds)
        raise ValueError(f'found "{text}", allowed with profile {profile.name}: {allowed}')
    for register in profile.registers():
        if register.read == raw:
            return register
    return Register(str(raw), raw)
