"""What looks for meters on a port: attempts, tried one after the other, and what each has seen.

The problem: a meter answers only whoever calls it in its own protocol, at its own speed, by its own address, so an
unknown one is called in one way after the other. Each protocol's `sightings.attempts(place)` lists its ways, the
likelier with the lower rank; `meterd scan` tries those of all protocols, `meterd doctor` those around what is
configured.
Assumptions: one attempt sends the least that a meter must answer, ends what it opened, and returns within its seconds.
What is seen is told as parameters of the Devices table, so that it can be pasted.
"""

from __future__ import annotations

from .conversation import Report
from .names.makers import Plate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .conversation import Conversation
    from .model import Device, Reading

    Talk = Callable[[Callable[[str], None]], Conversation]

# Ranks: what most meters answer to; what fewer do; what takes long or is rare; what is looked at last.
FIRST, SECOND, THIRD, LAST = range(4)


class Place:
    """Where it is looked: over TCP the line's settings are the converter's own. `near` is the device that is thought to
    be there, or None. `make(package, parameters)` is a device there, as a configuration would have it.
    """

    __slots__ = ("make", "near", "over_tcp")

    def __init__(
        self, over_tcp: bool, make: Callable[[str, dict[str, Any]], Device], near: Device | None = None
    ) -> None:
        self.over_tcp = over_tcp
        self.make = make
        self.near = near


class Sighting:
    """A meter that has answered: `package` its protocol, `parameters` what a Devices row needs to reach it besides its
    port, `plate` what it calls itself, `how` what was asked and answered, in words; `more` what is to be known before
    it can be read (a password, say), or ''; `thin` why it may be no meter after all, or ''.
    """

    __slots__ = ("how", "more", "package", "parameters", "plate", "thin")

    def __init__(
        self, package: str, parameters: dict[str, Any], how: str, plate: Plate | None = None, more: str = "",
        thin: str = "",
    ) -> None:  # fmt: skip
        self.package = package
        self.parameters = parameters
        self.how = how
        self.plate = plate or Plate("")
        self.more = more
        self.thin = thin

    def is_same(self, other: Sighting) -> bool:
        """Whether both are one meter: by its number where it tells one, else by how it is reached."""
        if self.plate.serial and other.plate.serial:
            return (self.plate.letters, self.plate.serial) == (other.plate.letters, other.plate.serial)
        return (self.package, self.parameters) == (other.package, other.parameters)

    def __repr__(self) -> str:
        return f"Sighting({self.package}, {self.parameters}, {self.plate.words()!r})"


class Attempt:
    """`talk(tell)` is the conversation, which returns [Sighting] and tells how far it is; it takes `seconds` at most
    where nobody answers. With `goes_on`, others of its kind are tried although it has found something: meters on one
    line may differ in it. `listens`: it says nothing, and waits for what comes unasked. `follows`: the protocol whose
    meters, where they answer and then say nothing, are likely to be found so.
    """

    __slots__ = ("follows", "goes_on", "listens", "package", "rank", "seconds", "talk", "words")

    def __init__(
        self, package: str, words: str, seconds: float, talk: Talk, rank: int = FIRST,
        goes_on: bool = False, follows: str = "", listens: bool = False,
    ) -> None:  # fmt: skip
        self.package = package
        self.words = words
        self.seconds = seconds
        self.talk = talk
        self.goes_on = goes_on
        self.follows = follows
        self.listens = listens
        self.rank = rank

    def __repr__(self) -> str:
        return f"Attempt({self.words!r}, {self.seconds:.1f} s)"


def captured(conversation: Conversation, readings: list[Reading]) -> Conversation:
    """The same conversation, whose reports go to `readings` and nowhere else. Returns: what it returned."""
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = conversation.send(value) if error is None else conversation.throw(error)
        except StopIteration as end:
            return end.value
        value = error = None
        if type(step) is Report:
            readings.append(step.reading)
            continue
        try:
            value = yield step
        except Exception as caught:
            error = caught
