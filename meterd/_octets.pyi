"""Octets on their way out, the one buffered writer."""

class Octets:
    """What waits to be written to a descriptor that its owner names at each call."""

    shared: bool
    """Whether others write to the descriptor too, so that it may block and poll is asked before each write."""

    @property
    def waiting(self) -> int:
        """How many octets wait."""

    def put(self, data: bytes) -> None:
        """Keep these for the next `flush`."""

    def send(self, fd: int, data: bytes) -> None:
        """Write these, behind what waits; what is not taken waits. Raises: OSError, and what it was about is lost."""

    def flush(self, fd: int) -> None:
        """Write what waits, as far as it goes. Raises: OSError; what was not written waits on."""

    def clear(self) -> None:
        """Forget what waits."""
