"""The steps that a conversation yields for nearly every value; `meterd.conversation` describes them all."""

from typing import Any

from ._reading import Reading
from .conversation import Decoder

class Send:
    """Put bytes on the wire; what came in unasked before is dropped first unless `keep_input`.

    `at_once`: the port's `poll_delay_ms` is not waited for, as within an exchange that has begun.
    """

    data: bytes
    keep_input: bool
    at_once: bool

    def __init__(self, data: bytes, keep_input: bool = False, at_once: bool = False) -> None: ...

class Receive:
    """Wait for one frame.

    `timeout_ms` runs to the first byte of a frame (noise does not extend it), `gap_ms` between bytes of one.
    `timeout_ms` None waits without end (simulated meters only).
    """

    @property
    def decoder(self) -> Decoder: ...
    @property
    def timeout_ms(self) -> float | None: ...
    @property
    def gap_ms(self) -> float: ...
    def __init__(self, decoder: Decoder, timeout_ms: float | None, gap_ms: float) -> None: ...

class Report:
    """Hand a reading to the hub."""

    reading: Reading

    def __init__(self, reading: Reading) -> None: ...

class ReportAll:
    """Hand readings to the hub, in their order; those that have no time yet are all of one."""

    @property
    def readings(self) -> list[Reading]: ...
    def __init__(self, readings: list[Reading]) -> None: ...

class Burst:
    """Exchanges of one kind, one after the other: a request, one frame, its readings.

    The step is answered with None once all are done; with the frame that came in place of the answer due, or with the
    Silence, Incomplete or Garbled that did. Whatever else goes wrong is thrown in.
    """

    @property
    def receive(self) -> Receive: ...
    def __init__(self, receive: Receive) -> None: ...
    def request(self) -> bytes | None:
        """What to send next; None when all is done."""

    def take(self, frame: Any) -> Reading | list[Reading] | None:
        """The readings out of the frame that came, in a list unless there is one; None where it is not the one due."""
