"""The one wait of a turn: until a descriptor is ready, or it is time."""

class Poller:
    """The descriptors of one loop, which alone has them watched and waits for them."""
