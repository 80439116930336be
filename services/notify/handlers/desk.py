"""What the handlers share: policy, texts, units, and how a decision becomes a notice."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.clients import Offices, Templates
from services.notify.rules.leaving import Leaving, spread_key
from services.notify.rules.links import stop_of, token_of
from services.notify.rules.notices import Contact, Draft, Fact, Policy, stale_at
from services.notify.rules.texts import KINDS, LANGUAGES
from services.notify.store import links, texts
from services.notify.store.notices import NewNotice
from shared import clock, events, outbox
from shared.clock import local_day
from shared.events.data import Data
from shared.units import UnitRegistry

SOURCE = "/motcua/notify"


@dataclass(slots=True)
class Desk:
    """The settings of every decision. ``wake`` is called when there may be something to send.

    ``templates`` are those of the files, with the stored ones over them once ``refresh`` was
    called; ``files`` are those of the files alone. ``offices`` say where citizens ask;
    ``public_url`` is where citizens reach their dossiers' pages, empty where they cannot;
    ``dashboard_url`` is where officers see their dossiers, empty where texts name no such page.
    """

    units: UnitRegistry
    files: Templates
    policy: Policy
    leaving: Leaving = field(default_factory=Leaving)
    offices: Offices | None = None
    public_url: str = ""
    dashboard_url: str = ""
    wake: Callable[[], None] = field(default=lambda: None)
    templates: Templates = field(init=False)
    newest_text: int = field(default=0, init=False)
    link_key: bytes | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.templates = self.files

    async def refresh(self, session: AsyncSession) -> None:
        """Take in the texts that were stored since: every replica asks before it writes."""
        if self.link_key is None:
            self.link_key = await links.load_key(session)
        newest = await texts.newest(session)
        if newest != self.newest_text:
            stored = await texts.current(session)
            self.templates = self.files.override(
                {row.name: row.source for row in stored if row.source is not None}
            )
            self.newest_text = newest

    def link(self, code: str) -> str | None:
        """The address of a dossier's page; null where citizens cannot reach it."""
        if not self.public_url or self.link_key is None:
            return None
        return f"{self.public_url}/s/{token_of(self.link_key, code)}"

    def unsubscribe(self, row: Any) -> str | None:
        """Where the reader of a notice, by its row, can have an end of letters about a dossier;
        null for officers, and where citizens cannot reach it."""
        page = self.link(row.subject) if row.audience == "citizen" else None
        if page is None or self.link_key is None:
            return None
        return f"{page}/stop/{stop_of(self.link_key, page.rpartition('/')[2])}"

    async def keep_links(self, session: AsyncSession, codes: Collection[str]) -> None:
        """Let the addresses that texts about some dossiers name lead to their pages."""
        if self.link_key is not None and self.public_url:
            tokens = {code: token_of(self.link_key, code) for code in codes}
            await links.put(session, tokens, clock.now())

    def office(self, unit: str, at: datetime) -> str:
        """A unit's name as texts show it."""
        return self.units.name(unit, local_day(at))

    def values(self, row: Any) -> dict[str, str]:
        """What a gateway's own template may be filled in with, of a notice's row: its facts, the
        dossier's code, the name of the office."""
        facts = {name: text for name, text in (row.facts or {}).items() if isinstance(text, str)}
        return {"code": row.subject, "office": self.office(row.unit, row.at)} | facts

    def write(
        self,
        fact: Fact,
        draft: Draft,
        now: datetime,
        *,
        audience: str = "citizen",
        recipient: str = "",
        name: str | None = None,
        language: str = LANGUAGES[0],
        template: str | None = None,
    ) -> NewNotice:
        """A notice with its text; ``name`` and ``language`` are the reader's, ``template`` another
        kind of text that a plan asks for."""
        values: dict[str, str | None] = dict(fact.facts)
        return self.compose(
            NewNotice(
                id=uuid4(),
                subject=fact.subject,
                kind=fact.kind,
                version=fact.version,
                audience=audience,
                recipient=recipient,
                channel=draft.channel,
                address=draft.address,
                unit=fact.unit,
                state=draft.state,
                reason=draft.reason,
                at=fact.at,
                event_uid=fact.origin.uid,
                event_source=fact.origin.source,
                event_time=fact.origin.time,
                stale_at=stale_at(fact.at, fact.origin.time, self.policy),
                next_at=None,
                title=None,
                body="",
                segments=0,
                facts=values,
            ),
            name,
            now,
            language,
            template,
        )

    def compose(
        self,
        notice: NewNotice,
        name: str | None,
        now: datetime,
        language: str = LANGUAGES[0],
        template: str | None = None,
    ) -> NewNotice:
        """Fill in the text, and the instant at which the notice may leave."""
        channel = notice.channel or ("sms" if notice.audience == "citizen" else "email")
        values = {
            **notice.facts,
            "office": self.office(notice.unit, notice.at),
            "name": name,
        }
        values.setdefault("code", notice.subject)
        if self.offices is not None:
            values["office_phone"] = self.offices.phone(notice.unit, notice.at)
            values["office_short"] = self.offices.short(notice.unit)
        values["page"] = self.dashboard_url or None
        if notice.audience == "citizen":
            values["link"] = self.link(notice.subject)
        kind = kind_of_text(template, notice.audience) or notice.kind
        text = self.templates.render(kind, notice.audience, channel, values, language)
        notice.title, notice.body, notice.segments = text.subject, text.body, text.segments
        if name:
            notice.facts = {**notice.facts, "name": name}
        if notice.state == "ready":
            key = spread_key(notice.id, notice.audience, notice.recipient, channel)
            notice.next_at, notice.reason = self.leaving.first_at(
                key, notice.kind, notice.audience, now, notice.stale_at
            )
        elif notice.state != "waiting_contact":
            notice.stale_at = None
        return notice


def kind_of_text(template: str | None, audience: str) -> str | None:
    """The kind of text that a plan means by a template's name, with its ending or without; null
    where there is none for these readers."""
    kind = (template or "").partition(".")[0]
    return kind if KINDS.get(kind) == audience else None


def name_of(contact: Contact | None) -> str | None:
    """The name that a text may address."""
    return contact.name if contact else None


def language_of(contact: Contact | None) -> str:
    """The language that a reader chose, or that of whoever chose none."""
    return (contact.language if contact else None) or LANGUAGES[0]


def announcement(
    type: str, data: Data, *, id: str, time: datetime, unit: str | None, subject: str
) -> outbox.Message:
    """An outcome for the outbox; ``id`` follows from what it reports, so a repeat is dropped."""
    return outbox.Message(
        "OUTCOMES",
        events.subject(type, unit),
        events.message_id(SOURCE, id),
        events.outcome(type, data, source=SOURCE, id=id, time=time, subject=subject),
    )


def plain_facts(facts: Mapping[str, str | None]) -> tuple[tuple[str, str | None], ...]:
    """Stored facts as a rule takes them."""
    return tuple(facts.items())
