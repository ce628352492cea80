"""Readings and states for Prometheus, which asks for them over HTTP (text format 0.0.4).

`meterd_reading` is there while a signal's last value is good and a number; how old it is, and whether it is good, is
there always. So a meter that fails leaves a gap, and never a line that goes on. What a device's own status says
(`_connected`, `_signals_ok` …) is as it was published last: changes at once, the rest every `status_interval_s`.
Assumptions: whoever can connect may read; the address is this machine's own unless somebody says otherwise.
Bounds: one value per configured signal; those of the HTTP server. A text is made anew for each question.
"""

from __future__ import annotations

from .. import log
from .._number import Number
from ..errors import ConfigError
from ..parameters import INTEGER, STRING, Parameter
from ..ports.http_server import PLAIN, Answer, HttpServer
from ..ports.listener import tcp_socket, unix_socket
from ..ports.tcp_port import address_family
from ..ports.work import at_once
from .local_socket import MAX_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..model import Device, Reading, Signal
    from ..ports._loop import Loop
    from ..ports.http_server import Request
    from ..ports.work import Work

    Sample = tuple[dict[str, str], str]  # labels and the printed value

KIND = "text/plain; version=0.0.4; charset=utf-8"
LOOPBACK = "127.0.0.1"
OWN_MACHINE = "127."
EVERYWHERE = "0.0.0.0"


def ipv4(value: str) -> str:
    if not address_family(value) or ":" in value:
        raise ValueError("an IPv4 address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them")
    return value


PARAMETERS = (
    Parameter(
        "address",
        STRING,
        "IPv4 address on which /metrics is served; anyone who can connect there may read",
        default=LOOPBACK,
        origin="meterd",
        check=ipv4,
    ),
    Parameter("port", INTEGER, "Its TCP port", default=9584, low=1, high=65535, origin="meterd"),
    Parameter(
        "path", STRING, "Unix socket on which it is served instead", low=1, high=MAX_PATH, origin="meterd"
    ),
)  # fmt: skip

# Status signal → metric, its type, what it is.
_STATES = {
    "_connected": ("meterd_device_connected", "gauge", "Whether the meter answers (1) or not (0)."),
    "_signals": ("meterd_device_signals", "gauge", "Signals that are configured."),
    "_signals_ok": ("meterd_device_signals_ok", "gauge", "Signals that the last scan did well by."),
    "_last_good_age_s": ("meterd_device_last_good_age_seconds", "gauge", "Since the last good scan."),
    "_clock_drift_s": ("meterd_device_clock_drift_seconds", "gauge", "The meter's clock against the gateway's."),
    "_reads_ok": ("meterd_device_scans_good_total", "counter", "Scans that ended well."),
    "_timeouts": ("meterd_device_timeouts_total", "counter", "Answers that did not come."),
    "_bad_frames": ("meterd_device_bad_frames_total", "counter", "Frames that were damaged."),
    "_refused": ("meterd_device_refused_total", "counter", "Scans that the meter refused."),
    "_retries": ("meterd_device_retries_total", "counter", "Requests that were sent again."),
    "_bytes_sent": ("meterd_device_sent_bytes_total", "counter", "Bytes sent to the meter."),
    "_bytes_received": ("meterd_device_received_bytes_total", "counter", "Bytes that came from the meter."),
}


class Kept:
    """What is known of one signal."""

    __slots__ = ("good_s", "reading")

    def __init__(self, reading: Reading, good_s: float | None) -> None:
        self.reading = reading
        self.good_s = good_s  # when it was good last, by the loop's clock


class Exposition:
    """What is known of every signal, and the text that is made of it; whoever serves it fills it as a sink."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.kept: dict[tuple[str, str], Kept] = {}
        self._reasons: dict[str, str] = {}
        self.sinks: list[Any] = []  # whose states are shown

    def accept(self, reading: Reading) -> None:
        signal = reading.signal
        if signal.alias == "_reason":
            self._reasons[signal.device_alias] = str(reading.value)
        key = (signal.device_alias, signal.alias)
        known = self.kept.get(key)
        good_s = self._loop.time if reading.quality == "good" else known.good_s if known is not None else None
        self.kept[key] = Kept(reading, good_s)

    def configured(self, devices: list[tuple[Device, list[Signal]]]) -> None:
        """What is configured no longer is forgotten."""
        known = {device.alias: {signal.alias for signal in signals} for device, signals in devices}
        for key in list(self.kept):
            if key[1] not in known.get(key[0], ()) and not (key[0] in known and key[1] in _STATES):
                del self.kept[key]
        self._reasons = {alias: reason for alias, reason in self._reasons.items() if alias in known}

    def text(self) -> str:
        """All of it, at once."""
        return at_once(self.telling())

    def telling(self) -> Work[str]:
        """The same in portions: each metric's samples together, as the format demands."""
        lines: list[str] = []
        for name, kind, help, samples in self._metrics():
            if samples:
                lines.append(f"# HELP {name} {help}\n# TYPE {name} {kind}\n")
                yield
                lines += [f"{name}{{{_labels(labels)}}} {value}\n" for labels, value in samples]
            yield
        return "".join(lines)

    def _metrics(self) -> Iterable[tuple[str, str, str, list[Sample]]]:
        now_s = self._loop.time
        own = [kept for (_, alias), kept in self.kept.items() if not alias.startswith("_")]
        shown = ((kept.reading, _number(kept.reading)) for kept in own)
        yield (
            "meterd_reading", "gauge", "Last value of a signal, in its own unit; absent while it is not good.",
            [({**_of(reading), "unit": reading.unit or ""}, value) for reading, value in shown if value is not None],
        )  # fmt: skip
        yield (
            "meterd_reading_good", "gauge", "Whether the last reading of the signal was good.",
            [(_of(kept.reading), str(int(kept.reading.quality == "good"))) for kept in own],
        )  # fmt: skip
        yield (
            "meterd_reading_age_seconds", "gauge", "Since the signal was good last.",
            [(_of(kept.reading), f"{now_s - kept.good_s:.1f}") for kept in own if kept.good_s is not None],
        )  # fmt: skip
        for alias, (name, kind, help) in _STATES.items():
            states = [kept.reading for (_, known), kept in self.kept.items() if known == alias]
            pairs = ((state, _number(state)) for state in states)
            yield name, kind, help, [({"device": s.signal.device_alias}, n) for s, n in pairs if n is not None]
        yield (
            "meterd_device_state", "gauge", "1 for the reason why the device is as it is; good where nothing is wrong.",
            [({"device": alias, "reason": reason}, "1") for alias, reason in self._reasons.items()],
        )  # fmt: skip
        yield from self._of_sinks()

    def _of_sinks(self) -> Iterable[tuple[str, str, str, list[Sample]]]:
        conditions = [sink.condition() for sink in self.sinks if hasattr(sink, "condition")]
        yield (
            "meterd_sink_waiting", "gauge", "What waits to leave, in what the sink counts in.",
            [({"sink": name}, str(waiting)) for name, _, waiting, _ in conditions],
        )  # fmt: skip
        yield (
            "meterd_sink_lost_total", "counter", "Readings that never left.",
            [({"sink": name}, str(lost)) for name, _, _, lost in conditions],
        )  # fmt: skip
        yield (
            "meterd_longest_turn_seconds", "gauge", "For so long at most did nobody else have his turn.",
            [({}, f"{self._loop.longest_turn_s:.6f}")],
        )  # fmt: skip


def meeting(publish: dict[str, Any], count: int) -> list[tuple[str, str, int]]:
    """Pairs of sinks that would listen on one port, and the port of the former, which is the higher one, where each of
    so many daemons goes by its number's port from there."""
    listening = sorted(
        (values["port"], name, values["address"])
        for name, values in publish.items()
        if isinstance(values, dict) and values.get("address") and values.get("port") and not values.get("path")
    )
    return [
        (name, other, port)
        for at, (port, name, address) in enumerate(listening)
        for lower, other, there in listening[:at]
        if port - lower < count and (address == there or EVERYWHERE in (address, there))
    ]


def open_to(parameters: dict[str, Any], path: str, told: str) -> list[str]:
    """What is told of a place that others than this machine can reach."""
    if parameters["path"] or parameters["address"].startswith(OWN_MACHINE):
        return []
    return [f"http://{parameters['address']}:{parameters['port']}/{path}: {told}"]


def doubts(parameters: dict[str, Any]) -> list[str]:
    """What is allowed and yet not always meant, for the start and for `check`."""
    return open_to(parameters, "metrics", "readings are shown to everyone who can reach this address")


class Metrics:
    """Raises: ConfigError where the place is not to be had."""

    def __init__(self, parameters: dict[str, Any], loop: Loop) -> None:
        self.shown = Exposition(loop)
        path, address, port = parameters["path"], parameters["address"], parameters["port"]
        try:
            self._server = HttpServer(loop, unix_socket(path) if path else tcp_socket(address, port), self._answer)
        except OSError as error:
            raise ConfigError(
                path or f"{address}:{port}", f"metrics cannot be served there: {error.strerror}"
            ) from error
        self.name = path or f"http://{address}:{port}/metrics"
        self.accept = self.shown.accept
        self.configured = self.shown.configured
        for doubt in doubts(parameters):
            log.notice(doubt)

    def flush(self) -> None:
        """Nothing leaves unasked."""

    def beside(self, sinks: list[Any]) -> None:
        """All sinks, whose states are shown."""
        self.shown.sinks = sinks

    def condition(self) -> tuple[str, str, int, int]:
        away = self._server.turned_away
        return self.name, f"turned away, for too many asked at once: {away}" if away else "", 0, 0

    def reopen(self) -> None:
        """The place stays over a reload."""

    def close(self) -> None:
        self._server.close()

    def _answer(self, request: Request) -> Answer | Work[Answer]:
        if request.path != "/metrics":
            return Answer(404, PLAIN, b"here is nothing; ask for /metrics\n")
        return self._telling()

    def _telling(self) -> Work[Answer]:
        text = yield from self.shown.telling()
        return Answer(200, KIND, text.encode("utf-8", "backslashreplace"))


def _of(reading: Reading) -> dict[str, str]:
    return {"device": reading.signal.device_alias, "signal": reading.signal.alias}


def _number(reading: Reading) -> str | None:
    """Its value as Prometheus reads it; None where it is none, is not good, or is text."""
    value = reading.value
    if reading.quality != "good" or isinstance(value, str) or value is None:
        return None
    if isinstance(value, (int, Number)):
        return str(int(value) if isinstance(value, bool) else value)
    return repr(value) if value - value == 0.0 else None


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def open_sink(parameters: dict[str, Any], loop: Loop) -> Metrics:
    return Metrics(parameters, loop)
