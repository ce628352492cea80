"""What the signals of a device ask for: attributes of objects, and columns of profile buffers."""

from __future__ import annotations

from ...errors import ConfigError, module_for
from ...obis import format_logical_name, parse_logical_name
from ._registers import Wanted
from .enumerations import PROFILE_GENERIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from ...model import Signal

VALUE_ATTRIBUTE = 2
CLOCK_NAME = b"\x00\x00\x01\x00\x00\xff"
MAX_ATTRIBUTE = 255


class Target(Wanted):
    """One attribute to read and the signals that it feeds; `class_id` and `short_name` 0 where nothing is configured.

    Once the meter's objects are known, `item` (a `reader.Item`) is how to read it and `scaler` the power of ten and the
    unit of its value. With both it goes straight into a request; a profile never has a scaler.
    """

    __slots__ = ("attribute", "class_id", "item", "logical_name", "short_name")

    def __init__(self, logical_name: bytes, attribute: int, class_id: int, short_name: int) -> None:
        self.logical_name = logical_name
        self.attribute = attribute
        self.class_id = class_id
        self.short_name = short_name
        self.signals = ()
        self.item: Any = None

    def __str__(self) -> str:
        place = f" at short name 0x{self.short_name:04X}" if self.short_name else ""
        return f"{format_logical_name(self.logical_name)}:{self.attribute}{place}"


def parse_job(text: str) -> tuple[bytes, int]:
    """Logical name and attribute of an `obis_job`: `1.0.1.8.0.255`, `1.0.1.8.0.255:3`, `1-0:1.8.0*255:3`.

    Raises: ValueError.
    """
    name, colon, index = text.strip().rpartition(":")
    # The colon of 1-0:1.8.0 belongs to the code, that before a bare number to the attribute.
    if not colon or not (index.isascii() and index.isdigit()):
        return (parse_logical_name(text), VALUE_ATTRIBUTE)
    attribute = int(index)
    if not 1 <= attribute <= MAX_ATTRIBUTE:
        raise ValueError(f"{text!r}: an attribute index lies within 1 to {MAX_ATTRIBUTE}")
    return (parse_logical_name(name), attribute)


def parse_column(text: str) -> tuple[bytes, int] | int:
    """A column by its object and attribute, or by its number from 1. Raises: ValueError."""
    if text.strip().isdigit():
        number = int(text)
        if not number:
            raise ValueError("columns are counted from 1")
        return number
    return parse_job(text)


def profile_reader(module: str, what: str) -> ModuleType:
    """One of the modules that read load profiles. Raises: ConfigError, in words about `what`, without them."""
    return module_for(what, f"{__package__}.{module}", "meterd-profiles")


def collect(signals: list[Signal]) -> tuple[list[Target], list[tuple[Signal, str]]]:
    """The targets of `signals`, each once, and the signals that cannot be read as configured, with the reason."""
    targets: dict[tuple[bytes, int, int], Target] = {}
    refused: list[tuple[Signal, str]] = []
    for signal in signals:
        try:
            _add(targets, signal)
        except (ConfigError, ValueError) as error:
            refused.append((signal, str(error)))
    # The meter's own clock comes last, so that nothing lies between its answer and what is made of it.
    return (sorted(targets.values(), key=lambda target: target.logical_name == CLOCK_NAME), refused)


def _add(targets: dict[tuple[bytes, int, int], Target], signal: Signal) -> None:
    """Raises: ValueError, which names the parameter; ConfigError, what is not installed."""
    parameters = signal.parameters
    parameter = "obis_job"
    try:
        logical_name, attribute = parse_job(parameters[parameter])
        class_id = parameters["class_id"] or 0
        parameter = "column"
        if parameters[parameter]:
            parse_column(parameters[parameter])
            class_id = class_id or PROFILE_GENERIC
        if class_id == PROFILE_GENERIC and attribute == VALUE_ATTRIBUTE:
            profile_reader("profile_rows", "a load profile")
    except ValueError as error:
        raise ValueError(f"{parameter}: {error}") from None
    short_name = parameters["short_name"]
    key = (logical_name, attribute, short_name)
    target = targets.get(key)
    if target is None:
        target = targets[key] = Target(logical_name, attribute, class_id, short_name)
        target.signals = (signal,)
    if target.class_id and class_id and target.class_id != class_id:
        raise ValueError(f"class_id: found {class_id}, but {target} is of class {target.class_id} by another signal")
    target.class_id = target.class_id or class_id
    if target.signals[0] is not signal:
        target.signals = (*target.signals, signal)
