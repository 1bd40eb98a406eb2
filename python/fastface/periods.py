"""Times as people write them: a year, a month, a day, a moment; and how far into a video."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_FORM = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d))?)?)?)?")


class Period(NamedTuple):
    """start, end: seconds since 1970 by the camera's clock, the end not included."""

    start: float
    end: float

    @classmethod
    def parse(cls, argument: str, text: str) -> Period:
        """The period that a text names.  Raises ValueError, naming the argument.

        >>> year = Period.parse("since", "1970")
        >>> year.start, (year.end - year.start) / 86400
        (0.0, 365.0)
        >>> Period.parse("since", "1970-01-01T12:30").end
        45060.0
        """
        match = _FORM.fullmatch(text.strip())
        try:
            if match is None:
                raise ValueError
            given = [int(part) for part in match.groups() if part is not None]
            start = datetime(*[*given, 1, 1][: max(3, len(given))], tzinfo=UTC)  # type: ignore[arg-type, misc]
            end = _end(start, len(given))
        except (ValueError, OverflowError):
            raise ValueError(
                f"{argument}: expected a time such as 2019, 2019-06, 2019-06-30 or "
                f"2019-06-30T12:00, got {text!r}"
            ) from None
        return cls(start.timestamp(), end.timestamp())


def _end(start: datetime, n_given: int) -> datetime:
    """Where a period ends of which so many parts, from the year down, were given."""
    if n_given == 1:
        return start.replace(year=start.year + 1)
    if n_given == 2:
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    length = {3: timedelta(days=1), 5: timedelta(minutes=1), 6: timedelta(seconds=1)}
    return start + length[n_given]


def clock(at_s: float) -> str:
    """How far into a video, as players show it.

    >>> clock(83.9), clock(4.0), clock(3723.0)
    ('1:23', '0:04', '1:02:03')
    """
    minutes, seconds = divmod(int(at_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
