"""The MQTT sink against a connection that the test plays: numbers, gathering, acknowledgements, backlog, losses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd import log
from meterd._number import Number
from meterd.config.effective import effective
from meterd.config.files import Configuration, load
from meterd.config.publishing import read_publish
from meterd.model import INVALID, STALE, Signal
from meterd.ports._loop import Loop
from meterd.sinks import mqtt_faults, mqtt_sink
from meterd.sinks._json import json_by_signal, json_line
from meterd.sinks.mqtt_sink import MqttSink
from tests.unit.mqtt_case import device, read_settings, reading, turn_until

E, P = Signal("M1", "E", {}), Signal("M1", "P", {})
STATE = "meterd/gw/M1/state"
DOCS = Path(__file__).parents[2] / "docs"


class Played:
    """In place of the thread: what was sent, and what the test lets happen."""

    def __init__(self, tell: Any, will: tuple[str, str, str]) -> None:
        self.tell = tell
        self.will = will
        self.sent: list[Any] = []
        self.session = 0
        self.is_stopped = False

    def start(self, listen: tuple[str, ...]) -> None:
        self.listen = listen

    def send(self, session: int, tag: Any, topic: str, payload: bytes, retain: bool) -> None:
        assert session == self.session
        self.sent.append(tag)

    def wake(self) -> None:
        pass

    def hurry(self) -> None:
        pass

    def stop(self, seconds: float) -> None:
        self.is_stopped = True


class Rig:
    def __init__(self, **given: Any) -> None:
        self.loop = Loop()
        self.said: list[str] = []
        log.configure(log.NOTICE, lambda level, text: self.said.append(text))
        self.sink = MqttSink(read_settings(gather_ms=0, **given), self.loop, self._connect)  # type: ignore[arg-type]
        self.sink.configured([device("M1", "E", "P")])
        self.loop.turn_ends.append(self.sink.flush)

    def _connect(self, tell: Any, will: tuple[str, str, str]) -> Played:
        self.link = Played(tell, will)
        return self.link

    def turn(self) -> None:
        """What happened so far is served."""
        done: list[int] = []
        self.loop.call_soon_from_thread(lambda: done.append(1))
        turn_until(self.loop, lambda: done)

    def up(self) -> None:
        self.link.session += 1
        self.link.tell(("up", self.link.session))
        self.turn()

    def down(self, words: str = "gone") -> None:
        self.link.tell(("down", words))
        self.link.sent.clear()
        self.turn()

    def acknowledge(self, count: int) -> None:
        for message in self.link.sent[:count]:
            self.link.tell(("ack", message))
        del self.link.sent[:count]
        self.turn()

    def take(self, *values: Any) -> None:
        for value in values:
            self.sink.accept(reading(E, value))
        self.turn()

    def sent(self, topic: str = STATE) -> list[Any]:
        """Numbers of the signal E in what was sent."""
        return [json.loads(one.payload)["signals"]["E"]["seq"] for one in self.link.sent if one.topic == topic]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    yield
    log.configure()


def test_a_scan_is_one_message_with_numbers_and_exact_digits() -> None:
    rig = Rig()
    rig.up()
    rig.sink.accept(reading(E, 17))
    rig.sink.accept(reading(P, None, unit=None, quality=INVALID, reason="timeout"))
    rig.turn()
    (message,) = rig.link.sent
    content = json.loads(message.payload)
    assert (message.topic, message.retain, content["gateway"], content["device"]) == (STATE, False, "gw", "M1")
    assert len(content["epoch"]) == 8
    assert content["signals"]["E"] == {
        "seq": 1, "value": 17, "unit": "kWh", "time_ms": 1700000000000, "meter_time": None, "quality": "good",
        "reason": None,
    }  # fmt: skip
    assert (content["signals"]["P"]["value"], content["signals"]["P"]["reason"]) == (None, "timeout")


def test_what_is_read_within_a_while_leaves_together() -> None:
    rig = Rig(linger_ms=60_000)
    rig.up()
    rig.take(10, 11)
    rig.take(12)
    assert rig.sent() == [], "the while is not over"
    rig.sink._linger_timer.deadline = None
    rig.sink._leave()
    assert rig.sent() == [1, 2, 3]
    rig.take(*range(mqtt_sink.CHUNK - 1))
    assert len(rig.sent()) == 3
    rig.take(13)
    assert rig.sent()[3:5] == [4, 5], "a tray that is full is not waited for"


def test_a_while_ends_by_itself_and_begins_with_the_first_reading() -> None:
    rig = Rig(linger_ms=30)
    rig.up()
    begun = rig.loop.time
    rig.take(10)
    rig.take(11)
    turn_until(rig.loop, lambda: rig.sent() == [1, 2])
    assert rig.loop.time >= begun + 0.03


def test_what_lies_in_the_tray_is_backlog_for_a_connection_and_goes_out_at_the_end() -> None:
    rig = Rig(linger_ms=60_000)
    rig.take(10)
    rig.up()
    assert rig.sink.outbox.backlog() + rig.sink.outbox.under_way() == 1
    rig.take(11)
    rig.sink.close()
    assert rig.sent() == [1, 2]


def test_what_is_acknowledged_in_time_is_shared_by_both_who_wait() -> None:
    rig = Rig(linger_ms=200)
    rig.link.leisure_s = 1.0  # type: ignore[attr-defined]
    rig.sink.acknowledge_within(0.3)
    assert (rig.sink._linger_s, rig.link.leisure_s) == (0.15, 0.15)  # type: ignore[attr-defined]
    rig.sink.acknowledge_within(10.0)
    assert (rig.sink._linger_s, rig.link.leisure_s) == (0.15, 0.15)  # type: ignore[attr-defined]


def test_readings_stay_until_they_are_acknowledged_and_go_again_under_their_numbers() -> None:
    rig = Rig()
    rig.take(10, 11)
    assert rig.link.sent == []
    rig.up()
    turn_until(rig.loop, lambda: rig.sent() == [1, 2])
    rig.acknowledge(1)
    assert len(rig.sink.outbox) == 1
    stale = rig.link.sent[0]
    rig.down()
    rig.take(12)
    rig.up()
    turn_until(rig.loop, lambda: rig.sent() == [2, 3])
    rig.link.tell(("ack", stale))  # of the connection that is over: counts for nothing
    rig.turn()
    assert len(rig.sink.outbox) == 2
    rig.acknowledge(2)
    assert len(rig.sink.outbox) == 0


def test_no_more_messages_are_under_way_than_may_be() -> None:
    rig = Rig(in_flight=3)
    rig.up()
    rig.take(*range(9))
    assert rig.sent() == [1, 2, 3]
    rig.acknowledge(1)
    assert rig.sent() == [2, 3, 4]


def test_live_first_sends_what_is_read_now_before_the_backlog_which_has_its_own_topic() -> None:
    rig = Rig(order="live_first", drain_per_s=20, in_flight=50)
    rig.take(*range(30))
    rig.up()
    rig.take(100)
    assert rig.sent()[0] == 31
    history = f"{STATE}/history"
    turn_until(rig.loop, lambda: len(rig.sent(history)) >= 5)
    assert rig.sent(history)[:5] == [1, 2, 3, 4, 5]
    assert len(rig.sent(history)) < 30, "the backlog is drained at its rate"


def test_what_is_lost_is_told_by_range_until_it_is_acknowledged() -> None:
    rig = Rig(keep_readings=2)
    rig.take(*range(5))
    rig.up()
    first = rig.link.sent[0]
    assert first.topic == "meterd/gw/lost"
    assert json.loads(first.payload)["lost"] == [[1, 3]]
    assert any("oldest are lost: 3" in line for line in rig.said)
    rig.down()
    rig.up()
    assert rig.link.sent[0].topic == "meterd/gw/lost", "nobody had acknowledged it"
    rig.acknowledge(1)
    rig.down()
    rig.up()
    assert [one.topic for one in rig.link.sent if one.topic.endswith("lost")] == []


def test_a_signal_has_its_topic_where_it_is_asked_for() -> None:
    rig = Rig(payload="signal", topic="site/{gateway}/{device}/{signal}")
    rig.up()
    rig.take(5)
    assert rig.link.sent[0].topic == "site/gw/M1/E"
    content = json.loads(rig.link.sent[0].payload)
    assert (content["seq"], content["device"], content["signal"], content["value"]) == (1, "M1", "E", 5)


def test_the_wcc_lites_payload() -> None:
    rig = Rig(payload="wcclite")
    rig.up()
    rig.sink.accept(reading(E, 5))
    rig.sink.accept(reading(E, "a, b", quality=STALE, reason="timeout"))
    rig.sink.accept(reading(E, None, quality=INVALID, reason="timeout"))
    turn_until(rig.loop, lambda: len(rig.link.sent) == 3)
    assert [one.payload for one in rig.link.sent] == [
        b"5,1700000000000,1", b'"a, b",1700000000000,0', b"nan,1700000000000,0",
    ]  # fmt: skip
    assert rig.link.sent[0].topic == "tag/M1/E/rin"


def test_the_end_hands_over_and_says_what_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meterd.sinks.mqtt_sink.CLOSE_S", 0.2)
    rig = Rig(in_flight=1)
    rig.up()
    rig.take(1, 2, 3)
    rig.link.tell(("ack", rig.link.sent[0]))
    rig.sink.close()
    assert [*rig.sent(), rig.link.is_stopped] == [1, 2, True]
    assert rig.said[-1].endswith("kept in memory only: 2")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"topic": "all/{signal}"}, "mqtt.topic: lacks {device}"),
        ({"payload": "signal", "topic": "all/{device}"}, "mqtt.topic: lacks {signal}"),
        ({"topic": "a/#/{device}"}, "mqtt.topic: found"),
        ({"gateway": "a/b"}, "mqtt.gateway: found"),
        ({"key_file": "/k"}, "mqtt.key_file: needs the certificate_file"),
        ({"password": "planted"}, "mqtt.password: needs a user"),
        ({"payload": "wcclite", "home_assistant": 1}, "mqtt.home_assistant: reads"),
    ],
)
def test_what_does_not_go_together_is_said(given: dict[str, Any], words: str) -> None:
    said: list[str] = []
    read_publish({"mqtt": {"host": "h", **given}}, lambda name, text: said.append(f"{name}: {text}"))
    assert len(said) == 1
    assert said[0].startswith(words)
    assert "planted" not in said[0]


def test_the_example_in_the_documentation_is_in_order(tmp_path: Path) -> None:
    text = (DOCS / "mqtt.md").read_text()
    example = tmp_path / "kitchen.json"
    example.write_text(text.split("```json\n")[1].partition("```")[0])
    assert example.read_text().count("\n") <= 10
    configuration = load([str(example)])
    assert (configuration.errors, configuration.warnings) == ([], [])
    assert configuration.publish["mqtt"]["home_assistant"] is True


@pytest.fixture
def schema() -> Any:
    """Its peer has a compiled part, which other machines' Pythons may lack."""
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    made = validator(json.loads((DOCS / "mqtt-message.schema.json").read_text()))
    validator.check_schema(made.schema)
    return made


@pytest.mark.parametrize("payload", ["scan", "signal"])
def test_messages_are_as_their_schema_says(payload: str, schema: Any) -> None:
    rig = Rig(payload=payload, keep_readings=3)
    rig.take(*range(5))
    rig.sink.accept(reading(E, 1, time_ms=4000))
    rig.sink.accept(reading(P, None, unit=None, quality=INVALID, reason="timeout"))
    rig.up()
    turn_until(rig.loop, lambda: len(rig.link.sent) >= {"scan": 3, "signal": 4}[payload])
    messages = [json.loads(one.payload) for one in rig.link.sent]
    assert {"lost"} <= messages[0].keys()
    for content in messages:
        schema.validate(content)
        assert not schema.is_valid({**content, "more": 1})
    last = messages[-1]["signals"]["E"] if payload == "scan" else messages[-2]
    assert last["clock"] == "unset"
    assert not schema.is_valid({name: value for name, value in messages[-1].items() if name != "epoch"})


def test_the_example_of_a_message_is_as_the_schema_says(schema: Any) -> None:
    shown = (DOCS / "mqtt.md").read_text().split("```json\n")[2].partition("```")[0]
    schema.validate(json.loads(shown))


def test_check_masks_the_password() -> None:
    configuration = Configuration()
    configuration.published = {"mqtt": {"user": "u", "password": "planted"}, "status_interval_s": 60}
    assert effective(configuration)["publish"] == {"mqtt": {"user": "u", "password": "***"}, "status_interval_s": 60}


def test_refusals_are_sentences() -> None:
    settings = read_settings(tls=1)
    assert mqtt_faults.refusal(0x86, "") == "the broker does not accept user and password"
    assert "port 8883" in mqtt_faults.of_error(OSError("[SSL: WRONG_VERSION_NUMBER] wrong"), settings)
    assert mqtt_faults.of_error(ConnectionRefusedError(), settings) == "nobody listens at broker port 8883"
    early = ValueError()
    early.verify_code, early.verify_message = 9, "not yet"  # type: ignore[attr-defined]
    assert "clock says" in mqtt_faults.of_error(early, settings)


def test_with_a_consumers_word_nothing_is_forgotten_at_the_brokers() -> None:
    rig = Rig(acknowledgement="application", in_flight=2)
    assert rig.link.listen == ("meterd/gw/ack",)
    rig.up()
    rig.take(1, 2, 3)
    assert rig.sent() == [1, 2]
    epoch = json.loads(rig.link.sent[0].payload)["epoch"]
    rig.acknowledge(2)
    assert (len(rig.sink.outbox), rig.sent()) == (3, []), "the broker's word opens no room and forgets nothing"

    def hear(content: Any) -> None:
        rig.link.tell(("heard", "meterd/gw/ack", json.dumps(content).encode(), False))
        rig.turn()

    for nonsense in ({"epoch": "another1", "have": [[1, 9]]}, {"epoch": epoch, "have": [[1], ["1", 2], 7]}, [], 7, {}):
        hear(nonsense)
    assert len(rig.sink.outbox) == 3
    hear({"epoch": epoch, "have": [[2, 2]]})
    assert (len(rig.sink.outbox), rig.sent()) == (2, [3])
    hear({"epoch": epoch, "have": [[1, 1], [3, 400]]})
    assert len(rig.sink.outbox) == 0


def test_what_no_consumer_confirms_in_time_is_sent_again() -> None:
    rig = Rig(acknowledgement="application", acknowledge_s=1)
    rig.up()
    rig.take(1)
    rig.acknowledge(1)
    turn_until(rig.loop, lambda: rig.sent() == [1])
    assert any("no consumer says on meterd/gw/ack" in line for line in rig.said)


def test_a_scan_is_written_as_its_readings_are_one_by_one() -> None:
    raw = reading(P, Number(25, -1))
    odd = [reading(E, Number(-70, -2), meter_time="2026-11-28T21:00:00"), reading(P, float("inf")), raw,
           reading(E, 'a "b" \x01 \ud800', quality=STALE, reason="timeout"), reading(E, 1 << 70),
           reading(E, True)]  # fmt: skip
    odd[2].raw = reading(P, 5, unit="Wh")
    numbered = [(7 + index, one) for index, one in enumerate(odd)]
    tails = [f'"{one.signal.alias}":{{"seq":{number},' + json_line(one).split(",", 2)[2] for number, one in numbered]
    odd[4].time_ms = 1_699_999_999_999
    tails[4] = tails[4].replace(",", ',"clock":"unset",', 1).replace("1700000000000", "1699999999999")
    assert json_by_signal(numbered, 1_700_000_000_000).decode("utf-8", "backslashreplace") == ",".join(tails)
    assert json_by_signal([], 0) == b""


def test_readings_of_a_clock_that_was_not_set_are_marked_and_the_others_not() -> None:
    rig = Rig()
    rig.up()
    rig.sink.accept(reading(E, 17, time_ms=5000))
    rig.sink.accept(reading(P, 18))
    rig.turn()
    rows = json.loads(rig.link.sent[0].payload)["signals"]
    assert rows["E"]["clock"] == "unset"
    assert (rows["E"]["seq"], rows["P"]["seq"], "clock" in rows["P"]) == (1, 2, False)
