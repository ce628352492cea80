"""Invocation counters on record: one small file for each (system title, key), and an index of those that are known.

`<name>.counter` holds the first number that was never reserved and those above it that were tried; `name` is made of
title and key (`protocols/dlms/security/counting.py`), so a device keeps its counter whatever it is called. The content
carries a check: a file that is cut, overwritten, mixed up or from another name is damaged, and never a smaller number.

`counters.index` begins with `floor N`, the highest counter that any state folder of older versions held when this one
was taken over: no new counter begins below it, since those kept them by the device's alias. The names follow, one a
line: a counter that is named here and has no file is lost.

What is lost, damaged or not readable is trouble (reason `key`), and never 0. An index or a folder that is not there at
all is a first start, which cannot be told from a folder that was emptied: a first start begins at a random number.
"""

from __future__ import annotations

from binascii import crc32
from posix import R_OK, X_OK, access, fsync, stat, urandom

from ..counter import LAST, MOST_TRIED, SPREAD, Counter
from ..errors import SecurityError
from ..gateway.json_text import dumps, loads
from ..paths import files_of, join, read_up_to

INDEX = "counters.index"
MAX_COUNTER_BYTES = 4096
MAX_INDEX_BYTES = 1 << 20
MAX_STATE_BYTES = 4 * 1024 * 1024
GO_ON = (
    "beginning at 0 would repeat numbers under the key. To go on: set invocation_counter_obis, and the meter is asked "
    "for its count, or state a number that was never used: meterd counter -c FILE DEVICE --set NUMBER"
)

WRITABLE = "make room on the disk, or make it writable"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    class Folder(Protocol):
        """The state folder, as far as counters need it (`state.StateFolder`)."""

        path: str
        generation: int

        def file(self, name: str) -> str: ...
        def own(self) -> str: ...
        def put(self, name: str, data: bytes) -> str: ...


class Damaged(Exception):
    """It is not known what was used, or nothing can be recorded: a sentence about it, and `advice`."""

    def __init__(self, message: str, advice: str = GO_ON) -> None:
        super().__init__(f"{message}: {advice}")


class KeptCounters:
    """The counters in `folder`; `old_folders` are looked into when a counter begins here."""

    def __init__(self, folder: Folder, old_folders: Sequence[str] = ()) -> None:
        self.folder = folder
        # What this user cannot look into was not written by this user's commands either.
        self.old_folders = [path for path in old_folders if path != folder.path and access(path, R_OK | X_OK)]
        self._known: dict[str, Counter] = {}
        self._generation = 0
        self._seen: tuple[int, set[str]] | None = None  # the index, which is ours alone
        self._bad: tuple[str, tuple[float, int], str] | None = None  # what kept the folder from being taken over

    def counter(self, name: str) -> Counter:
        """The counter of that name, the same for everybody; `trouble` says why nothing can be spent of it."""
        known = self._known.get(name)
        if known is not None and known.trial is not None:
            return known
        trouble = self.folder.own()
        if known is None or known.trouble or trouble or self._generation != self.folder.generation:
            found = self._troubled(name, trouble) if trouble else self._load(name)
            if known is None:
                known = self._known[name] = found
            else:
                known.adopt(found)
        return known

    def state(self, name: str, number: int) -> str:
        """Begin a counter at a number that the user states, in place of one that is lost; '' or why not.

        One that is known never goes down.
        """
        known = self.counter(name)
        if known.next > number and not known.trouble:
            return f"{known.place}: the next invocation counter is {known.next} already, and it never goes down"
        try:
            self._keep(name, number, ())
        except SecurityError as error:
            return str(error)
        known.adopt(self._load(name))
        return ""

    def look(self, name: str) -> str:
        """What is on record, in words; nothing is taken, made or changed for it."""
        place = self.folder.file(f"{name}.counter")
        try:
            found = _read(place, name)
        except Damaged as error:
            return str(error)
        if found is None:
            return f"{place}: nothing is on record yet"
        if found[0] is None:
            return f"{place}: the invocation counter was lost: {GO_ON}"
        return f"{place}: all invocation counters below {found[0]} may have been used"

    # ---- reading

    def _load(self, name: str) -> Counter:
        self._remember_generation()
        place = self.folder.file(f"{name}.counter")
        try:
            found = _read(place, name)
            if found is None:
                return self._begin(name, place)
        except Damaged as error:
            return self._troubled(name, str(error))
        reserved, tried = found
        self._note(name)
        if reserved is None:
            return self._troubled(name, f"{place}: the invocation counter was lost: {GO_ON}", tried)
        return Counter(reserved, self._keeper(name), place, tried, settled=reserved > 0)

    def _remember_generation(self) -> None:
        """What other counters have in memory may not hold in a folder that was taken anew: they are read anew too."""
        if self._generation != self.folder.generation:
            for known in self._known.values():
                known.trouble = known.trouble or "the state folder was exchanged"
            self._generation = self.folder.generation
            self._seen = None

    def _troubled(self, name: str, trouble: str, tried: tuple[int, ...] = ()) -> Counter:
        place = self.folder.file(f"{name}.counter")
        return Counter(0, self._keeper(name), place, tried, trouble=trouble, spread=_spread())

    def _begin(self, name: str, place: str) -> Counter:
        """A counter that has no file: new, or lost. Raises: Damaged."""
        index = self._index()
        if index is None:
            floor = self._take_over()
        else:
            floor, names = index
            if name in names:
                raise Damaged(f"{place} is missing, which held the invocation counter")
        return Counter(max(floor, self._elsewhere(name)), self._keeper(name), place, spread=_spread())

    def _index(self) -> tuple[int, set[str]] | None:
        """The floor and the names; None where there is no index yet. Raises: Damaged."""
        if self._seen is not None:
            return self._seen
        path = self.folder.file(INDEX)
        try:
            text = read_up_to(path, MAX_INDEX_BYTES).decode("ascii", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Damaged(f"{path}, which tells new counters from lost ones: {error.strerror}") from None
        *lines, _ = text.split("\n")  # a last line that has no end was never written whole
        first = lines[0].split(" ") if lines else []
        if len(first) != 3 or first[0] != "floor" or not first[1].isdigit() or first[2] != _check(first[1]):
            raise Damaged(f"{path}, which tells new counters from lost ones, is damaged")
        self._seen = int(first[1]), set(lines[1:])
        return self._seen

    def _take_over(self) -> int:
        """The highest counter of any older state folder, put on record before anything begins. Raises: Damaged."""
        if self._bad is not None and _signature(self._bad[0]) == self._bad[1]:
            raise Damaged(self._bad[2])
        floor = 0
        for folder in (self.folder.path, *self.old_folders):
            for path in files_of(folder, ".state"):
                try:
                    floor = max(floor, _older_counter(path))
                except Damaged as error:
                    self._bad = (path, _signature(path), str(error))
                    raise
        cause = self.folder.put(INDEX, f"floor {floor} {_check(str(floor))}\n".encode())
        if cause:
            raise Damaged(f"{self.folder.file(INDEX)} cannot be written ({cause})", WRITABLE)
        return floor

    def _elsewhere(self, name: str) -> int:
        """What other folders of this form have on record under the name. Raises: Damaged."""
        highest = 0
        for folder in self.old_folders:
            found = _read(join(folder, f"{name}.counter"), name)
            if found is not None:
                if found[0] is None:
                    raise Damaged(f"{join(folder, name)}.counter: the invocation counter was lost")
                highest = max(highest, found[0], *(number + 1 for number in found[1]))
        return highest

    # ---- writing

    def _keeper(self, name: str):  # type: ignore[no-untyped-def]
        return lambda reserved, tried: self._keep(name, reserved, tried)

    def _keep(self, name: str, reserved: int | None, tried: tuple[int, ...]) -> None:
        """Raises: SecurityError where it is not on the disk for certain."""
        place = self.folder.file(f"{name}.counter")
        trouble = self.folder.own()
        if not trouble and self.folder.generation != self._generation:
            self._remember_generation()
            trouble = f"the folder {self.folder.path} was exchanged: its invocation counters are read anew"
        if trouble:
            raise SecurityError(f"no invocation counter is used that is not on record: {trouble}")
        content = {"name": name, "counter": reserved, "tried": list(tried), "check": _check(name, reserved, tried)}
        cause = self.folder.put(f"{name}.counter", dumps(content).encode())
        if cause:
            raise SecurityError(
                f"{place}: the invocation counter cannot be kept ({cause}), and none is used that is not on record: "
                f"{WRITABLE}"
            )
        self._note(name)

    def _note(self, name: str) -> None:
        """Have the index know the name. Where that fails it is tried again with the next number that is kept."""
        try:
            index = self._index()
        except Damaged:
            return
        if index is None or name in index[1]:
            return
        try:
            with open(self.folder.file(INDEX), "ab") as file:
                file.write(f"{name}\n".encode())
                file.flush()
                fsync(file.fileno())
        except OSError:
            return
        index[1].add(name)


def _spread() -> int:
    return int.from_bytes(urandom(4), "big") % SPREAD + 1


def _read(path: str, name: str) -> tuple[int | None, tuple[int, ...]] | None:
    """What is reserved and tried; None where there is no such file. Raises: Damaged."""
    try:
        data = read_up_to(path, MAX_COUNTER_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        if isinstance(error, NotADirectoryError):
            return None
        raise Damaged(f"{path}, which holds the invocation counter, cannot be read: {error.strerror}") from None
    content = _parsed(data)
    reserved, tried = content.get("counter"), content.get("tried")
    sound = (
        content.get("name") == name
        and (reserved is None or _is_number(reserved))
        and isinstance(tried, list)
        and len(tried) <= 2 * MOST_TRIED
        and all(_is_number(number) for number in tried)
        and content.get("check") == _check(name, reserved, tuple(tried))
    )
    if not sound:
        raise Damaged(f"{path}, which holds the invocation counter, is damaged")
    return reserved, tuple(tried or ())


def _older_counter(path: str) -> int:
    """The counter that an older version kept by the device's alias; 0 where the device had none. Raises: Damaged."""
    try:
        data = read_up_to(path, MAX_STATE_BYTES)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise Damaged(f"{path}, which may hold an invocation counter, cannot be read: {error.strerror}") from None
    content = _parsed(data)
    if not content and data.strip() != b"{}":
        raise Damaged(f"{path}, which may hold an invocation counter, is damaged")
    number = content.get("counter", 0)
    if not _is_number(number):
        raise Damaged(f"{path} holds an invocation counter that cannot be one")
    return int(number)


def _parsed(data: bytes) -> dict[str, Any]:
    """A JSON object, or an empty one for whatever else it is."""
    try:
        content = loads(data)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return {}  # ujson raises each of these, depending on where the damage is
    return content if isinstance(content, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LAST + 1


def _check(*parts: object) -> str:
    return f"{crc32(repr(parts).encode()):08x}"


def _signature(path: str) -> tuple[float, int]:
    try:
        found = stat(path)
    except OSError:
        return (0.0, 0)
    return (found.st_mtime, found.st_size)
