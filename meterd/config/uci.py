"""OpenWrt's UCI files as configuration: read here, so that no shell has to turn them into something else.

The grammar is libuci's (its file.c): statements `config TYPE [NAME]`, `option NAME VALUE`, `list NAME VALUE`, `package
NAME`, one a line; words apart by blanks, quoted by ' or ", joined where quotes touch; `\\` takes away the meaning of
what follows, but not between single quotes; `#` begins a comment outside of quotes, `;` ends a statement. No two
sections have one name, of whatever kind they are: OpenWrt's tools would not touch such a file. libuci, told to be
lenient as OpenWrt's scripts do, drops a statement with a slip without a word, or all that follows a quote left open.
Here a slip is one sentence with its line, and nothing of the file is used. Stricter than libuci on purpose: a value
ends in its line, for no parameter of meterd has more than one and a forgotten quote would swallow what follows; names
that are given twice are not merged; what stands behind `;`, which libuci drops, is a slip.

Sections `device` and `signal` become the rows of the two lists, option for option, a section's own name standing for
the alias and name it does not give; `port` the ports, `publish` the sinks, `meterd` what is the service's own.

A thousand signals repeat the same few words, so what stands before a value is looked at once and remembered.
"""

from __future__ import annotations

from ..ports.work import at_once
from .validation import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..ports.work import Work
    from .json_places import Steps
    from .validation import Row

ROWS = {"device": "devices", "signal": "signals"}
# What a row has of its section's name where it gives none itself.
NAMED = {"device": ("device_alias", "name"), "signal": ("signal_alias", "signal_name")}
SECTIONS = ("meterd", "port", "device", "signal", "publish")
# `config publish 'general'` holds what is no sink's own; so does `main`, where the service's own section is not that.
GENERAL = ("general", "main")
_COMMANDS = {"package": (1, 1), "config": (1, 2), "option": (1, 2), "list": (1, 2)}
_BLANKS = " \t\r\v\f"
_SPECIAL = "'\"\\#;"
_QUOTES = "'\";"  # no command begins with one
PORTION = 10  # lines that are read in one go
_MAX_HEADS = 256  # of a sound file: as many as there are options


class Uci:
    """What a UCI file says, in the shape of the JSON files: `content`; `main`, the options of its meterd section.

    `faults` are (steps to the place, words for it, message): sections that cannot be meant. `doubled`: an option is
    given twice in a section. With `places` known, `line`
    and `twice` are as of `json_places.Careful`. Raises: ValueError with (line, message) on a slip in the grammar.
    """

    def __init__(self, text: str = "", places: bool = False) -> None:
        self.content: dict[str, Any] = {"devices": [], "signals": [], "ports": {}, "publish": {}}
        self.main: Row = {}
        self.faults: list[tuple[Steps, str, str]] = []
        self.twice: list[Steps] = []
        self.doubled = False
        self._unsaid: tuple[str, ...] = ()  # options that the section's name stands for where it gives none
        self._name = ""
        self._lines: dict[Steps, int] | None = {} if places else None
        self._row: Row = {}
        self._is_inside = False  # of a section
        self._place: Steps = ()
        self._names: dict[str, str] = {}
        if text:
            at_once(self.take(text))

    def take(self, text: str) -> Work[None]:
        """Read a file's text, in portions."""
        yield from self._read(text)
        for option in self._unsaid:
            self._row.setdefault(option, self._name)
        for name, node in self.content["ports"].items():
            self.content["ports"][name] = self._port(name, node)

    def line(self, steps: Steps) -> int:
        """The line of a section or option; where it is missing, that of what it is missing from."""
        lines = self._lines or {}
        while steps and steps not in lines:
            steps = steps[:-1]
        return lines.get(steps, 1)

    def _read(self, text: str) -> Work[None]:
        if "\0" in text:
            raise ValueError(text.count("\n", 0, text.index("\0")) + 1, "holds a zero octet: it is no text")
        if self._lines is None:
            pieces = ("\n" + text).split("'")
            heads = _heads(pieces)
            if heads:
                yield from self._quickly(pieces, heads)
                return
        known: dict[str, tuple[str, str] | None] = {}
        lines = text.split("\n")
        for start in range(0, len(lines), PORTION):
            if start:
                yield
            self._lines_from(start, lines[start : start + PORTION], known)

    def _quickly(self, pieces: list[str], heads: dict[str, tuple[str, str]]) -> Work[None]:
        """A text of nothing but statements whose last word alone is quoted, as uci writes it."""
        at = 0
        options = {head: name for head, (command, name) in heads.items() if command == "option"}
        try:
            for start in range(0, len(pieces) - 1, 2 * PORTION):
                if start:
                    yield
                row = self._row
                for at in range(start, min(start + 2 * PORTION, len(pieces) - 1), 2):
                    head, value = pieces[at], pieces[at + 1]
                    option = options.get(head)
                    if option is not None and value and option not in row:
                        row[option] = value
                        continue
                    command, name = heads[head]
                    if command == "config":
                        self._section(name, value, 0)
                        row = self._row
                    else:
                        self._option(command, name, value, 0)
        except ValueError as error:
            raise ValueError("'".join(pieces[: at + 1]).count("\n"), error.args[1]) from None

    def _lines_from(self, start: int, lines: list[str], known: dict[str, tuple[str, str] | None]) -> None:
        fast, row = self._lines is None, self._row
        for number, line in enumerate(lines, start + 1):
            head, _, rest = line.partition("'")
            if head in known:
                found = known[head]
            else:
                found = _head(head)
                if len(known) < _MAX_HEADS:
                    known[head] = found
            if found is None or rest.find("'") != len(rest) - 1 or not rest:
                words = _words_of(line, number)
                if words:
                    self._statement(words, number)
                row = self._row
                continue
            command, name = found
            if command == "config":
                self._section(name, rest[:-1], number)
                row = self._row
            elif command == "option" and fast and row and name not in row and rest != "'":
                row[name] = rest[:-1]
            else:
                self._option(command, name, rest[:-1], number)

    def _statement(self, words: list[str], number: int) -> None:
        command = words[0]
        if command not in _COMMANDS:
            raise ValueError(
                number,
                f'begins with "{_short(command)}", allowed: {", ".join(_COMMANDS)}{did_you_mean(command, _COMMANDS)}',
            )
        least, most = _COMMANDS[command]
        if not least <= len(words) - 1 <= most:
            more = f"holds more than {command} takes: is a quote missing?"
            raise ValueError(number, more if len(words) - 1 > most else f"{command} without a name")
        name = words[1]
        if command == "config":
            self._section(name, words[2] if len(words) > 2 else "", number)
        elif not _is_name(name, "-" if command == "package" else "_"):
            raise ValueError(number, f'"{_short(name)}" is no name: letters, digits and _')
        elif command != "package":
            self._option(command, name, words[2] if len(words) > 2 else "", number)

    def _section(self, kind: str, name: str, number: int) -> None:
        if kind not in SECTIONS and (not kind or not all("!" <= each <= "~" for each in kind)):
            raise ValueError(number, f'"{_short(kind)}" is no kind of section')
        if name and not ((name.isalnum() or name.replace("_", "0").isalnum()) and name.isascii()):
            raise ValueError(number, f'"{_short(name)}" is no name of a section: letters, digits and _')
        # A name is one section's; where a section of the same kind has it, that is said otherwise.
        if name and self._names.setdefault(name, kind) != kind:
            taken = f"has the name of section {self._names[name]} {name}"
            raise ValueError(number, f"section {kind} {name} {taken}: uci wants each name once, whatever the kind")
        content = self.content
        # The section that ends here has its own name for what it did not say.
        for option in self._unsaid:
            self._row.setdefault(option, self._name)
        row: Row = {}
        self._row, self._name, self._is_inside = row, name, True
        self._unsaid = NAMED.get(kind, ()) if name else ()
        if kind in ROWS:
            rows = content[ROWS[kind]]
            self._place = (ROWS[kind], len(rows))
            rows.append(row)
        elif kind == "meterd":
            self._place = ("meterd",)
            self._once(not self.main, "meterd", number)
            self.main = row
        elif kind in ("port", "publish"):
            self._place = (kind if kind == "publish" else "ports", name)
            self._named(kind, name, row, number)
        else:
            self._place = (kind, name)
            known = did_you_mean(kind, SECTIONS)
            self._fault(f"section {kind} {name}".rstrip(), f"is not known here{known}", number)
        if self._lines is not None:
            self._lines.setdefault(self._place, number)

    def _named(self, kind: str, name: str, row: Row, number: int) -> None:
        """A section of which there are several, told apart by their names."""
        if kind == "publish" and name in GENERAL:
            self._place = ("publish",)
            self._row = self.content["publish"]
            return
        if not name:
            self._fault(f"section {kind}", "is missing its name: " + f"config {kind} 'NAME'", number)
        part = self.content["publish" if kind == "publish" else "ports"]
        self._once(name not in part, f"{kind} {name}", number)
        part[name] = row

    def _once(self, first: bool, what: str, number: int) -> None:
        if not first:
            self._fault(f"section {what}", "is given twice", number)

    def _fault(self, place: str, message: str, number: int) -> None:
        if self._lines is not None:
            self._lines[self._place] = number
        self.faults.append((self._place, place, message))

    def _option(self, command: str, name: str, value: str, number: int) -> None:
        row = self._row
        if not self._is_inside:
            raise ValueError(number, f"{command} {name} stands before the first section")
        if not value:
            return  # as libuci has it: no value is no option
        if self._lines is not None:
            self._note((*self._place, name), command, number)
        if command == "option":
            self.doubled = self.doubled or name in row
            row[name] = value
        else:
            before = row.get(name)
            row[name] = [*before, value] if isinstance(before, list) else [value]

    def _note(self, steps: Steps, command: str, number: int) -> None:
        lines = self._lines
        assert lines is not None
        if steps in lines and command == "option":
            self.twice.append(steps)
        lines[steps] = number

    def _port(self, name: str, row: Any) -> Any:
        """A port's node; whatever else its section holds is a fault."""
        self._place = ("ports", name)
        for option in row:
            if option != "node":
                self.faults.append(
                    ((*self._place, option), f"section port {name}, option {option}", "is not known here: node is")
                )
        return row.get("node", "")


def _heads(pieces: list[str]) -> dict[str, tuple[str, str]]:
    """(command, name) of all that stands before a quoted word; none of them where anything else is in the text."""
    heads: dict[str, tuple[str, str]] = {}
    for head in set(pieces[:-1:2]):
        before, end, last = head.rpartition("\n")
        found = _head(last)
        if found is None or not end or before.strip(_BLANKS + "\n") or len(heads) >= _MAX_HEADS:
            return {}
        heads[head] = found
    whole = heads and heads[pieces[0]][0] == "config" and len(pieces) % 2 and not pieces[-1].strip(_BLANKS + "\n")
    return heads if whole and "\n" not in "".join(pieces[1::2]) else {}


def _head(head: str) -> tuple[str, str] | None:
    """(command, first word) of what stands before a quoted second word, None where it is something else."""
    words = head.split()
    if len(words) != 2 or words[0] not in ("config", "option", "list") or head[-1:] not in _BLANKS:
        return None
    return (words[0], words[1]) if _is_name(words[1]) else None


def _words_of(line: str, number: int) -> list[str]:
    """The words of a line; one without quotes and the like needs no second look."""
    if not line or line.isspace():
        return []
    if not any(each in line for each in _SPECIAL) and line.replace("\t", " ").isprintable():
        return line.split()
    return statement(line, number)


def _is_name(name: str, further: str = "_") -> bool:
    return name.isascii() and name.replace("_", "0").replace(further, "0").isalnum()


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:30] + "…"


def statement(line: str, number: int) -> list[str]:
    """The words of a line's statement. Raises: ValueError with (line, message)."""
    words: list[str] = []
    at = 0
    while at < len(line) and line[at] != "#":
        if line[at] in _BLANKS:
            at += 1
        elif not words and line[at] in _QUOTES:
            raise ValueError(number, f"begins with {line[at]}, allowed: {', '.join(_COMMANDS)}")
        elif line[at] == ";":
            if line[at + 1 :].strip() and not line[at + 1 :].lstrip().startswith("#"):
                raise ValueError(number, "holds more behind ;, which uci drops: a line is one statement")
            break
        else:
            word, at = _word(line, at, number)
            words.append(word)
    return words


def _word(line: str, at: int, number: int) -> tuple[str, int]:
    """One word, its quotes taken away, and where it ends."""
    parts: list[str] = []
    while at < len(line) and line[at] not in _BLANKS and line[at] not in "#;":
        if line[at] in "'\"":
            text, at = _quoted(line, at, number)
            parts.append(text)
        elif line[at] == "\\":
            parts.append(_escaped(line, at, number))
            at += 2
        else:
            parts.append(line[at])
            at += 1
    return "".join(parts), at


def _quoted(line: str, start: int, number: int) -> tuple[str, int]:
    """What stands between the quote at `start` and the next, and where that ends."""
    quote, at = line[start], start + 1
    parts: list[str] = []
    while at < len(line) and line[at] != quote:
        if quote == '"' and line[at] == "\\":
            parts.append(_escaped(line, at, number))
            at += 1
        else:
            parts.append(line[at])
        at += 1
    if at >= len(line):
        raise ValueError(number, f"the quote {quote} in column {start + 1} is not closed in its line")
    return "".join(parts), at + 1


def _escaped(line: str, at: int, number: int) -> str:
    if at + 1 >= len(line.rstrip("\r")):
        raise ValueError(number, "ends in \\: a value ends in its line")
    return line[at + 1]
