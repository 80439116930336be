"""Notify's settings, ``MOTCUA_NOTIFY_...``."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from services.notify.rules.calendars import YearlyDay, read_yearly_day
from services.notify.rules.leaving import Leaving, read_caps, read_kinds, read_times
from services.notify.rules.receipts import read_quiet_hours
from services.notify.rules.recipients import Target, read_level
from services.notify.rules.trials import Trial, read_allowed
from shared.plans import LEVELS
from shared.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Gateway:
    """One SMS gateway; ``name`` stands in notices and in the address of its receipts, ``price`` is
    VND for a segment, null where unknown."""

    name: str
    url: str
    user: str
    password: SecretStr
    price: int | None = None


LABELS = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")


def is_address(sender: str) -> bool:
    """Whether mail can be sent from an address, with a name or without."""
    try:
        Address(addr_spec=parseaddr(sender)[1]).addr_spec.encode("ascii")
    except (MessageError, IndexError, ValueError):
        return False
    return "@" in sender and not set(sender) & set("\r\n")


MOST_VND = 1_000_000


def read_prices(text: str) -> list[int]:
    """VND, separated by commas. Raises ``ValueError`` for anything else."""
    prices = [price.strip() for price in text.split(",")] if text.strip() else []
    if not all(re.fullmatch(r"[0-9]{1,7}", price) and int(price) <= MOST_VND for price in prices):
        raise ValueError(f"write whole VND from 0 to {MOST_VND}")
    return [int(price) for price in prices]


def split_urls(given: SecretStr) -> list[str]:
    """The addresses of a list separated by commas."""
    return [text.strip() for text in given.get_secret_value().split(",") if text.strip()]


def read_url(text: str) -> SplitResult:
    """An absolute HTTP address; raises ``ValueError`` without repeating it."""
    url = _split(text)
    if url is None or url.scheme not in ("http", "https"):
        raise ValueError("write http://... or https://...")
    return url


class NotifySettings(ServiceSettings):
    """Without ``kannel_url`` no SMS leaves, without an SMTP host no email: such notices stay in
    the outbox for people to read, for good. Without ``public_url`` texts lead to no page.

    ``kannel_url`` may name several gateways, separated by commas, in the order in which they are
    tried; ``http://user:password@host/...`` gives one its own account. ``kannel_price`` is VND for a
    segment, one for all of them or one for each in their order, ``smtp_price`` VND for a letter;
    empty where it is not known. ``gateways`` names described
    ones, which go before Kannel; ``gateway_dir`` holds descriptions of one's own. Hours:
    ``stale_hours``, ``approach_hours``, ``appointment_hours``. ``due_today`` and ``day_of`` are
    local times, empty for never; ``overdue`` lists ``DAYS:LEVEL``. Seconds: ``timeout``,
    ``clock_slack``. ``quiet_hours`` are local, empty for none; ``morning_minutes`` is over
    how long what waited for their end is spread, ``urgent`` lists kinds that do not wait.
    ``smtp_ca`` is a file of authorities to trust instead of the system's, ``smtp_letters`` and
    ``smtp_idle`` say how many letters a connection carries and for how many seconds it is kept.
    ``smtp_bounces`` is the mailbox to which letters come back.
    ``daily_cap`` is a number, or ``CHANNEL:NUMBER``, of messages to an address a day.
    More than ``digest_over`` words to an officer at once become one list, 0: never; ``digest_at``
    are local times at which officers are told in lists, ``dashboard_url`` is what these name.
    With ``dry_run`` nothing leaves, with ``allow`` (addresses, or a file) only to these.
    ``call_days`` is for how many days somebody whom no message reached stays to be called.
    ``instance`` is how attempts name this replica. ``..._days`` say how long each class of
    personal record is kept.
    """

    notify_kannel_url: SecretStr = SecretStr("")
    notify_kannel_user: str = ""
    notify_kannel_password: SecretStr = SecretStr("")
    notify_kannel_sender: str = Field(default="", max_length=20)
    notify_kannel_price: str = Field(default="", max_length=200)
    notify_receipt_url: str = ""
    notify_gateways: str = ""
    notify_gateway_dir: str = ""
    notify_public_url: str = Field(default="", max_length=200)
    notify_smtp_url: SecretStr = SecretStr("")
    notify_smtp_host: str = ""
    notify_smtp_port: int = Field(default=25, ge=1, le=65535)
    notify_smtp_user: str = ""
    notify_smtp_password: SecretStr = SecretStr("")
    notify_smtp_from: str = ""
    notify_smtp_tls: Literal["none", "opportunistic", "starttls", "tls"] = "none"
    notify_smtp_ca: str = ""
    notify_smtp_letters: int = Field(default=100, ge=1, le=100_000)
    notify_smtp_idle: float = Field(default=15, ge=0, le=3600)
    notify_smtp_bounces: str = ""
    notify_smtp_price: str = ""
    notify_dkim_domain: str = ""
    notify_dkim_selector: str = ""
    notify_dkim_key_path: str = ""
    notify_stale_hours: float = Field(default=48, gt=0, le=24 * 365)
    notify_approach_hours: float = Field(default=24, ge=0, le=24 * 60)
    notify_day_of: str = "08:00"
    notify_overdue: str = "3:head,7:district,15:province"
    notify_reschedules: int = Field(default=1, ge=0, le=100)
    notify_calendar_from: str = "12-01"
    notify_calendar_to: str = Field(default="", max_length=1000)
    notify_clock_slack: float = Field(default=120, ge=1, le=86_400)
    notify_quiet_hours: str = "22:00-07:00"
    notify_morning_minutes: float = Field(default=30, ge=0, le=240)
    notify_urgent: str = ""
    notify_daily_cap: str = ""
    notify_digest_over: int = Field(default=3, ge=0, le=10_000)
    notify_digest_at: str = ""
    notify_dashboard_url: str = Field(default="", max_length=200)
    notify_due_today: str = "07:30"
    notify_appointment_hours: float = Field(default=3, ge=0, le=48)
    notify_workers: int = Field(default=32, ge=1, le=512)
    notify_attempts: int = Field(default=20, ge=1, le=1000)
    notify_timeout: float = Field(default=20, gt=0, le=60)
    notify_call_days: int = Field(default=7, ge=1, le=366)
    notify_contact_days: int = Field(default=1095, ge=0, le=36_500)
    notify_text_days: int = Field(default=1095, ge=0, le=36_500)
    notify_access_days: int = Field(default=3650, ge=0, le=36_500)
    notify_consent_days: int = Field(default=3650, ge=0, le=36_500)
    notify_dry_run: bool = False
    notify_allow: str = Field(default="", max_length=20_000)
    notify_instance: str = Field(default="", max_length=100)

    @field_validator("notify_receipt_url", "notify_public_url", "notify_dashboard_url")
    @classmethod
    def check_url(cls, text: str) -> str:
        """Only an absolute HTTP address, or nothing."""
        text = text.strip()
        if text:
            read_url(text)
        return text

    @field_validator("notify_gateways")
    @classmethod
    def check_gateways(cls, text: str) -> str:
        """Names separated by commas, each once."""
        names = [name.strip() for name in text.split(",") if name.strip()]
        if len(names) != len(set(names)):
            raise ValueError("name each gateway once")
        return ",".join(names)

    @field_validator("notify_gateway_dir")
    @classmethod
    def check_gateway_dir(cls, text: str) -> str:
        """A folder that is there, or nothing."""
        if text.strip() and not Path(text.strip()).is_dir():
            raise ValueError("no such folder")
        return text.strip()

    @field_validator("notify_kannel_url")
    @classmethod
    def check_urls(cls, given: SecretStr) -> SecretStr:
        """Only absolute HTTP addresses separated by commas, or nothing."""
        for text in split_urls(given):
            read_url(text)
        return given

    @field_validator("notify_kannel_price", "notify_smtp_price")
    @classmethod
    def check_prices(cls, text: str) -> str:
        """Whole VND, or nothing."""
        read_prices(text)
        return text

    @field_validator("notify_day_of")
    @classmethod
    def check_day_of(cls, text: str) -> str:
        """``HH:MM`` or nothing."""
        read_time(text)
        return text

    @field_validator("notify_overdue")
    @classmethod
    def check_overdue(cls, text: str) -> str:
        """``DAYS:LEVEL`` separated by commas, or nothing."""
        read_steps(text)
        return text

    @field_validator("notify_calendar_from")
    @classmethod
    def check_calendar_from(cls, text: str) -> str:
        """``MM-DD`` or nothing."""
        read_yearly_day(text)
        return text

    @field_validator("notify_calendar_to")
    @classmethod
    def check_calendar_to(cls, text: str) -> str:
        """Codes of units separated by commas, each maybe with a level: ``UNIT:head``."""
        read_calendar_targets(text)
        return text

    @field_validator("notify_quiet_hours")
    @classmethod
    def check_quiet_hours(cls, text: str) -> str:
        """``HH:MM-HH:MM`` or nothing."""
        read_quiet_hours(text)
        return text

    @field_validator("notify_urgent")
    @classmethod
    def check_urgent(cls, text: str) -> str:
        """Kinds of notices separated by commas, or nothing."""
        read_kinds(text)
        return text

    @field_validator("notify_daily_cap")
    @classmethod
    def check_daily_cap(cls, text: str) -> str:
        """A number, or ``CHANNEL:NUMBER`` separated by commas, or nothing."""
        read_caps(text)
        return text

    @field_validator("notify_allow")
    @classmethod
    def check_allow(cls, text: str) -> str:
        """Addresses separated by commas, or a file with one a line, or nothing."""
        read_allow(text)
        return text

    @field_validator("notify_digest_at")
    @classmethod
    def check_digest_at(cls, text: str) -> str:
        """``HH:MM`` separated by commas, or nothing."""
        read_times(text)
        return text

    @field_validator("notify_due_today")
    @classmethod
    def check_due_today(cls, text: str) -> str:
        """``HH:MM`` or nothing."""
        read_time(text)
        return text

    @model_validator(mode="after")
    def check_price_counts(self) -> "NotifySettings":
        """As many prices as there is something to pay for."""
        prices, gateways = read_prices(self.notify_kannel_price), self.notify_kannel_url
        if len(prices) > 1 and len(prices) != len(split_urls(gateways)):
            raise ValueError("MOTCUA_NOTIFY_KANNEL_PRICE: one for all gateways, or one for each")
        if len(read_prices(self.notify_smtp_price)) > 1:
            raise ValueError("MOTCUA_NOTIFY_SMTP_PRICE: give one price")
        return self

    @model_validator(mode="after")
    def spread_smtp_url(self) -> "NotifySettings":
        """Read ``smtp://``, ``smtp+opportunistic://``, ``smtp+starttls://`` or
        ``smtps://user:password@host:port``."""
        given = self.notify_smtp_url.get_secret_value().strip()
        if given:
            url = _split(given)
            modes = {
                "smtp": ("none", 25),
                "smtp+opportunistic": ("opportunistic", 25),
                "smtp+starttls": ("starttls", 587),
                "smtps": ("tls", 465),
            }
            if url is None or url.scheme not in modes:
                raise ValueError("MOTCUA_NOTIFY_SMTP_URL: write smtp://host:port")
            tls, port = modes[url.scheme]
            self.notify_smtp_host, self.notify_smtp_port = url.hostname, url.port or port
            self.notify_smtp_tls = tls  # type: ignore[assignment]
            if url.username:
                self.notify_smtp_user = unquote(url.username)
                self.notify_smtp_password = SecretStr(unquote(url.password or ""))
        if self.notify_smtp_host and not is_address(self.notify_smtp_from):
            raise ValueError("MOTCUA_NOTIFY_SMTP_FROM: give the sender's address")
        if self.notify_smtp_bounces and not is_address(self.notify_smtp_bounces):
            raise ValueError("MOTCUA_NOTIFY_SMTP_BOUNCES: give an address, or nothing")
        if bool(self.notify_smtp_user) != bool(self.notify_smtp_password.get_secret_value()):
            raise ValueError("MOTCUA_NOTIFY_SMTP_PASSWORD: a user and a password go together")
        return self

    @model_validator(mode="after")
    def check_dkim(self) -> "NotifySettings":
        """All three parts of a signature, or none."""
        given = (self.notify_dkim_domain, self.notify_dkim_selector, self.notify_dkim_key_path)
        if any(given) and not all(given):
            raise ValueError(
                "MOTCUA_NOTIFY_DKIM_DOMAIN: goes together with MOTCUA_NOTIFY_DKIM_SELECTOR and"
                " MOTCUA_NOTIFY_DKIM_KEY_PATH"
            )
        if any(given) and not all(map(LABELS.fullmatch, given[:2])):
            raise ValueError("MOTCUA_NOTIFY_DKIM_DOMAIN: write domain and selector in ASCII")
        return self

    @property
    def gateways(self) -> list[Gateway]:
        """The SMS gateways, in the order in which they are tried."""
        found = []
        urls = split_urls(self.notify_kannel_url)
        prices: list[int | None] = [*read_prices(self.notify_kannel_price)] or [None]
        if len(prices) == 1:
            prices *= len(urls)
        for number, (text, price) in enumerate(zip(urls, prices, strict=True), 1):
            url = read_url(text)
            user, password = self.notify_kannel_user, self.notify_kannel_password
            if url.username is not None:
                user, password = unquote(url.username), SecretStr(unquote(url.password or ""))
                url = url._replace(netloc=url.netloc.rpartition("@")[2])
            name = "kannel" if number == 1 else f"kannel-{number}"
            found.append(Gateway(name, url.geturl(), user, password, price))
        return found

    @property
    def letter_price(self) -> int | None:
        """VND for a letter; null where unknown."""
        return next(iter(read_prices(self.notify_smtp_price)), None)

    @property
    def described(self) -> list[str]:
        """The names of the described gateways, in the order in which they are tried."""
        return [name for name in self.notify_gateways.split(",") if name]

    @property
    def stale_after(self) -> timedelta:
        """The age beyond which nothing is sent."""
        return timedelta(hours=self.notify_stale_hours)

    @property
    def approach(self) -> timedelta:
        """How long before a due date its officers are told; zero: not at all."""
        return timedelta(hours=self.notify_approach_hours)

    @property
    def day_of(self) -> time | None:
        """When on the due day its officers are told; null: not at all."""
        return read_time(self.notify_day_of)

    @property
    def overdue(self) -> tuple[tuple[int, str], ...]:
        """After how many days which level is told of a dossier that is open still."""
        return read_steps(self.notify_overdue)

    @property
    def calendar_from(self) -> YearlyDay | None:
        """From which day on the next year's calendar is missed; null: never."""
        return read_yearly_day(self.notify_calendar_from)

    @property
    def calendar_to(self) -> tuple[str, ...]:
        """Who is told of it besides the help desks of the plans."""
        return read_calendar_targets(self.notify_calendar_to)

    @property
    def clock_slack(self) -> timedelta:
        """How far the clocks of two machines may lie apart."""
        return timedelta(seconds=self.notify_clock_slack)

    @property
    def trial(self) -> Trial:
        """Who is sent anything at all."""
        return Trial(self.notify_dry_run, read_allow(self.notify_allow))

    @property
    def leaving(self) -> Leaving:
        """What holds for the time at which notices leave."""
        return Leaving(
            read_quiet_hours(self.notify_quiet_hours),
            timedelta(minutes=self.notify_morning_minutes),
            read_kinds(self.notify_urgent),
            read_caps(self.notify_daily_cap),
            self.notify_digest_over,
            read_times(self.notify_digest_at),
        )

    @property
    def due_today(self) -> time | None:
        """When citizens are told on a due day that it has come; null: not at all."""
        return read_time(self.notify_due_today)

    @property
    def appointment(self) -> timedelta:
        """How long before an appointment its citizen is told that there is no result yet."""
        return timedelta(hours=self.notify_appointment_hours)


def read_time(text: str) -> time | None:
    """``08:00`` as a time; null for an empty text. Raises ``ValueError`` where it reads otherwise."""
    if not text.strip():
        return None
    try:
        return datetime.strptime(text.strip(), "%H:%M").time()  # noqa: DTZ007
    except ValueError:
        raise ValueError("write HH:MM") from None


def read_allow(text: str) -> frozenset[str] | None:
    """The addresses of a list separated by commas, or of a file (a path with a slash); null for an
    empty text. Raises ``ValueError``."""
    text = text.strip()
    if not text:
        return None
    if "/" not in text:
        return read_allowed(text.split(","))
    try:
        lines = Path(text).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ValueError("no such file, or not one in UTF-8") from None
    return read_allowed(lines)


def read_steps(text: str) -> tuple[tuple[int, str], ...]:
    """``3:head,7:district`` as pairs, soonest first; raises ``ValueError``."""
    found = []
    for part in text.split(","):
        if not part.strip():
            continue
        days, _, level = (each.strip() for each in part.partition(":"))
        named = read_level(level or "officer")
        if not (days.isascii() and days.isdigit() and 1 <= int(days) <= 366) or named is None:
            raise ValueError(f"write DAYS:LEVEL with a level of {', '.join(LEVELS)}")
        found.append((int(days), named))
    return tuple(sorted(set(found), key=lambda step: (step[0], LEVELS.index(step[1]))))


def read_calendar_targets(text: str) -> tuple[str, ...]:
    """``461,45:head`` as targets, each once; raises ``ValueError``."""
    found = []
    for part in text.split(","):
        unit, _, level = (each.strip() for each in part.partition(":"))
        if not unit and not level:
            continue
        named = read_level(level) if level else None
        if not unit or "|" in unit or (level and named is None):
            raise ValueError(f"write UNIT or UNIT:LEVEL with a level of {', '.join(LEVELS)}")
        found.append(str(Target(unit, named)))
    return tuple(dict.fromkeys(found))


def _split(text: str) -> SplitResult | None:
    """The parts of an address; None: it has no host, or a port that is no number."""
    try:
        url = urlsplit(text)
        return url if url.hostname and url.port != 0 else None
    except ValueError:
        return None
