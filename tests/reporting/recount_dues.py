"""Due dates that we compute, recounted minute by minute, and what is left of a minute.

Rules are plain values: `procedures` [(code, authority or None, amount, measure, cutoff or None, since
or None)], `off` and `worked` days, and `saturdays`: the offices that also work on Saturday mornings.
All instants are on whole minutes while an office is open.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from itertools import accumulate

from tests.reporting.recount import LOCAL

BEGIN, DAYS = dt.date(2024, 10, 1), 620
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
OPEN = [*range(7 * 60, 11 * 60 + 30), *range(13 * 60 + 30, 17 * 60)]
MORNING = OPEN[: 4 * 60 + 30]
PAUSES = ("supplement_requested", "payment_requested", "stopped")


class Rules:
    """What due dates follow from, for all that is learnt from some day on."""

    def __init__(self, procedures, off=(), worked=(), saturdays=()):
        self.procedures, self.off, self.worked = procedures, off, worked
        self.saturdays = saturdays
        self.tables = {}

    def days(self, unit):
        """The minutes of each day in which an office is open, and how many there were before it."""
        early = unit in self.saturdays
        if early not in self.tables:
            minutes = [self.hours(BEGIN + dt.timedelta(day), early) for day in range(DAYS)]
            self.tables[early] = minutes, [0, *accumulate(map(len, minutes))]
        return self.tables[early]

    def hours(self, day, early):
        weekend = day.weekday() >= 5
        if day in self.worked or (not weekend and day not in self.off):
            return OPEN
        return MORNING if early and day.weekday() == 5 and day not in self.off else ()

    def minutes_before(self, unit, instant):
        """How many minutes an office has worked before the minute that an instant lies in."""
        minutes, before = self.days(unit)
        local = instant.astimezone(LOCAL)
        day = (local.date() - BEGIN).days
        return before[day] + bisect_left(minutes[day], local.hour * 60 + local.minute)

    def open_minute(self, unit, number):
        """The beginning of the minute that an office works after so many."""
        minutes, before = self.days(unit)
        day = bisect_right(before, number) - 1
        midnight = dt.datetime.combine(BEGIN + dt.timedelta(day), dt.time(), LOCAL)
        return midnight + minutes[day][number - before[day]] * MINUTE

    def worked_by(self, unit, instant):
        """How long an office has worked before an instant."""
        local = instant.astimezone(LOCAL)
        minute = local.replace(second=0, microsecond=0)
        before, after = (self.minutes_before(unit, each) for each in (minute, minute + MINUTE))
        return before * MINUTE + (local - minute if after > before else dt.timedelta(0))

    def after(self, unit, instant, span):
        """The first instant by which so long was worked since another one."""
        minutes, rest = divmod(self.worked_by(unit, instant) + span, MINUTE)
        if not rest:
            return self.open_minute(unit, minutes - 1) + MINUTE
        return self.open_minute(unit, minutes) + rest

    def opening(self, unit, instant):
        """The first instant from which on, or during which, an office is open."""
        found = self.open_minute(unit, self.minutes_before(unit, instant))
        return max(found, instant)

    def between(self, unit, begin, end):
        return self.worked_by(unit, end) - self.worked_by(unit, begin)

    def due(self, told, received):
        """When the result of a submission is due; None where its procedure has no duration."""
        on = received.astimezone(LOCAL)
        found = None
        for each in self.procedures:
            code, authority, _, _, _, since = each
            if code != told["procedure"] or authority not in (None, told["authority"]):
                continue
            if since is None or since <= on.date():
                rank = authority is not None, since or dt.date.min
                if found is None or rank > found[0]:
                    found = rank, each
        if found is None:
            return None
        _, _, amount, measure, cutoff, _ = found[1]
        unit, start = told["unit"], received
        if cutoff is not None and on.time() > cutoff:
            tomorrow = dt.datetime.combine(on.date() + dt.timedelta(1), dt.time(), LOCAL)
            start = self.opening(unit, tomorrow)
        if measure == "working_days":
            return self.after(unit, start, 8 * amount * HOUR)
        if measure == "working_hours":
            return self.after(unit, start, amount * HOUR)
        begun = self.opening(unit, start)
        return self.opening(unit, begun + dt.timedelta(amount))

    def ours(self, told, received, moves, end):
        """(known, due) for the due date of a receipt, and for each that a pause gave."""
        due = self.due(told, received)
        if due is None:
            return []
        answer, waiting = [(received, due)], None
        for move in moves:
            if move["status"] in PAUSES:
                waiting = waiting or max(move["at"], received)
            elif waiting:
                if move["at"] > waiting:
                    missed = self.between(told["unit"], waiting, move["at"])
                    if missed:
                        due = self.after(told["unit"], due, missed)
                        answer.append((move["at"], due))
                waiting = None
            if move is end:
                break
        return answer

    def body(self):
        """The same as the product keeps it."""
        week = [[[7 * 60, 11 * 60 + 30], [13 * 60 + 30, 17 * 60]]] * 5
        hours = {
            "week": [*week, [[7 * 60, 11 * 60 + 30]], []],
            "full": week[0],
            "since": "0001-01-01",
            "until": "9999-12-31",
        }
        return {
            "off": sorted(day.isoformat() for day in self.off),
            "worked": sorted(day.isoformat() for day in self.worked),
            "hours": [hours],
            "usual": [],
            "offices": {unit: [0] for unit in self.saturdays},
            "procedures": [
                {
                    "code": code,
                    "amount": amount,
                    "measure": measure,
                    "authority": authority,
                    "cutoff": cutoff.isoformat("minutes") if cutoff else None,
                    "since": (since or dt.date.min).isoformat(),
                }
                for code, authority, amount, measure, cutoff, since in self.procedures
            ],
        }
