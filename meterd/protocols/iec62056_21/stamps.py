"""The times of load profiles and clocks: `ZSTs13`, `ZSTs11` and their kin (VDEW specification of meters 2.0).

A stamp is the meter's local time, YYMMDDhhmm[ss], with a digit before it where the meter tells the season: 0 winter, 1
summer, 2 UTC. Without that digit the hour that autumn has twice cannot be told apart by its time. No zone is known.
Seconds count from 2000-01-01 on the meter's clock face, in winter time where the season is told.
"""

from __future__ import annotations

from ...conversation import MeterTime

HOUR_S = 3600
DAY_S = 86400
SUMMER, UTC = "1", "2"
WITHOUT_SEASON = (10, 12)
WITH_SEASON = (11, 13)
DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


class Moment:
    """`face`: seconds on the meter's clock face; `season` its digit or ''; `width` characters that it is written in."""

    __slots__ = ("face", "season", "width")

    def __init__(self, face: int, season: str, width: int) -> None:
        self.face = face
        self.season = season
        self.width = width

    @classmethod
    def parse(cls, text: str) -> Moment | None:
        """A stamp; None for anything else."""
        if not (text.isascii() and text.isdigit()) or len(text) not in (*WITHOUT_SEASON, *WITH_SEASON):
            return None
        season = text[0] if len(text) in WITH_SEASON else ""
        digits = text[len(season) :].ljust(12, "0")
        face = seconds_of(*(int(digits[at : at + 2]) for at in range(0, 12, 2)))
        return None if face is None else cls(face, season, len(text))

    def later(self, seconds: int) -> Moment:
        return Moment(self.face + seconds, self.season, self.width)

    def stamp(self) -> str:
        """As the meter writes it."""
        digits = "".join(f"{part:02}" for part in parts_of(self.face))
        return self.season + digits[: self.width - len(self.season)]

    def iso(self) -> str:
        year, month, day, hour, minute, second = parts_of(self.face)
        return f"20{year:02}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def seconds_of(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """Seconds since 2000; None for what no calendar has. 24:00 is the end of the day."""
    if not (1 <= month <= 12 and 1 <= day <= _days(year, month) and hour <= 24 and minute < 60 and second < 60):
        return None
    days = year * 365 + (year + 3) // 4 + DAYS_BEFORE_MONTH[month - 1] + day - 1
    days += month > 2 and year % 4 == 0
    return days * DAY_S + hour * HOUR_S + minute * 60 + second


def parts_of(seconds: int) -> tuple[int, int, int, int, int, int]:
    """Year of the century, month, day, hour, minute, second; before 2000 there is nothing."""
    days, rest = divmod(max(seconds, 0), DAY_S)
    year = min(days // 365, 99)
    while year * 365 + (year + 3) // 4 > days:
        year -= 1
    days -= year * 365 + (year + 3) // 4
    month = 1
    while month < 12 and days >= _days(year, month):
        days -= _days(year, month)
        month += 1
    return year, month, days + 1, rest // HOUR_S, rest // 60 % 60, rest % 60


def _days(year: int, month: int) -> int:
    if month == 2:
        return 28 + (year % 4 == 0)
    return 30 if month in (4, 6, 9, 11) else 31


def meter_time(moments: list[Moment], device_alias: str = "") -> MeterTime | None:
    """What a meter's clock says now, by all that it may mean; None where it says nothing."""
    if not moments:
        return None
    season = moments[0].season
    zone = "Z" if season == UTC else ""
    summer = None if season in ("", UTC) else season == SUMMER
    return MeterTime([one.iso() + zone for one in moments], summer, device_alias)


def clock_readings(date: str, time: str) -> list[Moment]:
    """What a meter's date (0.9.2) and time (0.9.1) may mean: years come first or last, and nothing says which."""
    date, time = ("".join(one for one in text if one.isdigit()) for text in (date, time))
    season = date[0] if len(date) == 7 else ""
    if len(date) == 8:
        orders = [date[2:], date[6:] + date[2:4] + date[:2]] if date[:2] == "20" else [date[6:] + date[2:4] + date[:2]]
    else:
        date = date[-6:]
        orders = [date] if season else list(dict.fromkeys((date, date[4:] + date[2:4] + date[:2])))
    found = [Moment.parse(season + order + time[-6:]) for order in orders if len(order) == 6]
    return [moment for moment in found if moment is not None]
