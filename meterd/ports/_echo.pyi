"""What comes back of what was sent."""

MAX_ECHO: int

class Echo:
    """Takes out what comes back of what was sent.

    Optical heads and two-wire converters return every byte that is sent, before the answer, in pieces of any size, and
    at times late. Only a full echo is taken out: an answer that merely begins like the request is an answer. A single
    character is no echo worth taking out, for ACK and NAK may come back as a meter's own answer.
    """

    @property
    def expected(self) -> bytes: ...
    @property
    def held(self) -> bytes: ...
    def forget(self) -> None: ...
    def sent(self, data: bytes) -> None:
        """From now on `data` may come back, behind what is still to come of what was sent just before."""

    def strip(self, data: bytes) -> bytes:
        """What of `data` is no echo, as far as can be told yet."""

    def give_up(self) -> bytes:
        """Time is over: what was held is no echo after all."""
