"""The time of day."""

def wall_clock_ms() -> int:
    """The gateway's time, ms since 1970 UTC."""
