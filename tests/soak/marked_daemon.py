"""The daemon as users start it, which marks on the side when it is inside a commit and how much is under way.

    python -m tests.soak.marked_daemon MARKS run -c FILE …

Nothing else is changed: what is counted as hit was hit in the code that is shipped.
"""

from __future__ import annotations

import sys
from typing import Any

from meterd.cli.main import main
from meterd.sinks.mqtt_sink import MqttSink
from meterd.sinks.ranges import Ranges
from meterd.sinks.store_disk import Disk, Write
from meterd.sinks.store_file import StoreFile

from .marks import Marks


def mark(marks: Marks) -> None:
    begin, commit, close, check = StoreFile.begin, StoreFile.commit, StoreFile.close, StoreFile.check
    write = Disk._write
    hand_over, serve = MqttSink._hand_over, MqttSink._serve

    def checking(self: StoreFile) -> Ranges:
        found = check(self)
        marks.busy(0)
        return found

    def writing(self: Disk, job: Write) -> None:
        """A commit, and the checkpoint that may follow it: what comes meanwhile waits."""
        marks.busy(1)
        write(self, job)
        marks.busy(0)

    def beginning(self: StoreFile) -> None:
        marks.set("committing", 1)
        begin(self)

    def committing(self: StoreFile, state: dict[str, Any], low: int) -> None:
        commit(self, state, low)
        marks.set("committing", 0)

    def closing(self: StoreFile) -> None:
        close(self)
        marks.set("committing", 0)

    def handing_over(self: MqttSink) -> None:
        hand_over(self)
        marks.set("in_flight", len(self._in_flight))

    def serving(self: MqttSink) -> None:
        serve(self)
        marks.set("in_flight", len(self._in_flight))

    marks.busy(1)
    StoreFile.check, Disk._write = checking, writing  # type: ignore[method-assign]
    StoreFile.begin, StoreFile.commit, StoreFile.close = beginning, committing, closing  # type: ignore[method-assign]
    MqttSink._hand_over, MqttSink._serve = handing_over, serving  # type: ignore[method-assign]


if __name__ == "__main__":
    mark(Marks(sys.argv.pop(1)))
    sys.exit(main())
