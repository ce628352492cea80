"""The daemon as users start it, which marks on the side when it is inside a commit and how many messages are under way.

    python -m tests.soak.marked_daemon MARKS run -c FILE …

Nothing else is changed: what is counted as hit was hit in the code that is shipped.
"""

from __future__ import annotations

import sys
from typing import Any

from meterd.cli.main import main
from meterd.sinks.mqtt_sink import MqttSink
from meterd.sinks.store_file import StoreFile

from .marks import Marks


def mark(marks: Marks) -> None:
    begin, commit, close = StoreFile.begin, StoreFile.commit, StoreFile.close
    hand_over, serve = MqttSink._hand_over, MqttSink._serve

    def beginning(self: StoreFile) -> None:
        marks.set("committing", 1)
        begin(self)

    def committing(self: StoreFile, state: dict[str, Any], low: int) -> None:
        commit(self, state, low)
        marks.set("committing", 0)
        marks.set("commits", marks.get("commits") + 1)

    def closing(self: StoreFile) -> None:
        close(self)
        marks.set("committing", 0)

    def handing_over(self: MqttSink) -> None:
        hand_over(self)
        marks.set("in_flight", len(self._in_flight))

    def serving(self: MqttSink) -> None:
        serve(self)
        marks.set("in_flight", len(self._in_flight))

    StoreFile.begin, StoreFile.commit, StoreFile.close = beginning, committing, closing  # type: ignore[method-assign]
    MqttSink._hand_over, MqttSink._serve = handing_over, serving  # type: ignore[method-assign]


if __name__ == "__main__":
    mark(Marks(sys.argv.pop(1)))
    sys.exit(main())
