"""Rows of an explanation, and the walk that accounts for each byte.

The problem: an explanation that skips a byte hides just what is wrong. So bytes are taken through `Walk` alone, a part
that is done with is closed, and what is left in it then is a row of its own.
Bounds: rows are handed on as they are made and not kept; a walk knows no more than its bytes.
"""

from __future__ import annotations

from ..ports.wire_log import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Words = str | Callable[[bytes], str]

FCS, BCC, SUM, CRC = "fcs", "bcc", "sum", "crc"
CHECKS = (FCS, BCC, SUM, CRC)
SECRET, SERIAL, PACKED, TITLE, TEXT = "secret", "serial", "packed", "title", "text"
SHOWN = 8  # bytes of a row that are shown in hex
MAX_DEPTH = 40


class CutShort(Exception):
    """The bytes end where more must come; the row that says so is written."""


class Row:
    """`size` bytes from `start` of the bytes called `space` ('' the wire), 0 for a heading; `wrong` where something is,
    `unexplained` where nobody knows what the bytes are. `kind` of those that redaction asks for: CHECKS over the bytes
    from `since` on, SECRET, SERIAL, PACKED (digits, the last two first), TITLE, TEXT.
    """

    __slots__ = (
        "depth", "kind", "octets", "shown", "since", "size", "space", "start", "unexplained", "words", "wrong",
    )  # fmt: skip

    def __init__(self, start: int, size: int, depth: int, words: str, wrong: bool, space: str, shown: str) -> None:
        self.start = start
        self.size = size
        self.depth = depth
        self.words = words
        self.wrong = wrong
        self.space = space
        self.shown = shown
        self.unexplained = False
        self.kind = ""
        self.since = 0
        self.octets = b""

    def text(self) -> str:
        mark = "!! " if self.wrong else ""
        return f"{self.space:>1}{self.start:04x}  {self.shown:<{3 * SHOWN}}  {'  ' * self.depth}{mark}{self.words}"


class Page:
    """Takes rows; `title` is the frame in a few words, for who wants one line of each."""

    def __init__(self, emit: Callable[[Row], object], secrets: tuple[bytes, ...] = ()) -> None:
        self._emit = emit
        self._secrets = [secret for secret in secrets if secret]
        self._spaces = 0
        self.titles: list[str] = []
        self.faults: list[str] = []

    def walk(self, data: bytes, masked: bytes = b"") -> Walk:
        hidden = hide(data, self._secrets)
        for at, one in enumerate(masked):
            hidden[at] |= one
        return Walk(self, data, 0, len(data), 0, "", hidden)

    def derived(self, data: bytes, depth: int) -> Walk:
        """A walk over bytes that stand nowhere on the wire as they are: joined, or deciphered."""
        self._spaces += 1
        name = chr(ord("a") + (self._spaces - 1) % 26)
        return Walk(self, data, 0, len(data), depth, name, hide(data, self._secrets))

    def title(self, words: str) -> None:
        self.titles.append(words)

    def put(self, row: Row) -> None:
        if row.wrong:
            self.faults.append(row.words)
        self._emit(row)


class Walk:
    """A stretch of bytes that is being explained."""

    __slots__ = ("at", "data", "depth", "end", "masked", "page", "space")

    def __init__(self, page: Page, data: bytes, at: int, end: int, depth: int, space: str, masked: bytearray) -> None:
        self.page = page
        self.data = data
        self.at = at
        self.end = end
        self.depth = depth
        self.space = space
        self.masked = masked

    @property
    def left(self) -> int:
        return self.end - self.at

    def look(self, size: int, skip: int = 0) -> bytes:
        """Bytes ahead, fewer at the end."""
        return self.data[min(self.at + skip, self.end) : min(self.at + skip + size, self.end)]

    def hidden(self, start: int, end: int) -> bool:
        """Whether a byte there is a secret, or was masked by who wrote the log."""
        return any(self.masked[start:end])

    def take(self, size: int, words: Words, wrong: bool = False, kind: str = "", since: int = 0) -> bytes:
        """The next bytes, told in `words`. Raises: CutShort."""
        taken = self.look(size)
        if len(taken) < size:
            told = words if isinstance(words, str) else "a field is cut off"
            self._row(len(taken), f"{told}: ends after {len(taken)} of {size} bytes", True)
            self.at = self.end
            raise CutShort
        hidden = self.hidden(self.at, self.at + size)
        told = words if isinstance(words, str) else "masked" if hidden else words(taken)
        if hidden:
            told += f", {size} bytes that are not shown"
        row = self._made(size, told, wrong)
        row.kind, row.since, row.octets = kind, since, taken
        self.page.put(row)
        self.at += size
        return taken

    def secret(self, size: int, words: str) -> bytes:
        """The next bytes, which nobody is to see. Raises: CutShort."""
        end = min(self.at + size, self.end)
        self.masked[self.at : end] = b"\1" * (end - self.at)
        return self.take(size, words, kind=SECRET)

    def number(self, size: int, words: str, order: str = "big") -> int:
        """The next bytes as a number, which stands for `{}` in `words`."""
        byteorder: str = order
        taken = self.take(size, lambda found: words.format(int.from_bytes(found, byteorder)))  # type: ignore[arg-type]
        return int.from_bytes(taken, byteorder)  # type: ignore[arg-type]

    def note(self, words: str, wrong: bool = False) -> None:
        """A heading, or a remark, at this place."""
        self._row(0, words, wrong)

    def unknown(self, size: int, words: str) -> None:
        """Bytes that nobody can say anything of."""
        row = self._made(size, words, True)
        row.unexplained = True
        self.page.put(row)
        self.at += size

    def part(self, size: int, heading: str, explain: Callable[[Walk], object]) -> Walk:
        """Have the next `size` bytes, or what there is of them, explained under a heading, all of them."""
        there = max(min(size, self.left), 0)
        if heading:
            self.note(heading)
        inner = Walk(
            self.page, self.data, self.at, self.at + there, self.depth + bool(heading), self.space, self.masked
        )
        self.at += there
        inner.whole(explain)
        if there < size:
            self.note(f"ends here: {size} bytes should come, {there} are there", True)
        return inner

    def whole(self, explain: Callable[[Walk], object]) -> None:
        """Explain what this walk has; what `explain` leaves is said to belong to nothing."""
        if self.depth > MAX_DEPTH:
            self.take(self.left, f"nested deeper than {MAX_DEPTH} levels: not followed", True)
            return
        try:
            explain(self)
        except CutShort:
            if self.left:
                self._row(self.left, "what follows cannot be told apart any more", True)
                self.at = self.end
            return
        if self.left:
            self.unknown(self.left, f"{self.left} bytes behind it that belong to nothing")

    def _made(self, size: int, words: str, wrong: bool) -> Row:
        stop = self.at + min(size, SHOWN)
        pairs = [
            "**" if masked else f"{byte:02x}"
            for byte, masked in zip(self.data[self.at : stop], self.masked[self.at : stop], strict=True)
        ]
        if size > SHOWN:
            pairs[-1] = "…"
        return Row(self.at, size, self.depth, words, wrong, self.space, " ".join(pairs))

    def _row(self, size: int, words: str, wrong: bool) -> None:
        self.page.put(self._made(size, words, wrong))
