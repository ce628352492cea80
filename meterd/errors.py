"""Everything that can go wrong, named once.

The invariant that the fuzz targets hold: any bytes from a meter or a socket end in frames, in readings, or in one of
these errors; every other exception is a bug. Each error that may stand behind a failed reading knows its `reason`,
the word that the reading carries (see `meterd.model.REASONS`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


class MeterdError(Exception):
    """Base of all errors that meterd raises on purpose."""

    reason = "bad_frame"


class ConfigError(MeterdError):
    """The configuration is wrong. `place` names file, line or row, device and parameter, as far as known."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place
        self.message = message


def needs(what: str, package: str) -> str:
    """How something is said that a small gateway goes without until its package is installed."""
    return f"{what} needs the package {package}: opkg install {package}"


def module_for(what: str, name: str, package: str) -> ModuleType:
    """meterd's own module `name`, which `package` brings. Raises: ConfigError, in words about `what`, without it."""
    try:
        return __import__(name, fromlist=(name.rpartition(".")[2],))
    except ModuleNotFoundError as error:
        if not name.startswith(error.name or "?"):
            raise
    raise ConfigError("", needs(what, package))


class LineError(MeterdError):
    """The line, not the meter's answer, failed."""


class Silence(LineError):
    """Not one byte came within the time-out."""

    reason = "no_bytes"


class Garbled(LineError):
    """Bytes came, but no valid frame."""

    reason = "bad_frame"


class Incomplete(Garbled):
    """A frame began well and its rest did not come within the time-out."""

    reason = "timeout"


class PortGone(LineError):
    """The port cannot be opened, or vanished: USB pulled, TCP peer closed or refused."""

    reason = "disconnected"


class ProtocolError(MeterdError):
    """A well-formed message that is not allowed now, or not the answer to what was asked."""


class Disconnected(ProtocolError):
    """The meter, not the line, has ended the link or the association: it may be asked to connect again."""

    reason = "disconnected"


class WrongMeter(ProtocolError):
    """Another meter than the configured one answered; nothing it says may be published.

    Raised on a positive mismatch alone: a meter that does not say who it is, or says it in another shape, is believed.
    """

    reason = "wrong_meter"


class Refused(MeterdError):
    """The meter said no. `code` is its own code, `object_name` what was asked for."""

    reason = "refused"

    def __init__(
        self, message: str, code: int | str | None = None, object_name: str = "", reason: str = "refused"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.object_name = object_name
        self.reason = reason


class DecodeError(MeterdError):
    """The frame is good, its content is not what the standard allows."""

    reason = "type"


class OutOfRange(DecodeError):
    """A good number that the configured number type cannot hold: such a value is never clipped."""


class SecurityError(MeterdError):
    """A key is wrong or missing, or an answer is less protected than the configuration demands."""

    reason = "key"


class Aborted(MeterdError):
    """Thrown into a conversation to end it: its `finally` says goodbye politely, then it returns."""

    reason = "disconnected"
