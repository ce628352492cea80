"""Readings to an MQTT broker: what may be configured, and what is wrong with it before anything is sent.

The parts: `mqtt_sink` (in the loop's thread: numbers, gathers, hands over, counts acknowledgements), `mqtt_connection`
(the thread in which paho-mqtt lives), `mqtt_payload` (topics and messages), `mqtt_faults` (every refusal in words),
`home_assistant` (discovery).
Assumptions: MQTT 3.1.1, which every broker takes; QoS 1. paho is imported when the sink is opened, for it costs more
memory than the rest of meterd. Files of certificates are read at each connection, so renewed ones need no restart.
"""

from __future__ import annotations

from posix import uname

from .. import log
from ..errors import ConfigError
from ..parameters import BOOLEAN, BOTH, INTEGER, STRING, Parameter
from .mqtt_payload import SCAN, SIGNAL, SPARKPLUG, TOPICS, WCC_LITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..ports._loop import Loop
    from .mqtt_sink import MqttSink

MAX_TEXT = 255
MAX_PATH = 4095
MAX_PASSWORD = 4096

IN_ORDER, LIVE_FIRST = "in_order", "live_first"
BROKER, APPLICATION = "broker", "application"
NEEDED = {SCAN: ("{device}",), SIGNAL: ("{device}", "{signal}"), WCC_LITE: ("{device}", "{signal}"), SPARKPLUG: ()}
NOT_OF_SPARKPLUG = ("topic", "history_topic", "retain", "home_assistant")
FIELDS = ("{base}", "{gateway}", "{device}", "{signal}")


def _plain_topic(value: str) -> str:
    """A `check`: a topic to publish to, or a template of one. Raises: ValueError."""
    bare = value
    for field in FIELDS:
        bare = bare.replace(field, "")
    if not bare.isprintable() or set(bare) & set("+#{}") or value.startswith(("/", "$")):
        raise ValueError(f"a topic without + and #, not beginning with / or $, in which {' '.join(FIELDS)} may stand")
    return value


def _name(value: str) -> str:
    """A `check`: one level of a topic, and part of an identifier in Home Assistant."""
    if not (value.isascii() and value.replace("-", "0").replace("_", "0").isalnum()):
        raise ValueError("letters, digits, '-' and '_'")
    return value


def _level(value: str) -> str:
    """A `check`: one level of a topic, of Sparkplug's, which knows blanks and most signs."""
    if not value.isprintable() or set(value) & set("+#/"):
        raise ValueError("one level of a topic: text without + # /")
    return value


def _text(name: str, help: str, high: int = MAX_TEXT, **columns: Any) -> Parameter:
    return Parameter(name, STRING, help, high=high, origin="meterd", **columns)


def _number(name: str, help: str, default: int, low: int, high: int) -> Parameter:
    return Parameter(name, INTEGER, help, default=default, low=low, high=high, origin="meterd")


def _switch(name: str, help: str) -> Parameter:
    return Parameter(name, BOOLEAN, help, default=False, origin="meterd")


PARAMETERS = (
    _text("host", "The broker's name or address", low=1, **BOTH),
    Parameter("port", INTEGER, "Its TCP port; absent: 1883, with TLS 8883", low=1, high=65535, origin="meterd"),
    _text("user", "User name"),
    _text("password", "Password", MAX_PASSWORD, secret=True, blanks=True),
    _text("client_id", "Client identifier, which no other client may have; absent: meterd-<gateway>"),
    _switch("tls", "Speak TLS; also where one of the files below is named"),
    _text("ca_file", "Certificates of those who may sign the broker's; absent: the system's", MAX_PATH),
    _text("certificate_file", "This gateway's certificate, where the broker asks for one", MAX_PATH),
    _text("key_file", "Its private key; absent: in certificate_file", MAX_PATH),
    _number("keepalive_s", "A broker that is silent for twice as long is taken for gone, s", 30, 2, 3600),
    _text("gateway", "Name of this gateway in topics and messages; absent: the host's name", 64, check=_name),
    _text("base_topic", "What {base} stands for", default="meterd/{gateway}", low=1, check=_plain_topic),
    Parameter(
        "payload",
        STRING,
        "One JSON message per device and scan, one per signal, the WCC Lite's value,timestamp,quality, or Sparkplug B",
        default=SCAN,
        choices=tuple(TOPICS),
        origin="meterd",
    ),
    _text("topic", f"Template of the topic; absent: {', '.join(TOPICS.values())}", check=_plain_topic),
    _text("history_topic", "With live_first: where the backlog goes; absent: topic/history", check=_plain_topic),
    Parameter(
        "order",
        STRING,
        "After an outage: all in order; or what is read now first, the backlog beside it on history_topic",
        default=IN_ORDER,
        choices=(IN_ORDER, LIVE_FIRST),
        origin="meterd",
    ),
    _switch("retain", "Have the broker keep the last message of each topic"),
    _number("linger_ms", "What is read within so long leaves together, ms; 0: at once", 200, 0, 60000),
    _number("gather_ms", "Longest wait for the rest of a scan, ms", 1500, 0, 60000),
    Parameter(
        "acknowledgement",
        STRING,
        "A reading is forgotten when the broker has it, or when a consumer says on acknowledge_topic that it is safe",
        default=BROKER,
        choices=(BROKER, APPLICATION),
        origin="meterd",
    ),
    _text("acknowledge_topic", "Where the consumer says what it has", default="{base}/ack", low=1, check=_plain_topic),
    _number("acknowledge_s", "Longest wait for the consumer; then it is sent again, s", 60, 1, 86400),
    _number("keep_readings", "Readings kept in memory while the broker is away; then the oldest go", 10000, 1, 1000000),
    _number("in_flight", "Most messages that wait for the broker's acknowledgement", 20, 1, 1000),
    _number("drain_per_s", "Readings of the backlog sent per second at most", 1000, 1, 100000),
    _number("reconnect_max_s", "Longest pause between two attempts to connect, s", 120, 1, 3600),
    _switch("home_assistant", "Tell Home Assistant of every device and signal (MQTT discovery)"),
    _text(
        "sparkplug_group", "Sparkplug: the group; the edge node is gateway", 64, default="meterd", low=1, check=_level
    ),
    _text("sparkplug_host", "Sparkplug: the primary host, without which nothing is sent", 64, check=_level),
    _text("home_assistant_prefix", "Its discovery prefix", default="homeassistant", low=1, check=_plain_topic),
)


def agree(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """What does not go together: parameter and why. Each parameter by itself is in order."""
    wrong = []
    payload = parameters["payload"]
    for name in ("topic", "history_topic"):
        for field in NEEDED[payload]:
            if parameters[name] and field not in parameters[name]:
                wrong.append((name, f"lacks {field}: with payload {payload} each needs a topic of its own"))
    if parameters["key_file"] and not parameters["certificate_file"]:
        wrong.append(("key_file", "needs the certificate_file that it belongs to"))
    if parameters["password"] and not parameters["user"]:
        wrong.append(("password", "needs a user"))
    if parameters["acknowledgement"] == APPLICATION and payload == WCC_LITE:
        wrong.append(("acknowledgement", "needs payload scan or signal: wcclite has no number to acknowledge"))
    if payload == SPARKPLUG:
        given = [name for name in NOT_OF_SPARKPLUG if parameters[name]]
        wrong += [(name, "does not go with payload sparkplug, which has its own ways") for name in given]
        if parameters["acknowledgement"] == APPLICATION:
            wrong.append(("acknowledgement", "needs payload scan or signal: Sparkplug has no word for it"))
    if parameters["home_assistant"] and payload == WCC_LITE:
        wrong.append(("home_assistant", "reads payload scan or signal, not wcclite"))
    return wrong


def settings(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with what absence stands for filled in."""
    made = dict(parameters)
    made["tls"] = made["tls"] or any(made[name] for name in ("ca_file", "certificate_file", "key_file"))
    made["port"] = made["port"] or (8883 if made["tls"] else 1883)
    made["gateway"] = made["gateway"] or host_name(uname().nodename)
    made["client_id"] = made["client_id"] or f"meterd-{made['gateway']}"
    made["base_topic"] = made["base_topic"].replace("{gateway}", made["gateway"])
    made["topic"] = made["topic"] or TOPICS[made["payload"]]
    made["topic"] = made["topic"].replace("{group}", made["sparkplug_group"])
    made["history_topic"] = made["history_topic"] or made["topic"] + "/history"
    return made


def client_class() -> Any:
    """paho's client. Raises: ConfigError where it is not installed."""
    try:
        from paho.mqtt.client import Client
    except ImportError:
        raise ConfigError(
            "publish.mqtt", "needs paho-mqtt: pip install 'paho-mqtt>=2'; on a gateway opkg install python3-paho-mqtt"
        ) from None
    return Client


def open_sink(parameters: dict[str, Any], loop: Loop) -> MqttSink:
    made = settings(parameters)
    client = client_class()
    if made["password"]:
        log.hide((made["password"].encode(),))
    if made["payload"] == SPARKPLUG:
        from .sparkplug_sink import SparkplugConnection, SparkplugSink

        return SparkplugSink(made, loop, lambda tell, will: SparkplugConnection(client, made, tell, will))
    from .mqtt_connection import Connection
    from .mqtt_sink import MqttSink

    return MqttSink(made, loop, lambda tell, will: Connection(client, made, tell, will))


def host_name(node: str) -> str:
    """The name of a machine as a gateway's."""
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in node)
    return name.strip("-")[:64] or "meterd"
