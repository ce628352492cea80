"""What a profile file says of lists that do not say it themselves: which value is which, powers of ten, units.

`lists` are told apart by how many values they have. `codes` hold for any list of the meter, with codes of its own or
without; what the list tells comes first. What may stand in a file is in `profile_schema`.
"""

from __future__ import annotations

from ...errors import DecodeError
from ...profile_shape import named
from ..dlms.targets import parse_job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Content = dict[str, Any]
    Key = tuple[bytes, int]


class Profile:
    """A valid profile, merged. `name` of its file."""

    __slots__ = ("_codes", "_lists", "name")

    def __init__(self, content: Content) -> None:
        self.name: str = content["profile"]
        self._codes: dict[Key, tuple[int | None, str | None]] = {
            parse_job(code): (entry.get("scaler"), entry.get("unit")) for code, entry in named(content, "codes")
        }
        self._lists: dict[int, list[Key | None]] = {
            len(one["values"]): [None if code is None else parse_job(code) for code in one["values"]]
            for _, one in named(content, "lists")
        }

    def named(self, values: list[Any]) -> list[tuple[Key, Any]]:
        """Each value of a list that has no codes with what it is; those that the profile leaves out are not in it.

        Raises: DecodeError for a list that the profile has not.
        """
        keys = self._lists.get(len(values))
        if keys is None:
            known = ", ".join(map(str, sorted(self._lists))) or "none without codes"
            raise DecodeError(
                f"the list has {len(values)} values and no OBIS codes; profile {self.name} knows lists of: {known}"
            )
        return [(key, value) for key, value in zip(keys, values, strict=True) if key is not None]

    def known(self, key: Key, unit: str | None) -> tuple[int | None, str | None]:
        """Power of ten and unit of a value, of which the list tells no more than perhaps the unit."""
        scaler, own = self._codes.get(key, (None, None))
        return (scaler, unit or own)
