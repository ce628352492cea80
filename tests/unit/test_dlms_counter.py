"""The invocation counter is on record before it is used, or it is not used: a number used twice gives the key away."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from meterd.config.files import load
from meterd.counter import HIGHEST_TOLD, LAST, MOST_TRIED, SPREAD, STEP, UNHEARD, Counter
from meterd.daemon.counters import INDEX
from meterd.daemon.state import StateDirectory
from meterd.errors import SecurityError
from meterd.protocols.dlms.security.counting import Counters, counter_name
from meterd.simulate import dlms as simulated
from tests.unit.dlms_pair import device, scan, signal

KEYS = {"encryption_key": "000102030405060708090A0B0C0D0E0F", "authentication_key": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"}
TITLE = "4D54440000000001"
OURS = {"client_address": 48, "physical_address": 1, "type": "LN", "security": "both", "auth": "HighGmac",
        "system_title": TITLE, **KEYS}  # fmt: skip
METER = {"auth": "HighGmac", "security": "both", **KEYS}
OBIS = {"invocation_counter_obis": "0.0.43.1.0.255"}
ENERGY = "1.0.1.8.0.255"
NAME = counter_name(bytes.fromhex(TITLE), bytes.fromhex(KEYS["encryption_key"]))


class Process:
    """One run of meterd: a state folder of its own to hold until it ends."""

    def __init__(self, path: Path, old: tuple[str, ...] = ()) -> None:
        self.state = StateDirectory(str(path), old_folders=old)

    def read(self, meter: Any, alias: str = "meter", **given: Any) -> Any:
        return scan(device(**OURS, **given), [signal(ENERGY)], meter, self.state.memory(alias))

    def spend(self) -> int:
        return self.state.counter(NAME).spend()

    def state_counter(self, number: int) -> str:
        assert self.state.folder is not None
        return self.state.counters(self.state.folder).state(NAME, number)

    def end(self) -> None:
        assert self.state.folder is not None
        self.state.folder.release()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def spent_by_runs(folder: Path, *counts: int) -> list[int]:
    numbers = []
    for count in counts:
        process = Process(folder)
        numbers += [process.spend() for _ in range(count)]
        process.end()
    return numbers


def record_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{NAME}.counter").read_text())
    return found


# ---- on record before use


def test_every_number_is_on_record_before_it_is_used(folder: Path) -> None:
    process = Process(folder)
    for _ in range(3 * STEP):
        assert process.spend() < record_of(folder)["counter"]


def test_no_run_repeats_what_another_used(folder: Path) -> None:
    numbers = spent_by_runs(folder, 1, 250, 3, STEP, STEP + 1)
    assert len(set(numbers)) == len(numbers) and numbers == sorted(numbers)


def test_what_cannot_be_recorded_is_not_used_however_often_it_is_tried(folder: Path, monkeypatch: Any) -> None:
    process = Process(folder)
    used = [process.spend()]

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("meterd.daemon.state.fsync", full)
    for _ in range(3 * STEP):
        try:
            used.append(process.spend())
        except SecurityError as error:
            assert "No space left" in str(error) and NAME in str(error)
    assert max(used) < record_of(folder)["counter"], "the rest of what was reserved, and no more"
    assert len(used) == STEP + 1
    monkeypatch.undo()
    assert process.spend() == used[-1] + 1


def test_without_a_folder_nothing_is_used() -> None:
    with pytest.raises(SecurityError, match="--state"):
        StateDirectory(None).counter(NAME).spend()


def test_the_last_number_is_used_and_none_after_it(folder: Path) -> None:
    process = Process(folder)
    assert process.state_counter(LAST) == ""
    assert process.spend() == LAST
    assert "never goes down" in process.state_counter(5)
    with pytest.raises(SecurityError, match=f"used up.*{NAME}"):
        process.spend()
    process.end()
    with pytest.raises(SecurityError, match="used up"):
        Process(folder).spend()


# ---- whose it is


def test_a_renamed_device_goes_on(folder: Path) -> None:
    meter, process = simulated.meter(**METER), Process(folder)
    assert process.read(meter, "before").error is None
    held = Process(folder).read(meter, "after")
    assert held.error is not None and held.error.reason == "key" and "in use by another meterd" in str(held.error)
    process.end()
    assert Process(folder).read(meter, "after").error is None


def test_two_devices_with_one_title_and_key_share_one_counter(folder: Path) -> None:
    meter, process = simulated.meter(**METER), Process(folder)
    for alias in ("north", "south", "north", "south"):
        assert process.read(meter, alias).error is None
    process.end()
    process = Process(folder)
    assert process.read(meter, "west").error is None


def test_the_name_tells_titles_and_keys_apart_and_shows_neither() -> None:
    title, key = bytes.fromhex(TITLE), bytes(range(16))
    names = {counter_name(title, key), counter_name(title[::-1], key), counter_name(title, key[::-1])}
    assert len(names) == 3
    for name in names:
        assert key.hex()[:8] not in name and TITLE.lower()[:8] not in name


def test_one_dedicated_key_under_two_global_keys_has_one_counter() -> None:
    shared, first, second = Counter(), Counter(500), Counter(20)
    one, other = Counters([first, shared]), Counters([second, shared])
    numbers = [each.spend() for each in (one, other, one, one, other, other)]
    assert len(set(numbers)) == len(numbers)


# ---- lost and damaged


def test_a_record_cut_anywhere_is_no_number(folder: Path) -> None:
    spent_by_runs(folder, 5)
    path = folder / f"{NAME}.counter"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        process = Process(folder)
        with pytest.raises(SecurityError) as caught:
            process.spend()
        assert str(path) in str(caught.value) and "meterd counter" in str(caught.value)
        assert path.read_bytes() == whole[:length]
        process.end()


def test_an_index_cut_anywhere_repeats_nothing(folder: Path) -> None:
    used = spent_by_runs(folder, 5)
    path = folder / INDEX
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        used += spent_by_runs(folder, 1)
        path.write_bytes(whole[:length])
        process = Process(folder)
        with pytest.raises(SecurityError, match="index") if length < whole.index(b"\n") + 1 else nullcontext():
            process.state.counter("ab" * 16).spend()
        process.end()
        (folder / f"{'ab' * 16}.counter").unlink(missing_ok=True)
    assert len(set(used)) == len(used)


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 80, bytes(range(9, 89)), b"[1]", b"{}", b'{"counter": null}', b'{"counter": 7}', b"7", None]
)
def test_a_lost_counter_is_said_and_not_begun_anew(folder: Path, damage: bytes | None) -> None:
    spent_by_runs(folder, 5)
    path = folder / f"{NAME}.counter"
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    outcome = Process(folder).read(simulated.meter(**METER))
    assert outcome.error is not None and outcome.error.reason == "key"
    assert str(path) in str(outcome.error) and "invocation_counter_obis" in str(outcome.error)
    assert outcome.readings == []


def test_another_names_file_is_damaged_too(folder: Path) -> None:
    spent_by_runs(folder, 5)
    text = (folder / f"{NAME}.counter").read_text()
    (folder / f"{'ab' * 16}.counter").write_text(text)
    with pytest.raises(SecurityError, match="damaged"):
        StateDirectory(str(folder)).counter("ab" * 16).spend()


def test_a_lost_counter_goes_on_where_the_user_says(folder: Path) -> None:
    spent_by_runs(folder, 5)
    (folder / f"{NAME}.counter").write_bytes(b"")
    process = Process(folder)
    with pytest.raises(SecurityError):
        process.spend()
    assert process.state_counter(70_000_000) == ""
    assert process.spend() == 70_000_000


def test_a_lost_counter_is_learnt_from_the_meter_well_above_what_it_heard(folder: Path) -> None:
    meter, process = simulated.meter(**METER), Process(folder)
    assert process.read(meter).error is None
    heard = process.state.counter(NAME).next - 1
    process.end()
    (folder / f"{NAME}.counter").write_bytes(b"")
    process = Process(folder)
    assert process.read(meter).error is not None
    assert process.read(meter, **OBIS).error is None
    assert process.state.counter(NAME).next > heard + UNHEARD
    assert process.read(meter).error is None
    process.end()
    assert Process(folder).read(meter).error is None


# ---- taken over from older versions, which kept it by the alias


def test_older_folders_are_taken_over_at_the_highest_counter_in_any(folder: Path, tmp_path: Path) -> None:
    for name, counters in (("state", (300, 20)), ("old", (7000, 1)), ("older", (12, 6999))):
        (tmp_path / name).mkdir(exist_ok=True)
        for alias, counter in zip("ab", counters, strict=True):
            (tmp_path / name / f"{alias}.state").write_text(json.dumps({"counter": counter, "meter": "1/01/LN"}))
    process = Process(folder, (str(tmp_path / "old"), str(tmp_path / "older"), str(tmp_path / "none")))
    assert process.spend() == 7000
    assert process.state.memory("a").persistent["meter"] == "1/01/LN"
    process.end()
    (tmp_path / "old" / "a.state").write_text("x")
    assert Process(folder, (str(tmp_path / "old"),)).spend() == 7000 + STEP + 1


def test_a_take_over_that_is_ended_anywhere_repeats_nothing(folder: Path, monkeypatch: Any) -> None:
    (folder / "a.state").write_text(json.dumps({"counter": 300}))
    used: list[int] = []
    steps = 0
    real = {name: getattr(__import__("meterd.daemon.state", fromlist=["x"]), name) for name in ("fsync", "rename")}

    class Ended(BaseException):
        pass

    def ending(at: int, name: str) -> Any:
        def step(*arguments: Any) -> None:
            nonlocal steps
            steps += 1
            if steps == at:
                raise Ended
            real[name](*arguments)

        return step

    for at in range(1, 14):
        steps = 0
        for name in real:
            monkeypatch.setattr(f"meterd.daemon.state.{name}", ending(at, name))
        monkeypatch.setattr("meterd.daemon.counters.fsync", ending(at, "fsync"))
        process = Process(folder)
        try:
            used.append(process.spend())
        except Ended:
            pass
        process.end()
        monkeypatch.undo()
    assert used and min(used) >= 300 and len(set(used)) == len(used)


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b'{"counter": null}', b'{"counter": 4294967397}', b'{"counter": "7"}']
)
def test_an_older_file_that_may_hold_a_counter_and_does_not_say_it_is_trouble(folder: Path, content: bytes) -> None:
    (folder / "a.state").write_bytes(content)
    process = Process(folder)
    with pytest.raises(SecurityError, match=r"a\.state"):
        process.spend()
    (folder / "a.state").write_text("{}")
    assert process.spend() > 0


# ---- what is told in clear


def test_a_number_told_in_clear_counts_once_it_was_accepted(folder: Path) -> None:
    counter = StateDirectory(str(folder)).counter(NAME)
    counter.told(5000)
    first = counter.spend()
    assert first > 5000 + UNHEARD
    assert record_of(folder)["counter"] is None and record_of(folder)["tried"] == [first]
    counter.accepted()
    assert record_of(folder)["counter"] > first and counter.spend() == first + 1


def test_what_was_told_and_never_accepted_is_not_known_in_the_next_run_either(folder: Path) -> None:
    process = Process(folder)
    counter = process.state.counter(NAME)
    counter.told(5000)
    first = counter.spend()
    process.end()
    process = Process(folder)
    with pytest.raises(SecurityError, match="lost"):
        process.spend()
    counter = process.state.counter(NAME)
    counter.told(5000)
    assert counter.spend() != first
    counter.accepted()
    process.end()
    assert Process(folder).spend() > 5000 + UNHEARD


def test_a_folder_that_was_emptied_is_hardly_ever_begun_at_a_number_that_was_used(folder: Path) -> None:
    starts = set()
    for _ in range(20):
        starts.update(spent_by_runs(folder, 1))
        for path in folder.iterdir():
            path.unlink()
    assert len(starts) == 20 and max(starts) <= SPREAD


def test_lies_do_not_move_the_counter_and_what_they_tried_is_never_repeated(folder: Path) -> None:
    process = Process(folder)
    used = [process.spend() for _ in range(5)]
    counter = process.state.counter(NAME)
    counter.accepted()
    for lie in (2 * SPREAD, 2 * SPREAD + 9, 2 * SPREAD, 3, HIGHEST_TOLD, 2 * SPREAD + 1):
        counter.doubt()
        counter.told(lie)
        used.append(counter.spend())
        counter.doubt()
    for lie in (HIGHEST_TOLD + 1, LAST, LAST + 2, -1):
        counter.told(lie)
        assert counter.trial is None
    used += [counter.spend() for _ in range(60)]
    process.end()
    process = Process(folder)
    used += [process.spend() for _ in range(60)]
    assert len(set(used)) == len(used)
    assert used[-1] < used[0] + 400


def test_a_liar_is_not_listened_to_for_ever(folder: Path) -> None:
    counter = Process(folder).state.counter(NAME)
    first = counter.spend()
    for lie in range(MOST_TRIED + 5):
        counter.told(20_000_000 * (lie + 1))
        counter.spend()
        counter.doubt()
    assert len(record_of(folder)["tried"]) <= MOST_TRIED
    assert first < counter.spend() < first + 10


def test_another_client_that_counted_on_costs_one_scan_where_the_meter_tells(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    meter, process, other = simulated.meter(**METER), Process(folder), Process(tmp_path / "other")
    assert process.read(meter, **OBIS).error is None
    assert other.state_counter(50_000_000) == ""
    assert other.read(meter).error is None
    refused = process.read(meter, **OBIS)
    assert refused.error is not None and refused.error.reason == "key"
    assert process.read(meter, **OBIS).error is None
    assert process.state.counter(NAME).next > 50_000_000


def test_the_meter_is_not_asked_as_long_as_it_accepts_what_is_on_record(folder: Path) -> None:
    meter, process = simulated.meter(**METER), Process(folder)
    assert process.read(meter, **OBIS).error is None
    assert not process.state.counter(NAME).doubt() and not process.state.counter(NAME).settled
    assert process.read(meter, **OBIS).error is None
    assert process.state.counter(NAME).settled


@pytest.mark.parametrize("lie", [HIGHEST_TOLD + 1, LAST, LAST + 2, -1])
def test_what_cannot_be_is_not_believed_where_nothing_is_known(folder: Path, lie: int) -> None:
    counter = Process(folder).state.counter(NAME)
    with pytest.raises(SecurityError, match="not believed"):
        counter.told(lie)
    assert counter.trial is None


def test_what_the_meter_tells_is_of_no_use_where_it_cannot_be_recorded(folder: Path) -> None:
    meter, process = simulated.meter(**METER), Process(folder)
    assert process.read(meter).error is None
    for other in (Process(folder).state, StateDirectory(None)):
        counter = other.counter(NAME)
        counter.told(5)
        with pytest.raises(SecurityError, match=r"in use by another meterd|--state"):
            counter.spend()
    assert [each.name for each in folder.iterdir() if each.suffix == ".counter"] == [f"{NAME}.counter"]
    before = process.state.counter(NAME).next
    held = Process(folder).read(meter, **OBIS)
    assert held.error is not None and "in use by another meterd" in str(held.error)
    assert process.read(meter).error is None and process.state.counter(NAME).next > before


# ---- the meter's own counter


def test_a_meter_that_counts_anew_is_taken_for_a_replay_in_the_next_association_too(folder: Path) -> None:
    process = Process(folder)
    assert process.read(simulated.meter(**METER)).error is None
    again = process.read(simulated.meter(**METER))
    assert isinstance(again.error, SecurityError) and "used before" in str(again.error)


def test_what_the_first_house_left_goes_on(folder: Path, tmp_path: Path) -> None:
    """A configuration and a state folder as meterd had them before its rooms were built: all in one file a device."""
    profile = "1.0.99.1.0.255"
    row = {"device_alias": "meter", "name": "Meter", "protocol": "DLMS", "ip": "127.0.0.1",
           "port": 4059, **OURS}  # fmt: skip
    site = {
        "devices": [row],
        "signals": [{"signal_name": "rows", "signal_alias": "rows", "device_alias": "meter", "obis_job": profile}],
        "publish": {"stdout": "lines"},
    }
    path = tmp_path / "site.json"
    path.write_text(json.dumps(site))
    configuration = load([str(path)])
    assert not configuration.errors
    last = [7, 234, 1, 1, 255, 1, 0, 0, 0, 128, 0, 0]  # of rows each quarter of an hour since midnight
    left: dict[str, Any] = {"meter": "48/01/LN", "counter": 7_301, "objects": {profile: [7, 0]}}
    left["profiles"] = {f"{profile}:2": {"last": last}}
    (folder / "meter.state").write_text(json.dumps(left))
    process = Process(folder)
    (of,) = configuration.devices
    memory = process.state.memory("meter")
    outcome = scan(of, configuration.signals["meter"], simulated.meter(**METER, rows="12"), memory)
    assert outcome.error is None
    times = [reading.meter_time for reading in outcome.readings]
    assert times[0] == "2026-01-01T01:15:00" and len(times) == 12 - 5
    assert process.spend() > 7_301
