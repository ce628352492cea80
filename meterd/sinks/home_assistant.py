"""Home Assistant learns of every device and signal by itself: MQTT device discovery (its release 2024.11 and later).

One retained message per device, `<prefix>/device/<gateway>/<device>/config`, holds the device, its origin and all its
entities. A signal is announced when it was first read well, for only then its unit is known: a sensor that changes its
unit loses its statistics. What was announced by an earlier run comes back from the broker, retained: units are taken
from it, and what is no longer configured is removed, entities one by one and devices whole. Everything is said again
when Home Assistant says that it starts.
A failed read is never a number: where a reading is not good, the state is `None` (unknown), and after three periods of
silence unavailable. So is all of a device that is not connected, or whose gateway is not.
Assumptions: aliases are letters, digits, `-` and `_`. Classes come from `meterd.names`; where no name is known a sensor
has the class of its unit or none, but never a wrong one.
Dirt it must survive: anything at all on the topics that it listens to.
"""

from __future__ import annotations

from ..gateway.json_text import dumps, encode, loads
from .home_assistant_classes import description_of
from .mqtt_payload import SCAN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Device, Reading, Signal
    from .home_assistant_classes import Kind
    from .mqtt_payload import Topics

MAX_HEARD = 1 << 20  # bytes of a message that is looked at
PERIODS = 3
LEAST_EXPIRY_S = 10
AVAILABLE = "{{ 'online' if %s | int(0) == 1 else 'offline' }}"
REASON, CONNECTED = "_reason", "_connected"


class Discovery:
    """What is to be announced; `next()` hands out one message at a time until nothing is left to say."""

    def __init__(self, settings: dict[str, Any], topics: Topics) -> None:
        self._gateway: str = settings["gateway"]
        self._prefix: str = settings["home_assistant_prefix"]
        self._by_scan = settings["payload"] == SCAN
        self._topics = topics
        self._devices: dict[str, tuple[Device, dict[str, Signal]]] = {}
        self._kinds: dict[str, dict[str, Kind]] = {}  # device → signal → what it was when it was read well
        self._to_say: dict[str, None] = {}  # devices, in order; '' is the gateway
        self._to_remove: dict[str, None] = {}
        self._leftovers: dict[str, dict[str, str]] = {}  # device → entity that is configured no more → its platform
        self._is_configured = False
        self._birth = f"{self._prefix}/status"
        self._stem = f"{self._prefix}/device/{self._gateway}/"
        self.listens_to = (self._birth, f"{self._stem}+/config")

    # ---- what it learns

    def configured(self, devices: list[tuple[Device, list[Signal]]]) -> None:
        before = self._devices
        self._devices = {device.alias: (device, {one.alias: one for one in signals}) for device, signals in devices}
        self._is_configured = True
        for alias, (_, signals) in before.items():
            kinds = self._kinds.get(alias, {})
            if alias not in self._devices:
                self._remove(alias)
                continue
            gone = signals.keys() - self._devices[alias][1].keys()
            for name in gone & kinds.keys():
                self._leftovers.setdefault(alias, {})[name] = "sensor"
                del kinds[name]
        self.everything()

    def everything(self) -> None:
        """Say all anew."""
        self._to_say = dict.fromkeys(("", *(alias for alias in self._devices if self._is_known(alias))))

    def learn(self, reading: Reading) -> None:
        signal = reading.signal
        if reading.quality != "good" or reading.value is None or signal.alias.startswith("_"):
            return
        device = self._devices.get(signal.device_alias)
        if device is None or signal.alias not in device[1]:
            return
        kinds = self._kinds.setdefault(signal.device_alias, {})
        kind = (reading.unit, isinstance(reading.value, str))
        if kinds.get(signal.alias) != kind:
            kinds[signal.alias] = kind
            self._to_say[signal.device_alias] = None

    def heard(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic == self._birth:
            if payload == b"online" and not retained:
                self.everything()
        elif retained and topic.startswith(self._stem) and topic.endswith("/config") and len(payload) <= MAX_HEARD:
            self._remember(topic[len(self._stem) : -len("/config")], payload)

    def _remember(self, alias: str, payload: bytes) -> None:
        """What an earlier run announced."""
        if not payload or not self._is_configured:
            return
        if alias not in self._devices:
            self._remove(alias)
            return
        signals = self._devices[alias][1]
        kinds = self._kinds.setdefault(alias, {})
        for name, component in _components(payload).items():
            if name in signals:
                unit = component.get("unit_of_measurement")
                is_text = unit is None and component.get("state_class") is None
                kinds.setdefault(name, (unit if isinstance(unit, str) else None, is_text))
            elif name not in (REASON, CONNECTED):
                self._leftovers.setdefault(alias, {})[name] = str(component.get("platform", "sensor"))
        if kinds or alias in self._leftovers:
            self._to_say[alias] = None

    def _remove(self, alias: str) -> None:
        self._to_remove[alias] = None
        self._to_say.pop(alias, None)
        self._kinds.pop(alias, None)
        self._leftovers.pop(alias, None)

    def _is_known(self, alias: str) -> bool:
        return bool(self._kinds.get(alias))

    # ---- what it says

    def next(self) -> tuple[str, bytes] | None:
        """Topic and payload of the next message, to be retained; an empty payload removes."""
        while self._to_remove:
            alias = next(iter(self._to_remove))
            del self._to_remove[alias]
            if alias not in self._devices:
                return self._topic(alias), b""
        if not self._to_say:
            return None
        alias = next(iter(self._to_say))
        leftovers = self._leftovers.pop(alias, None)
        if not leftovers:  # else it is said once more, without them
            del self._to_say[alias]
        content = self._of_device(alias, leftovers or {}) if alias else self._of_gateway()
        return self._topic(alias), encode(dumps(content))

    def _topic(self, alias: str) -> str:
        return f"{self._stem}{alias}/config" if alias else f"{self._stem}config"

    def _identifier(self, *names: str) -> str:
        return ".".join(("meterd", self._gateway, *names))  # no alias holds a dot

    def _of_gateway(self) -> dict[str, Any]:
        identifier = self._identifier()
        entity = {
            "platform": "binary_sensor", "unique_id": f"{identifier}.{CONNECTED}", "name": "Connected",
            "state_topic": self._topics.status, "payload_on": "online", "payload_off": "offline",
            "device_class": "connectivity", "entity_category": "diagnostic",
        }  # fmt: skip
        device = {"identifiers": [identifier], "name": self._gateway, "model": "meterd"}
        return {"device": device, "origin": _origin(), "components": {CONNECTED: entity}}

    def _of_device(self, alias: str, leftovers: dict[str, str]) -> dict[str, Any]:
        device, signals = self._devices[alias]
        expiry_s = max(LEAST_EXPIRY_S, -(-PERIODS * int(device.parameters.get("scan_rate_ms") or 10000) // 1000))
        kinds = self._kinds.get(alias, {})
        components: dict[str, Any] = {name: {"platform": platform} for name, platform in leftovers.items()}
        for name, signal in signals.items():
            if name in kinds:
                components[name] = self._sensor(signal, kinds[name], expiry_s)
        components[CONNECTED] = self._of_status(alias, CONNECTED)
        components[REASON] = self._of_status(alias, REASON)
        identity = {
            "identifiers": [self._identifier(alias)],
            "name": str(device.parameters.get("name") or alias),
            "model": f"{device.parameters.get('protocol') or device.protocol} meter",
            "via_device": self._identifier(),
        }
        return {
            "device": identity, "origin": _origin(), "components": components, "qos": 1,
            "availability": [{"topic": self._topics.status}, self._availability(alias)], "availability_mode": "all",
        }  # fmt: skip

    def _sensor(self, signal: Signal, kind: Kind, expiry_s: int) -> dict[str, Any]:
        described = description_of(signal, kind)
        recalculation = signal.recalculation
        found: dict[str, Any] = {
            "platform": "sensor",
            "unique_id": self._identifier(signal.device_alias, signal.alias),
            "name": str(signal.parameters.get("signal_name") or signal.alias),
            "state_topic": self._topics.of(signal.device_alias, signal.alias),
            "value_template": self._template(signal.alias, is_text=kind[1]),
            "expire_after": None if recalculation is not None and recalculation.withholds else expiry_s,
            "device_class": described.device_class,
            "state_class": described.state_class,
            "unit_of_measurement": described.unit,
        }
        if described.diagnostic:
            found["entity_category"] = "diagnostic"
        return {name: value for name, value in found.items() if value is not None}

    def _template(self, alias: str, is_text: bool) -> str:
        if not self._by_scan:
            return "{{ value_json.value if value_json.quality == 'good' else 'None' }}"
        otherwise = "this.state" if is_text else "''"  # the message has nothing of it: it stays as it is
        return (
            "{% set r = value_json.signals.get('" + alias + "') %}"
            "{{ (r.value if r.quality == 'good' else 'None') if r else " + otherwise + " }}"
        )

    # ---- the device's own state

    def _state(self, alias: str, name: str) -> tuple[str, str]:
        """Topic, and where in its message the value is."""
        if self._by_scan:
            return self._topics.device_status(alias), f"value_json.signals.{name}.value"
        return self._topics.of(alias, name), "value_json.value"

    def _availability(self, alias: str) -> dict[str, str]:
        topic, value = self._state(alias, CONNECTED)
        return {"topic": topic, "value_template": AVAILABLE % value}

    def _of_status(self, alias: str, name: str) -> dict[str, Any]:
        topic, value = self._state(alias, name)
        found: dict[str, Any] = {
            "platform": "sensor", "unique_id": self._identifier(alias, name), "name": "State", "state_topic": topic,
            "value_template": "{{ " + value + " }}", "entity_category": "diagnostic",
            "availability": [{"topic": self._topics.status}],
        }  # fmt: skip
        if name == CONNECTED:
            found |= {
                "platform": "binary_sensor", "name": "Connected", "device_class": "connectivity",
                "value_template": "{{ 'ON' if " + value + " | int(0) == 1 else 'OFF' }}",
            }  # fmt: skip
        return found


def _origin() -> dict[str, str]:
    return {"name": "meterd"}


def _components(payload: bytes) -> dict[str, dict[str, Any]]:
    """The entities of a message that is ours; of any other, none. Those that it removes are none."""
    try:
        content = loads(payload)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return {}
    found = content.get("components") if isinstance(content, dict) else None
    if not isinstance(found, dict):
        return {}
    return {
        name: component
        for name, component in found.items()
        if isinstance(component, dict) and component.keys() - {"platform"}
    }
