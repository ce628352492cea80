"""The page's answers: what is shown, who may see and change what, and what hostile requests get."""

from __future__ import annotations

import csv
import io
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd.cli.main import main as command_line
from meterd.conversation import LineSettings
from meterd.model import REASONS, Reading, Signal
from meterd.page import events, forms, frames, guard, live, wcclite
from meterd.page.advice import SLIP, advice, headline
from meterd.page.meters import meter_row
from meterd.ports import http_server
from meterd.sinks.history import GAP, Course, History
from meterd.sinks.page import POLICY
from tests.unit.page_case import KEY, METER_SECRET, PASSWORD, PageRig


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[PageRig]:
    """Without a password: for reading only."""
    made = PageRig(monkeypatch)
    made.begin()
    yield made
    made.close()


@pytest.fixture
def kept_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[PageRig]:
    """With a password and a key."""
    made = PageRig(monkeypatch, password=PASSWORD, api_key=KEY)
    made.begin()
    yield made
    made.close()


# ---- what is shown


def test_the_worst_meter_comes_first_and_says_what_to_try(open_page: PageRig) -> None:
    told = open_page.ask("/data/meters").json
    assert [row["device"] for row in told["meters"]] == ["silent", "good"]
    worst, well = told["meters"]
    assert (worst["reason"], worst["headline"], worst["name"]) == ("no_bytes", "it does not answer", "The silent one")
    assert "check its power" in worst["try"] and worst["trouble"]
    assert (well["reason"], well["try"], well["signals_ok"]) == ("good", "", 1)


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("over_tcp", [False, True])
def test_every_reason_has_words_and_advice(reason: str, over_tcp: bool) -> None:
    assert headline(reason) != reason
    assert headline(SLIP) != headline("type") and "meterd check" in advice(SLIP, "mbus", over_tcp)
    for protocol in ("iec62056_21", "dlms", "mbus", "elgama"):
        assert advice(reason, protocol, over_tcp).endswith(".")


@pytest.mark.parametrize(("refused", "told"), [("flow", "Correct the parameter"), ("other", "number_type")])
def test_what_no_meter_was_asked_for_is_a_slip_of_the_configuration(
    open_page: PageRig, refused: str, told: str
) -> None:
    job = open_page.daemon.jobs["good"]
    job.plan.refused = [(Signal("good", refused, {}), "job_todo: '7' is nothing that is sent")]
    job.status.reason, job.status.trouble = "type", "flow: job_todo: '7' is nothing that is sent"
    row = meter_row(job, open_page.loop.time)
    assert row["reason"] == "type" and told in row["try"]


def test_one_meter_has_values_counters_and_its_last_conversation(open_page: PageRig) -> None:
    told = open_page.ask("/data/meter?meter=good").json
    assert told["reads_ok"] > 1 and told["bytes_received"] > 0
    [signal] = told["values"]
    assert signal["quality"] == "good" and int(signal["value"]) >= 1
    assert signal["spark"][1][-1] == float(signal["value"])
    course = open_page.ask("/data/history?meter=good&signal=E").json
    assert course["values"][: len(signal["spark"][1])] == signal["spark"][1] and len(course["times"]) >= 2
    said = open_page.ask("/data/frames?meter=good").json
    assert bytes.fromhex(said["raw"][0].split(" ", 2)[2]) == b"good E\n"
    silent = open_page.ask("/data/frames?meter=silent").json
    assert silent["raw"] and all(row.startswith(">") for row in silent["raw"])
    assert open_page.ask("/data/meter?meter=nobody").status == 404


def test_ports_and_sinks_tell_their_troubles(open_page: PageRig) -> None:
    told = open_page.ask("/data/place").json
    by_meter = {row["meters"][0]: row for row in told["ports"]}
    assert by_meter["silent"]["timeouts"] >= 1 and by_meter["good"]["timeouts"] == 0
    assert open_page.page.name in [row["sink"] for row in told["sinks"]]
    assert told["own"]["meters"] == 2


def test_metrics_are_there_too(open_page: PageRig) -> None:
    answer = open_page.ask("/metrics")
    assert answer.status == 200 and b'meterd_reading{device="good",signal="E",unit=""}' in answer.body


def test_its_files_load_nothing_from_elsewhere(open_page: PageRig) -> None:
    whole = b""
    for path in ("/", "/page.css", "/page.js", "/views.js", "/chart.js", "/icon.svg"):
        answer = open_page.ask(path)
        assert answer.status == 200 and f"Content-Security-Policy: {POLICY}\r\n" in answer.headers + "\r\n"
        assert "nosniff" in answer.headers
        whole += answer.body
    assert "unsafe" not in POLICY
    for sign in (b"http://", b"https://", b"innerHTML", b"onclick=", b"style=", b"@import", b"eval("):
        assert sign not in whole.replace(b"http://www.w3.org/2000/svg", b"")
    assert open_page.ask("/../../etc/passwd").status == 404
    assert open_page.ask("/site.py").status == 404


def test_compressed_files_are_served_as_such(
    open_page: PageRig, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meterd.page.files.FOLDER", str(tmp_path))
    (tmp_path / "page.css.gz").write_bytes(b"\x1f\x8b...")
    answer = open_page.ask("/page.css", Accept_Encoding="gzip, br")
    assert "Content-Encoding: gzip" in answer.headers and answer.body == b"\x1f\x8b..."
    assert open_page.ask("/page.css").status == 406
    assert open_page.ask("/page.js", Accept_Encoding="gzip").status == 404


# ---- the event log


def log_of(*readings: Reading) -> events.EventLog:
    log = events.EventLog()
    for reading in readings:
        log.accept(reading)
    return log


def rows_of(log: events.EventLog, **wanted: str) -> list[list[str]]:
    from meterd.ports.work import at_once

    return list(csv.reader(io.StringIO(at_once(events.csv_of(log, wanted)), newline="")))


def test_the_log_is_filtered_and_keeps_digits() -> None:
    from meterd._number import Number
    from meterd.ports.work import at_once

    def reading(device: str, value: Any, time_ms: int) -> Reading:
        return Reading(Signal(device, "E", {}, 1), value, "kWh", time_ms)

    log = log_of(*(reading("A", Number.parse("17.50"), 1), reading("B", 'open, "wide"', 2), reading("A", -3, 3)))
    assert rows_of(log)[0] == list(events.COLUMNS)
    assert [row[:4] for row in rows_of(log)[1:]] == [
        ["3", "A", "E", "-3"], ["2", "B", "E", 'open, "wide"'], ["1", "A", "E", "17.50"],
    ]  # fmt: skip
    assert [row[3] for row in rows_of(log, device="A")[1:]] == ["-3", "17.50"]
    assert [row[3] for row in rows_of(log, text="WIDE")[1:]] == ['open, "wide"']
    assert rows_of(log, quality="stale")[1:] == []
    many = log_of(*(reading("A", number, number) for number in range(events.SHOWN + 5)))
    import json

    page = json.loads(at_once(events.page_of(many, {})))
    assert len(page["events"]) == events.SHOWN and page["more"] and page["events"][0]["value"] == str(events.SHOWN + 4)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("=1+1", "'=1+1"), ("@cmd", "'@cmd"), ("-5.5", "-5.5"), ("+a", "'+a"), ("a,b", '"a,b"'), ("x\ny", '"x\ny"')],
)
def test_no_spreadsheet_takes_a_text_for_a_formula(text: str, shown: str) -> None:
    assert events.cell(text) == shown


# ---- who may


def test_without_a_password_nothing_can_be_changed(open_page: PageRig) -> None:
    site = open_page.ask("/data/site").json
    assert (site["needed"], site["has_password"], site["token"]) == (False, False, "")
    before = open_page.toy.scans.count("silent")
    for path in ("/data/read", "/data/reload", "/data/protocol", "/data/login"):
        answer = open_page.ask(path, {"meter": "silent", "password": ""})
        assert answer.status == 403, path
    assert open_page.reloads == []
    assert open_page.ask("/data/read").status == 405
    assert before <= open_page.toy.scans.count("silent")


def test_with_a_password_nobody_sees_without_it(kept_page: PageRig) -> None:
    for path in ("meters", "meter?meter=good", "history?meter=good&signal=E", "frames?meter=good", "place", "events",
                 "events.csv", "configuration"):  # fmt: skip
        answer = kept_page.ask(f"/data/{path}")
        assert answer.status == 401 and b"good one" not in answer.body
    assert kept_page.ask("/live").status == 401
    assert kept_page.ask("/metrics").status == 401
    assert kept_page.ask("/metrics", apiKey=KEY).status == 200
    assert kept_page.ask("/data/site").json["version"] == ""
    kept_page.log_in()
    assert kept_page.ask("/data/meters").status == 200
    assert kept_page.ask("/data/site").json["token"] == kept_page.token


def test_a_meter_is_read_now_and_how_it_ended_is_told(kept_page: PageRig) -> None:
    kept_page.log_in()
    client = kept_page.follow("/live?meter=good")
    got = bytearray()

    def heard(words: bytes) -> bool:
        try:
            got.extend(client.recv(1 << 16))
        except BlockingIOError:
            pass
        return words in got

    kept_page.run(20, lambda: heard(live.BEGINNING))
    assert kept_page.change("/data/read", {"meter": "good"}).status == 202
    kept_page.run(20, lambda: heard(b'event: read\ndata: {"device":"good","ok":true'))
    kept_page.run(20, lambda: heard(b'event: values\ndata: {"device":"good"'))
    assert kept_page.change("/data/read", {"meter": "nobody"}).status == 404
    assert kept_page.change("/data/reload", {}).status == 202 and len(kept_page.reloads) == 1
    assert kept_page.change("/data/protocol", {"protocol": "x", "running": 1}).status == 400
    client.close()


def test_a_change_needs_the_pages_own_word(kept_page: PageRig) -> None:
    kept_page.log_in()
    assert kept_page.ask("/data/reload", {}).status == 403  # the cookie alone, as another site's form would send it
    assert kept_page.ask("/data/reload", {}, X_Meterd_Token="0" * 64).status == 403
    kept_page.cookie = "0" * 64
    assert kept_page.change("/data/reload", {}).status == 401
    assert kept_page.reloads == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
def test_other_sites_are_refused(kept_page: PageRig, headers: dict[str, str]) -> None:
    kept_page.log_in()
    token = {"X_Meterd_Token": kept_page.token}
    assert kept_page.ask("/data/reload", {}, **{**token, **headers}).status == 403
    assert kept_page.ask("/data/meters", **headers).status == 403
    assert kept_page.ask("/data/login", {"password": PASSWORD}, **headers).status == 403
    plain = {"Content_Type": "text/plain", **token}
    assert kept_page.ask("/data/reload", b"{}", **plain).status == 415
    assert kept_page.reloads == []


def test_the_hosts_of_the_configuration_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = PageRig(monkeypatch, hosts="gateway.lan, meters.example.com")
    rig.begin()
    assert rig.ask("/data/meters", Host="gateway.lan:9585").status == 200
    assert rig.ask("/data/meters", Host="meters.example.com").status == 200
    assert rig.ask("/data/meters", Host="other.example.com").status == 403
    rig.close()


def test_guessing_is_slowed_down(kept_page: PageRig) -> None:
    statuses = [kept_page.ask("/data/login", {"password": f"guess {n}"}).status for n in range(guard.TRIES + 3)]
    assert statuses == [401] * guard.TRIES + [429] * 3
    assert kept_page.ask("/data/login", {"password": PASSWORD}).status == 429
    assert kept_page.ask("/data/login", b"[1]").status == 429


def test_buckets_fill_again_and_addresses_are_bounded() -> None:
    now = [0.0]
    kept = guard.Guard(PASSWORD, lambda: now[0])
    buckets = [kept._bucket(f"10.0.0.{n}") for n in range(guard.MOST_ADDRESSES)]
    for bucket in buckets:
        assert bucket.take(now[0])
    assert kept._bucket("10.1.0.1").take(now[0])
    assert kept._bucket("10.1.0.1") is kept._bucket("10.1.0.2")
    assert len(kept._failed) <= guard.MOST_ADDRESSES + 1
    now[0] += guard.TRIES * guard.TRY_S
    assert kept._bucket("10.1.0.3") is not kept._bucket("10.1.0.4")
    bucket = guard.Bucket(2, 10.0, 0.0)
    assert [bucket.take(0.0), bucket.take(0.0), bucket.take(9.0), bucket.take(10.1)] == [True, True, False, True]


def test_sessions_end(kept_page: PageRig) -> None:
    kept_page.log_in()
    first = kept_page.cookie
    answer = kept_page.change("/data/logout", {})
    assert answer.status == 200 and "Max-Age=0" in answer.headers
    kept_page.cookie = first
    assert kept_page.ask("/data/meters").status == 401
    for _ in range(guard.MOST_SESSIONS + 4):
        kept_page.cookie = ""
        kept_page.log_in()
    assert len(kept_page.site._guard._sessions) == guard.MOST_SESSIONS
    for session in kept_page.site._guard._sessions:
        session.seen_s -= guard.IDLE_S + 1
    assert kept_page.ask("/data/meters").status == 401


def test_the_cookie_is_for_the_page_alone(kept_page: PageRig) -> None:
    answer = kept_page.ask("/data/login", {"password": PASSWORD})
    line = next(row for row in answer.headers.split("\r\n") if row.startswith("Set-Cookie:"))
    assert "HttpOnly" in line and "SameSite=Strict" in line and "Path=/" in line


# ---- secrets


def test_no_answer_has_a_secret(kept_page: PageRig) -> None:
    kept_page.log_in()
    whole = b""
    for path in ("/", "/data/site", "/data/meters", "/data/meter?meter=good", "/data/frames?meter=good", "/data/place",
                 "/data/events", "/data/events.csv", "/metrics"):  # fmt: skip
        answer = kept_page.ask(path)
        whole += answer.headers.encode() + answer.body
    for secret in (PASSWORD.encode(), KEY.encode(), METER_SECRET, kept_page.cookie.encode()):
        assert secret not in whole and secret.hex().encode() not in whole


def test_what_passed_is_masked_when_it_is_shown(open_page: PageRig) -> None:
    tape = frames.Tape()
    tape.note(0.0, LineSettings(300, 7, "E", 1))
    tape.put(">", 1.0, b"P1(" + METER_SECRET[:7])
    tape.put(">", 1.1, METER_SECRET[7:] + b")")
    for at in range(len(METER_SECRET)):  # an echo, byte by byte
        tape.put("<", 2.0 + at / 1000, METER_SECRET[at : at + 1])
    tape.secrets = (METER_SECRET,)
    open_page.site._frames.keep("good", tape, True)
    rows = open_page.ask("/data/frames?meter=good").json["raw"]
    shown = " ".join(rows)
    assert METER_SECRET[:4].hex(" ") not in shown and METER_SECRET[-4:].hex(" ") not in shown
    assert shown.count("**") >= 2 * len(METER_SECRET)


def test_tapes_are_bounded_and_the_failed_stay_longest() -> None:
    tape = frames.Tape()
    for number in range(3000):
        tape.put(">" if number % 2 else "<", float(number), bytes(100))
        tape.note(float(number), LineSettings(300, 7, "E", 1))
    assert len(tape.entries) <= frames.MAX_ENTRIES + 1
    assert sum(len(data) for _, _, data in tape.entries if isinstance(data, bytearray)) <= frames.MAX_BYTES + 100

    class NoLines:
        lines: dict[str, Any] = {}
        followers: list[Any] = []

    kept = frames.Frames(NoLines())  # type: ignore[arg-type]
    kept.keep("bad", frames.Tape(), True)
    for number in range(frames.MOST_KEPT + 20):
        kept.keep(f"good {number}", frames.Tape(), False)
    assert "bad" in kept._failed and len(kept._well) + len(kept._failed) == frames.MOST_KEPT


def test_a_new_configuration_forgets_what_was_said_under_the_old(open_page: PageRig) -> None:
    assert open_page.ask("/data/frames?meter=good").json["raw"]
    held = open_page.site._frames
    assert held._well and held._failed
    open_page.hub.configured([])
    assert not held._well and not held._failed and open_page.page.shown.kept == {}
    assert open_page.page.history.courses == {}


# ---- history


def test_a_course_gets_coarse_and_never_longer() -> None:
    course = Course()
    for number in range(10_000):
        course.add(1000.0 + number, float(number), 100)
    assert len(course.times) == len(course.values) <= 100
    times, values = course.points()
    assert times == sorted(times) and values[-1] == 9999.0
    assert times[0] < 1100 and times[-1] == 10_999  # from the beginning to the end
    for number in range(1000):  # days apart: what is older than a day goes
        course.add(100_000.0 + number * 3600, float(number), 100)
    assert len(course.times) <= 100 and course.values[-1] == 999.0
    assert course.times[-1] - course.times[0] <= 100 * 3600


def test_a_failed_reading_is_a_gap_and_many_are_one() -> None:
    history = History(1, 50)
    signal = Signal("A", "E", {})

    def add(time_ms: int, value: Any, quality: str = "good") -> None:
        history.add(Reading(signal, value, None, time_ms, quality=quality))

    add(1000, None, "invalid")
    assert history.courses == {}  # nothing yet to draw
    add(2000, 5)
    for at in range(3000, 90_000, 1000):
        add(at, 5, "stale")
    add(90_000, 7)
    times, values = history.courses["A", "E"].points()
    assert values == [5.0, None, None, 7.0] and times == [2, 3, 89, 90]
    add(80_000, 9)  # the clock was set back
    assert history.courses["A", "E"].points()[1][-1] == 7.0
    history.add(Reading(Signal("B", "E", {}), 1, None, 1000))
    assert list(history.courses) == [("A", "E")] and history.left_out
    history.keep_only({"B": {"E"}})
    assert history.courses == {} and GAP != GAP


# ---- WCC Lite


def multipart(**fields: str) -> tuple[bytes, str]:
    body = b"".join(
        f'--xYz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in fields.items()
    )
    return body + b"--xYz--\r\n", "multipart/form-data; boundary=xYz"


def api(rig: PageRig, path: str, key: str = KEY, **fields: str) -> Any:
    body, kind = multipart(**fields)
    return rig.ask(path, body, Content_Type=kind, apiKey=key)


def test_a_wcc_lites_endpoints_answer_in_its_shapes(kept_page: PageRig) -> None:
    assert api(kept_page, "/api/version").json == {"api_version": "2", "api_patch": "1", "sync_version": "lite1"}
    info = {"device_alias": "good", "name": "The good one", "protocol": "toy"}
    assert api(kept_page, "/api/device/info", device_alias="good").json == {"Devices": [info]}
    assert len(api(kept_page, "/api/devices").json["Devices"]) == 2
    tags = api(kept_page, "/api/device/tags", device_alias="good").json
    assert tags == {
        "total_signals": "1",
        "signals": [{
            "signal_name": "E", "source_device_alias": "", "input_topic": "tag/good/E/rin",
            "output_topic": "tag/good/E/out", "signal_alias": "E",
        }],
    }  # fmt: skip
    assert api(kept_page, "/api/tags").json["total_signals"] == "2"
    value = api(kept_page, "/api/device/tag/value", device_alias="good", signal_alias="E").json
    [row] = value["signal_values"]
    assert value["total_signals"] == "1" and row["flags"] == "" and int(row["value"]) >= 0
    assert row["timestamp"].isdigit() and row["signal_name"] == "E"
    silent = api(kept_page, "/api/device/tag/value", device_alias="silent", signal_alias="E").json
    assert (silent["signal_values"][0]["value"], silent["signal_values"][0]["flags"]) == ("nan", "IV")


def test_the_endpoints_need_their_key(kept_page: PageRig, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("", "k3y-of-the-scada-8", KEY + "x"):
        answer = api(kept_page, "/api/version", key)
        assert answer.status == 401 and answer.body == b'{"error":"Unauthorized access."}'
    kept_page.log_in()
    assert kept_page.ask("/api/version").status == 401  # a session is no key
    for path, fields in (("/api/nothing", {}), ("/api/device/info", {"device_alias": "x"}), ("/api/sync", {}),
                         ("/api/device/nothing", {"device_alias": "good"}), ("/api/device/tag/value",
                         {"device_alias": "good", "signal_alias": "x"})):  # fmt: skip
        assert api(kept_page, path, **fields).status == 404


def test_without_a_key_there_are_no_endpoints(open_page: PageRig) -> None:
    assert api(open_page, "/api/version", "anything").status == 404
    assert wcclite.VERSION["api_version"] == "2"


def test_forms_are_read_and_bounded() -> None:
    assert forms.query("a=1&b=%C4%85+x&a=2&c") == {"a": "1", "b": "ą x"}
    assert forms.query("a=%zz%4")["a"] == "%zz%4"
    assert len(forms.query("&".join(f"n{n}=1" for n in range(500)))) == forms.MOST_FIELDS
    assert len(forms.query("a=" + "x" * 9000)["a"]) == forms.MAX_VALUE
    body, kind = multipart(device_alias="ą", other="1\r\n2")
    request = http_server.Request(b"POST", "/x?q=1", {"content-type": kind}, lambda: "")
    request.body = body
    assert forms.form(request) == {"q": "1", "device_alias": "ą", "other": "1\r\n2"}
    request.headers["content-type"] = "multipart/form-data"
    assert forms.form(request) == {"q": "1"}
    for rubbish in (b"\xff\xfe", b"[" * 5000, b"7", b""):
        request.body = rubbish
        assert forms.json_object(request) == {}


# ---- hostile requests


def test_slow_readers_of_live_values_are_let_go(open_page: PageRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "TICK_S", 0.01)
    monkeypatch.setattr(http_server, "MAX_LIVE", 2000)
    clients = [open_page.follow(buffer=2048) for _ in range(2)]
    open_page.run(20, lambda: len(open_page.site._live._viewers) == 2)

    def push() -> bool:
        for viewer in open_page.site._live._viewers[:]:
            viewer.follower.tell(b"x" * 1000)
        return not open_page.site._live._viewers

    open_page.run(60, push)
    assert open_page.page.changed == {} and not open_page.page.is_followed
    for client in clients:
        client.close()
    assert open_page.ask("/data/meters").status == 200


def test_only_so_many_follow(open_page: PageRig) -> None:
    clients = [open_page.follow() for _ in range(live.MOST_FOLLOWERS)]
    open_page.run(20, lambda: len(open_page.site._live._viewers) == live.MOST_FOLLOWERS)
    assert open_page.ask("/live").status == 503
    for client in clients:
        client.close()
    open_page.run(20, lambda: not open_page.site._live._viewers)
    one = open_page.follow()
    open_page.run(20, lambda: len(open_page.site._live._viewers) == 1)
    one.close()


def test_rubbish_of_all_kinds_gets_an_answer_or_the_door(open_page: PageRig) -> None:
    chance = random.Random(7)
    whole = b"POST /data/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    whole += b'Content-Length: 9\r\n\r\n{"a": 1}\n'
    for number in range(60):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        client = socket.create_connection(("127.0.0.1", open_page.port), 20)
        client.sendall(bytes(data[: chance.randrange(len(data) + 1)]) if number % 2 else bytes(data))
        client.close()
        open_page.run(0.001)
    open_page.run(20, lambda: not open_page.page.server.clients)
    assert open_page.ask("/data/meters").status == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"POST /data/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST /data/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /data/meters HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"POST /data/read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
         + b"4000\r\n" + b"x" * 0x4000 + b"\r\n4000\r\n" + b"x" * 0x2000, 413),
    ],
)  # fmt: skip
def test_every_hostile_request_has_its_answer(open_page: PageRig, request_: bytes, status: int) -> None:
    assert open_page.raw(request_).split(b" ")[1] == str(status).encode()


def test_too_many_requests_are_told_so(open_page: PageRig) -> None:
    open_page.site._pace = guard.Bucket(2, 1000.0, open_page.loop.time)
    assert [open_page.ask("/data/site").status for _ in range(4)] == [200, 200, 429, 429]


def test_answers_that_nobody_takes_are_bounded(open_page: PageRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MAX_WAITING", 100)
    assert open_page.ask("/page.js").status == 503


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ({}, ""),
        ({"address": "127.0.0.5"}, ""),
        ({"path": "/x/page.sock", "address": "0.0.0.0"}, ""),
        ({"address": "0.0.0.0"}, "shown to everyone who can reach this address, for there is no password"),
        ({"address": "192.0.2.9", "password": "long enough"}, "shown to whoever has the password"),
    ],
)
def test_check_says_who_may_look(
    page: dict[str, str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"devices": [], "publish": {"page": page}}))
    command_line(["check", "-q", str(path)])
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert [told in line for line in said] == ([True] if told else [])
