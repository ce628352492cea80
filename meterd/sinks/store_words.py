"""What the log says of the store. Loaded when there is something to say."""

from __future__ import annotations

from .. import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .store_disk import Opened
    from .stored_outbox import StoredOutbox


def found(path: str, opened: Opened, outboxes: list[StoredOutbox], durable_ms: int) -> None:
    """What an earlier run left."""
    waiting = max((len(outbox) for outbox in outboxes), default=0)
    if waiting:
        log.notice(f"{path}: readings of an earlier run that go on their way: {waiting}")
    state = opened.state
    if state is None:
        if not opened.is_new:
            log.error(f"{path}: what each sink had was not readable: all readings there are sent again")
        return
    if not state["clean"]:
        log.warning(
            f"{path}: the last run was cut off; readings of its last {durable_ms} ms may be lost; numbers up to "
            f"{state['next'] - 1} of epoch {state['spans'][-1][1]} that have not arrived will not come"
        )
    gone = state["sinks"].keys() - {outbox.name for outbox in outboxes}
    if gone:
        log.notice(f"{path}: nothing is kept any more for what is not configured: {', '.join(sorted(gone))}")


def damaged(path: str, opened: Opened) -> None:
    log.error(
        f"{path}: damaged ({opened.was_damaged}); set aside as {path}.damaged, and begun anew with the readings that "
        f"could be taken over: {opened.saved}"
    )


def trimmed(path: str, outbox: StoredOutbox) -> None:
    log.warning(
        f"{path}: full, or older than keep_hours: the oldest readings are lost to {outbox.name}: {outbox.lost} so far",
        fold=f"lost by {path}",
    )


def rotten(path: str, outbox: StoredOutbox, count: int) -> None:
    log.error(f"{path}: readings for {outbox.name} that are damaged or gone on the disk, and lost: {count}")


def overflowing(path: str, trouble: str, most: int) -> None:
    log.error(
        f"{path}: {trouble or 'the disk is too slow'}, and more than {most} readings wait: the oldest are lost",
        fold=f"lost by {path}",
    )
