"""Where the row of a device or signal stands, for what only its driver finds wrong with it.

The daemon reads its files without lines and forgets them; a driver complains rarely, and then they are read once more.
Assumption: where a driver's message begins with one word and a colon, `encryption_key: …`, that is the parameter which
it is about.
The dirt: a file that has changed since, or is gone, or was a pipe: then device, signal and parameter must do.
"""

from __future__ import annotations

from ..errors import ConfigError
from .rows import cell
from .source import ROWS, Source, part_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Device, Signal
    from ..ports.work import Work
    from .json_places import Steps


class Where:
    """The rows of configuration files, by alias, once they have been looked up."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], tuple[Source, Steps]] = {}

    def looking(self, sources: Iterable[str | Source]) -> Work[None]:
        """Look them up, in portions."""
        for given in sources:
            source = given if isinstance(given, Source) else Source(given, careful=True, read=False)
            if source is not given:
                yield from source.reading(careful=True)
            for part in ROWS:
                for number, row in enumerate(part_of(source, part)):
                    if isinstance(row, dict):
                        alias = cell(row, "signal_alias") if part == "signals" else ""
                        self._rows[cell(row, "device_alias"), alias] = (source, (part, number))
                    yield

    def error(self, message: str, device: Device, signal: Signal | None = None) -> ConfigError:
        """What a driver says of a device, or of a signal of it, with its place."""
        alias = signal.alias if signal is not None else ""
        parameter, colon, rest = message.partition(": ")
        if colon and parameter.isidentifier():
            message = rest
        else:
            parameter = ""
        source, steps = self._rows.get((device.alias, alias), (None, ()))
        if source is None:
            named = (("device", device.alias), ("signal", alias), ("parameter", parameter))
            return ConfigError(", ".join(f"{what} {name}" for what, name in named if name), message)
        place = source.row_words(steps, device.alias, alias, parameter)
        return source.located((*steps, parameter) if parameter else steps, place, message)
