"""What meterd says about itself, to the standard `logging`: the logger `meterd`, at its levels."""

from __future__ import annotations

import logging

from .. import log

LOGGER = logging.getLogger("meterd")
# By meterd's level, which is syslog's: emergency to debug.
LEVELS = (
    logging.CRITICAL, logging.CRITICAL, logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.INFO,
    logging.DEBUG,
)  # fmt: skip


def use_logging() -> None:
    """From now on; what the logger would not take is not even worded."""
    level = LOGGER.getEffectiveLevel()
    wanted = max((ours for ours, theirs in enumerate(LEVELS) if theirs >= level), default=log.EMERGENCY)
    log.configure(wanted, lambda level, message: LOGGER.log(LEVELS[level], "%s", message))
