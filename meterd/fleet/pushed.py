"""What a configuration that comes from afar may hold, and what it must not.

Only `devices` and `signals`: where readings go, which ports there are and what the service does stays with whoever
stands before the gateway, so nobody redirects readings or has files written from afar. No secrets: what goes through a
broker is seen by it, so keys and passwords lie in files on the gateway, which `<name>_file` names; those and profiles
are named without a folder above their own. All else is what `meterd check` says, of all files together, as they would
be in force.
"""

from __future__ import annotations

from ..config.files import load
from ..gateway.json_text import loads
from ..protocols import registry
from .signed import Refused
from .trial import MAX_CONFIGURATION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

PARTS = ("devices", "signals")
MOST_TOLD = 20


def check(text: str) -> bytes:
    """The file that it will be. Raises: Refused."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > MAX_CONFIGURATION:
        raise Refused(f"text: {len(data)} bytes, and {MAX_CONFIGURATION} are the most")
    try:
        content = loads(text)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Refused(f"text is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise Refused("text: allowed: an object with devices and signals")
    wrong = [f"{name}: is not set from afar; allowed: {', '.join(PARTS)}" for name in content if name not in PARTS]
    wrong += [complaint for part in PARTS for complaint in _of_rows(part, content.get(part, []))]
    if wrong:
        raise Refused("; ".join(wrong[:MOST_TOLD]))
    return data


def _of_rows(part: str, rows: Any) -> Iterator[str]:
    secrets = secret_names()
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        for name, value in row.items() if isinstance(row, dict) else ():
            place = f"{part}[{number}], parameter {name}"
            if name in secrets and value not in (None, ""):
                yield f"{place}: no secret is sent from afar; put it into a file on the gateway, and name {name}_file"
            elif (name.endswith("_file") or "profile" in name) and isinstance(value, str) and _leads_away(value):
                yield f"{place}: allowed: a file in the configuration's own folder or below it"


def _leads_away(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/")


def secret_names() -> set[str]:
    """Of all protocols that are installed, older names too."""
    found: set[str] = set()
    for package in filter(registry.is_installed, registry.PROGRAMS.values()):
        tables = registry.tables(package)
        for parameter in (*tables.DEVICE, *tables.SIGNAL):
            if parameter.secret:
                found.update((parameter.name, *parameter.aliases))
    return found


def try_out(paths: Sequence[str]) -> None:
    """What `meterd run` would say of all files together. Raises: Refused."""
    configuration = load(paths)
    if configuration.errors:
        told = [str(error) for error in configuration.errors]
        more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
        raise Refused("; ".join(told[:MOST_TOLD]) + more)
