"""The shape of profile files, whatever protocol's: a schema as data, held against a file's content.

Every fault is kept with the steps that lead to it, so that whoever read the file (`config/profiles.py`) can name the
line. Names that begin with `_` or `#` are left to whoever writes the file.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Content = dict[str, Any]
    Steps = tuple[str | int, ...]
    Fault = tuple[Steps, str]
    Check = Callable[[Any], Any]

MAX_TEXT = 1000
MAX_NAME = 128
MAX_NAMES = 2000
STATUSES = ("public", "same-family", "unverified", "none")


def is_comment(name: str) -> bool:
    """Names that begin so are left to whoever writes the file."""
    return name[:1] in ("_", "#")


def merged(below: Content, over: Content) -> Content:
    """`over` laid over `below`, key by key."""
    found = dict(below)
    for key, value in over.items():
        known = found.get(key)
        found[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return found


def without_null(content: Content, *parts: str) -> Content:
    """In these parts null takes a name away."""
    for part in parts:
        if isinstance(content.get(part), dict):
            content[part] = {key: value for key, value in content[part].items() if value is not None}
    return content


def named(content: Content, part: str) -> list[tuple[str, Any]]:
    """The named objects of a part, as far as they are objects."""
    found = content.get(part)
    if not isinstance(found, dict):
        return []
    return [(name, entry) for name, entry in found.items() if isinstance(entry, dict) and not is_comment(name)]


def shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f'"{value[:60]}"' if isinstance(value, str) else str(value)


def text(value: Any) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise ValueError(f"text of at most {MAX_TEXT} characters")


def flag(value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError("true or false")


def whole(low: int, high: int) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a whole number, {low} to {high}")

    return check


def one_of(*choices: Any) -> Check:
    def check(value: Any) -> None:
        if isinstance(value, bool) or value not in choices:
            raise ValueError("one of " + ", ".join(map(str, choices)))

    return check


class Or:
    """Null, or what `inner` says."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner


class Many:
    """A list of 1 to `most`, each with what `inner` says."""

    def __init__(self, inner: Any, most: int) -> None:
        self.inner = inner
        self.most = most


class Map:
    """Any names, at most MAX_NAMES, each with what `inner` says; `taken` are those that mean something already."""

    def __init__(self, inner: Any, taken: Callable[[str], bool] | None = None) -> None:
        self.inner = inner
        self.taken = taken


def hold(value: Any, schema: Any, steps: Steps, found: list[Fault]) -> None:
    """Hold a value against its part of the schema."""
    if isinstance(schema, Or):
        if value is not None:
            hold(value, schema.inner, steps, found)
    elif isinstance(schema, Many):
        if not isinstance(value, list) or not 0 < len(value) <= schema.most:
            found.append((steps, f"found {shown(value)}, allowed: a list of 1 to {schema.most}"))
            return
        for number, one in enumerate(value):
            hold(one, schema.inner, (*steps, number), found)
    elif isinstance(schema, (dict, Map)):
        if not isinstance(value, dict):
            found.append((steps, f"found {shown(value)}, allowed: an object"))
        elif isinstance(schema, Map):
            _hold_map(value, schema, steps, found)
        else:
            _hold_object(value, schema, steps, found)
    else:
        try:
            schema(value)
        except ValueError as error:
            found.append((steps, f"found {shown(value)}, allowed: {error}"))


def _hold_object(value: Content, schema: Content, steps: Steps, found: list[Fault]) -> None:
    for name, inner in value.items():
        if is_comment(name):
            continue
        if name in schema:
            hold(inner, schema[name], (*steps, name), found)
        else:
            found.append(((*steps, name), f"is not known here, allowed: {', '.join(schema)}"))


def _hold_map(value: Content, schema: Map, steps: Steps, found: list[Fault]) -> None:
    if len(value) > MAX_NAMES:
        found.append((steps, f"has {len(value)} names, allowed: at most {MAX_NAMES}"))
        return
    for name, entry in value.items():
        if is_comment(name):
            continue
        if not name.strip() or len(name) > MAX_NAME or name != name.strip():
            found.append(((*steps, name), f"allowed: a name of at most {MAX_NAME} characters, without outer blanks"))
        elif schema.taken is not None and schema.taken(name):
            found.append(((*steps, name), "is a name with a meaning of its own, allowed: another one"))
        hold(entry, schema.inner, (*steps, name), found)
