"""Whose answer it is: what a meter says of itself, held against the number that it was called by.

On a shared line a late answer, or a meter that answers to any call, would be published under another's name. A list
tells the number as 0.0.0 (device address) and its neighbours 0.0.1 to 0.0.9, as C.1.0 (IEC 62056-61 C.1.x, meter number
at the manufacturer), C.90.1 (bus address) or 0-0:96.1.x; some identifications are nothing but the number.

Only a positive mismatch counts: one number of the same shape, and none that is right. Leading zeros and blanks do not
count. Where the address on the bus and the number are two things, as 3 and 12345678 are, their shapes tell.
"""

from __future__ import annotations

from ...errors import WrongMeter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._readout_block import DataSet

QUESTION = "0.0.0"
PLACES = frozenset(
    [f"0.0.{number}" for number in range(10)]
    + [f"C.1.{number}" for number in range(10)]
    + [f"96.1.{number}" for number in range(10)]
    + ["0.0", "C.1", "C.90.1"]
)
LEAST_NUMBER = 6  # digits by which the end of a longer number is known
MOST_APART = 2  # digits by which the lengths of two numbers of one kind differ


def numbers_told(data_sets: Iterable[DataSet], identification: bytes) -> list[str]:
    """What a meter says of itself, as it prints it."""
    found = [value for _, address, index, value, _ in data_sets if address and not index and plain(address) in PLACES]
    model = identification[5:].decode("latin-1")
    if model.isdigit() and len(model) >= LEAST_NUMBER:
        found.append(model)
    return [value for value in found if value.strip(" 0")]


def plain(address: str) -> str:
    """An address without medium, channel and the F of all values: `1-0:1.8.0*255` is 1.8.0."""
    address = address.rpartition(":")[2].strip()
    return address.removesuffix("*255").removesuffix("&255")


def check(called: str, told: list[str]) -> None:
    """Raises: WrongMeter, with both numbers."""
    if not called.strip(" 0") or any(is_same(called, number) for number in told):
        return
    others = [number for number in told if has_shape_of(called, number)]
    if others:
        raise WrongMeter(
            f'the meter that answers calls itself "{others[0].strip()[:32]}", not {called} '
            "(identity_check 0 turns this comparison off)"
        )


def bare(number: str) -> str:
    return number.replace(" ", "").lstrip("0").upper()


def is_same(called: str, told: str) -> bool:
    """Whether both are one number; of a longer one with a maker's prefix, the end."""
    short, long = sorted((bare(called), bare(told)), key=len)
    return short == long or (len(short) >= LEAST_NUMBER and long.endswith(short))


def has_shape_of(called: str, told: str) -> bool:
    """Whether two numbers are of one kind, so that they can be held against each other."""
    first, second = called.replace(" ", ""), told.replace(" ", "")
    if first.isdigit() and second.isdigit():
        return len(first) == len(second) or abs(len(bare(first)) - len(bare(second))) <= MOST_APART
    return len(first) == len(second) and [one.isdigit() for one in first] == [one.isdigit() for one in second]
