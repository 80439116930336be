"""When a notice may leave: not while people sleep unless it is urgent, and not all at once after."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from hashlib import sha256

from services.notify.rules.budgets import BUDGET, next_month
from services.notify.rules.receipts import not_before
from services.notify.rules.texts import KINDS
from shared.clock import VN, local_day, start_of

QUIET, CAP, LIST = "quiet_hours", "daily_cap", "digest"
WAITING: frozenset[str] = frozenset({QUIET, CAP, LIST, BUDGET})
"""Reasons for which a notice that could be sent waits until an instant that is known."""

MORNING = timedelta(hours=7)
"""When a day begins for what waits for the next one, where no quiet hours say so."""

CHANNELS = ("sms", "email")

PATIENCE = timedelta(hours=1)
"""What waited longer, for whatever reason, is looked at again before it leaves."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What holds for the time at which notices leave.

    Args:
        quiet: local hours in which nothing leaves that is not urgent; they may run past midnight.
        span: over how long what waited for their end is spread.
        urgent: kinds of notices that wait for nothing.
        caps: how many messages an address is sent a day, by channel; no limit where none is given.
        digest_over: more words than this that are ready for an officer at once are told in one
            list; 0: never.
        digest_at: local times at which officers are told what came since, in lists; none: at once.
    """

    quiet: tuple[time, time] | None = None
    span: timedelta = timedelta()
    urgent: frozenset[str] = frozenset()
    caps: Mapping[str, int] = field(default_factory=dict)
    digest_over: int = 0
    digest_at: tuple[time, ...] = ()

    def first_at(
        self, key: str, kind: str, audience: str, now: datetime, over: datetime | None = None
    ) -> tuple[datetime, str | None]:
        """From when on a notice that was just written may leave, and why it waits, if so."""
        if audience != "officer" or not self.digest_at or kind in self.urgent | {LIST}:
            return self.leaves_at(key, kind, now, over)
        at, why = self.leaves_at(key, kind, self.next_list(now), over)
        return at, why or LIST

    def next_list(self, now: datetime) -> datetime:
        """When officers are told next what came since."""
        day = local_day(now)
        times = [
            datetime.combine(each, at, tzinfo=VN)
            for each in (day, day + timedelta(days=1))
            for at in self.digest_at
        ]
        return min(each for each in times if each > now)

    def leaves_at(
        self, key: str, kind: str, instant: datetime, over: datetime | None = None
    ) -> tuple[datetime, str | None]:
        """From when on a notice that is ready at an instant may leave, and why it waits, if so.

        Those with the same ``key`` leave together; what is ``over`` soon leaves before that.
        """
        if kind in self.urgent:
            return instant, None
        opening = not_before(instant, self.quiet)
        if opening == instant:
            return instant, None
        return opening + self.offset(key, opening, over), QUIET

    def offset(self, key: str, opening: datetime, over: datetime | None = None) -> timedelta:
        """How long after an opening the notices of a key leave: the same whenever it is asked."""
        span = self.span
        if over is not None:
            span = min(span, max(timedelta(), (over - opening) / 2))
        return span * share_of(key)

    def next_morning(self, key: str, now: datetime) -> datetime:
        """When on the next local day the notices of a key may leave."""
        return self.morning_of(key, start_of(local_day(now) + timedelta(days=1)))

    def month_after(self, key: str, now: datetime) -> datetime:
        """When in the next local month the notices of a key may leave."""
        return self.morning_of(key, next_month(now))

    def morning_of(self, key: str, midnight: datetime) -> datetime:
        """When on the day that begins then the notices of a key may leave."""
        opening = not_before(midnight, self.quiet)
        if opening == midnight:
            opening = not_before(midnight + MORNING, self.quiet)
        return opening + self.offset(key, opening)


def share_of(key: str) -> float:
    """A number in [0, 1) that follows from a key alone, evenly spread over keys."""
    return int.from_bytes(sha256(key.encode()).digest()[:6]) / 2**48


def spread_key(id: object, audience: str, recipient: str, channel: str | None) -> str:
    """What decides when in the morning a notice leaves: an officer is told everything at once."""
    return f"{recipient}/{channel}" if audience == "officer" else str(id)


def has_waited(reason: str | None, created_at: datetime, now: datetime) -> bool:
    """Whether what a notice says may have been overtaken since it was written; what a person has
    ordered is not weighed."""
    if reason == "ordered":
        return False
    return reason in WAITING or now - created_at > PATIENCE


def read_caps(text: str) -> dict[str, int]:
    """``5``, or ``sms:5,email:20``, by channel; 0 or nothing: no limit. Raises ``ValueError``."""
    found = {}
    for part in text.split(","):
        if not part.strip():
            continue
        channel, _, number = (each.strip() for each in part.rpartition(":"))
        named = CHANNELS if not channel else (channel,)
        if (
            not (number.isascii() and number.isdigit() and len(number) < 7)
            or named[0] not in CHANNELS
        ):
            raise ValueError("write a number, or sms:NUMBER,email:NUMBER")
        found.update(dict.fromkeys(named, int(number)))
    return {channel: number for channel, number in found.items() if number}


def read_times(text: str) -> tuple[time, ...]:
    """``07:30,13:30`` as times; raises ``ValueError``."""
    try:
        found = {
            datetime.strptime(part.strip(), "%H:%M").time()  # noqa: DTZ007
            for part in text.split(",")
            if part.strip()
        }
    except ValueError:
        raise ValueError("write HH:MM,HH:MM") from None
    return tuple(sorted(found))


def read_kinds(text: str) -> frozenset[str]:
    """Kinds of notices of a list separated by commas; raises ``ValueError`` for a strange one."""
    return check_kinds(part.strip() for part in text.split(",") if part.strip())


def check_kinds(names: Iterable[str]) -> frozenset[str]:
    """Kinds of notices, all of which exist; raises ``ValueError``."""
    found = frozenset(names)
    if found - KINDS.keys():
        raise ValueError("name kinds of notices, such as late,appointment_soon")
    return found
