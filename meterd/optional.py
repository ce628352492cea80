"""Modules that a small gateway goes without until their package is installed."""

from __future__ import annotations

from .errors import ConfigError, needs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def module_for(what: str, name: str, package: str) -> ModuleType:
    """meterd's own module `name`, which `package` brings. Raises: ConfigError, in words about `what`, without it."""
    try:
        return __import__(name, fromlist=(name.rpartition(".")[2],))
    except ModuleNotFoundError as error:
        if not name.startswith(error.name or "?"):
            raise
    raise ConfigError("", needs(what, package))
