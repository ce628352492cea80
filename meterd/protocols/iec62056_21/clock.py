"""The meter's time out of a list: 0.9.4, or date 0.9.2 with time 0.9.1, or a P1 port's 0-0:1.0.0.

OBIS (IEC 62056-61): 0.9.1 local time, 0.9.2 local date, 0.9.4 both; DSMR P1 companion standard 5.2: 0-0:1.0.0 is
YYMMDDhhmmss with S or W behind it for summer and winter time.
Dirt: dates with years first or last, any separators, a digit for the season before both.
"""

from __future__ import annotations

from .stamps import Moment, clock_readings, meter_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._readout_block import DataSet
    from ...conversation import MeterTime

TIME, DATE, BOTH, P1 = "0.9.1", "0.9.2", "0.9.4", "0-0:1.0.0"
SEASONS = {"S": "1", "W": "0"}
P1_LENGTH = 13


def clock_in(data_sets: Iterable[DataSet], device_alias: str = "") -> MeterTime | None:
    """None where it is not there, or not whole."""
    found: dict[str, str] = {}
    for _, address, index, value, _ in data_sets:
        if address is not None and not index and len(address) >= len(TIME):
            place = _place(address)
            if place:
                found.setdefault(place, value)
    if not found:
        return None
    return meter_time(_moments(found), device_alias)


def p1_time(groups: dict[str, list[tuple[str, str | None]]], device_alias: str) -> MeterTime | None:
    """The same out of the groups of a P1 telegram."""
    return meter_time(_moments({P1: groups[P1][0][0]}), device_alias) if P1 in groups else None


def _place(address: str) -> str:
    if address == P1:
        return P1
    if ".9." not in address and ".1.0.0" not in address:
        return ""
    plain = address.rpartition(":")[2].removesuffix("*255")
    return plain if plain in (TIME, DATE, BOTH) else ""


def _moments(found: dict[str, str]) -> list[Moment]:
    told = found.get(P1, "")
    season = SEASONS.get(told[-1:])
    if season is not None and len(told) == P1_LENGTH:
        moment = Moment.parse(season + told[:-1])
    else:
        moment = Moment.parse("".join(one for one in found.get(BOTH, "") if one.isdigit()))
    if moment is not None:
        return [moment]
    return clock_readings(found.get(DATE, ""), found.get(TIME, ""))
