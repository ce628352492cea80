"""What a scan says of a meter whose lists do not tell which value is which: the profiles that know such lists."""

from __future__ import annotations

from ..config.profiles import Profiles, known_names
from ..protocols import registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def told(package: str, profile: dict[str, Any]) -> str:
    """In words, of a profile that is still to be filled in: its one list is what came."""
    [count] = {len(one["values"]) for one in profile["lists"].values()}
    known = [name for name in known_names(package) if count in _counts(package, name)]
    head = f"its list has {count} values and no OBIS codes, so nothing can be read yet;"
    if known:
        return (
            f"{head} profiles that know lists of {count}: {', '.join(known)}; if it is such a meter, scan it again as "
            f"{registry.program(package)} with profile={known[0]}"
        )
    return (
        f"{head} no profile here knows lists of {count}: scan it again as {registry.program(package)} with --profile "
        "FILE, which writes one to be filled in"
    )


def _counts(package: str, name: str) -> set[int]:
    content = Profiles().load(package, name) or {}
    lists = content.get("lists") or {}
    return {len(one["values"]) for one in lists.values() if isinstance(one, dict) and "values" in one}
