"""Messages of notify: events, contacts, plans and keys."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.handlers.dossiers import take_contacts
from services.notify.handlers.duties import Duties, PlanMessage, parse_plan
from services.notify.handlers.intake import take_events
from services.notify.handlers.outcomes import take_outcomes
from services.notify.handlers.publications import take_publications
from services.notify.handlers.scheduled import take_scheduled
from shared import events
from shared.service import Service


@dataclass(frozen=True, slots=True)
class ContactMessage:
    """A contact with an identity of its own: it shares (source, id) with the event it came in."""

    contact: events.Contact

    @property
    def uid(self) -> bytes:
        key = f"contact\0{self.contact.source}\0{self.contact.id}"
        return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:16]


def parse_contact(payload: bytes) -> ContactMessage:
    """Read a message of CONTACTS; raises ``ValueError``."""
    return ContactMessage(events.parse_contact(payload))


def attach(service: Service, desk: Desk, duties: Duties) -> None:
    """Consume EVENTS, CONTACTS, PLANS, OUTCOMES and KEYS."""

    async def on_events(session: AsyncSession, batch: Sequence[events.Event]) -> None:
        await desk.refresh(session)
        await take_events(session, desk, duties, batch)

    async def on_contacts(session: AsyncSession, batch: Sequence[ContactMessage]) -> None:
        await desk.refresh(session)
        await take_contacts(session, desk, [message.contact for message in batch])

    async def on_outcomes(session: AsyncSession, batch: Sequence[events.Event]) -> None:
        await desk.refresh(session)
        await take_outcomes(session, desk, await duties.plans(session), batch)
        await take_publications(session, desk, batch)
        await take_scheduled(session, desk, batch)

    async def on_plans(session: AsyncSession, batch: Sequence[PlanMessage]) -> None:
        await desk.refresh(session)
        await duties.take_plans(session, batch)

    service.consume("EVENTS", events.parse, on_events)
    service.consume("CONTACTS", parse_contact, on_contacts, private=True)
    service.consume("PLANS", parse_plan, on_plans)
    service.consume("OUTCOMES", events.parse, on_outcomes)
    service.consume_keys()
