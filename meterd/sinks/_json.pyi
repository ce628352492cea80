"""A reading as one line of JSON."""

from .._reading import Reading

def finite(reading: Reading) -> Reading:
    """The reading itself; or, where its value is an infinity or not a number, one that has no value and says so."""

def json_line(reading: Reading) -> str:
    """One JSON object, without the line's end."""

def json_by_signal(numbered: list[tuple[int, Reading]], clock_set_ms: int) -> bytes:
    """Members of a JSON object: the alias of each reading's signal, and what was read behind its number, `seq`.

    What has an earlier time than `clock_set_ms` is marked: `"clock":"unset"`.
    """
