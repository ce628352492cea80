"""The known name that was most likely meant by one that is not known.

The problem: one slip in a workbook is copied over ten thousand rows, and each asks which of three thousand names it is
near to. So an answer is remembered, a search among many names looks only at those that share rare triples of letters
with what was written, and after MOST_SEARCHES slips in one list nobody is helped by further hints.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_LIKENESS = 0.6  # 1 is the same name
MOST_REMEMBERED = 512
MOST_SEARCHES = 200
RAREST = 4  # so many triples of the name are looked up
MOST_SHARING = 64  # names of each


class Names:
    """Many names, searched again and again."""

    __slots__ = ("_by_triple", "_names", "_remembered")

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.lower(): name for name in names}
        self._by_triple: dict[str, list[str]] = {}
        self._remembered: dict[str, str | None] = {}
        for name in self._names:
            for triple in _triples(name):
                self._by_triple.setdefault(triple, []).append(name)

    def nearest(self, name: str) -> str | None:
        asked = name.lower()
        if asked not in self._remembered:
            if len(self._remembered) >= MOST_SEARCHES:
                return None
            self._remembered[asked] = self._search(asked)
        return self._remembered[asked]

    def _search(self, asked: str) -> str | None:
        if asked in self._names:
            return self._names[asked]
        rare = sorted((self._by_triple.get(triple, []) for triple in _triples(asked)), key=len)
        candidates = {name for sharing in [each for each in rare if each][:RAREST] for name in sharing[:MOST_SHARING]}
        found = _closest(asked, candidates)
        return self._names[found] if found else None


def _triples(name: str) -> set[str]:
    padded = f"\0{name}\0"
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def _closest(asked: str, names: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # dear to import, and needed only to word an error

    found = get_close_matches(asked, sorted(names), 1, LEAST_LIKENESS)
    return found[0] if found else None


_remembered: dict[tuple[str, frozenset[str]], str | None] = {}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Among few names, such as the parameters of a table, if any is near."""
    among = frozenset(known)
    key = (name.lower(), among)
    if key not in _remembered:
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        by_lower = {each.lower(): each for each in among}
        found = _closest(key[0], by_lower)
        _remembered[key] = by_lower[found] if found else None
    return _remembered[key]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean {near}?" if near else ""
