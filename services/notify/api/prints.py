"""A dossier's receipt and its letter of apology as PDF."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Depends, Query, Response

from services.notify.api.people import Subject, Why, actor_of
from services.notify.api.print_words import word
from services.notify.api.showing import Scope
from services.notify.handlers.desk import Desk
from services.notify.handlers.printing import Apology, Slip, find_apology, find_slip
from services.notify.rules.notices import day_text
from services.notify.rules.texts import clean
from services.notify.store import people as store
from shared import clock
from shared.clock import local_day
from shared.db import Database
from shared.keys import Key
from shared.printing import to_pdf
from shared.problems import Problem, documented
from shared.service import needs

PAGES = Path(__file__).parent.parent / "pages"
PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {}}, "description": "To be printed"}
}
Language = Annotated[str, Query(alias="lang", pattern="^(vi|en)$")]


def add_prints(router: APIRouter, database: Database, desk: Desk, scope: Scope) -> None:
    """Add what is printed."""
    reader = Annotated[Key, Depends(needs("notices:read"))]
    of_contacts = Annotated[Key, Depends(needs("contacts:read"))]

    @router.get(
        "/v1/dossiers/receipt.pdf",
        tags=["dossiers"],
        response_class=Response,
        responses=PDF | documented(404),
    )
    async def print_receipt(key: reader, code: Subject, language: Language = "vi") -> Response:
        """The slip for the applicant: code, due date, where to ask, and a QR code that leads to the
        dossier's page (where `MOTCUA_NOTIFY_PUBLIC_URL` is set). Nothing personal is on it."""
        async with database.transaction() as session:
            slip = await find_slip(session, desk, code)
        if slip is None or not scope.sees(key, slip.unit):
            raise Problem(404, "No such dossier.")
        content = receipt(desk, slip, language)
        return await pdf("receipt.typ", content, "giay-hen.pdf")

    @router.get(
        "/v1/dossiers/apology.pdf",
        tags=["dossiers"],
        response_class=Response,
        responses=PDF | documented(404),
    )
    async def print_apology(
        key: of_contacts, code: Subject, why: Why = None, language: Language = "vi"
    ) -> Response:
        """A letter of apology for a missed due date, with the applicant's name, to be signed. It is
        recorded who printed it: say `why`."""
        if not why or not why.strip():
            error = {"pointer": "/why", "code": "missing", "message": "Say why: ?why=..."}
            raise Problem(422, errors=[error])
        async with database.transaction() as session:
            letter = await find_apology(session, code, clock.now())
            if letter is None or not scope.sees(key, letter.unit):
                raise Problem(404, "No such dossier, or it missed no due date.")
            actor = actor_of(key, why)
            await store.log_access(session, actor, "letter", clock.now(), codes=[code])
        return await pdf("apology.typ", apology(desk, letter, language), "phieu-xin-loi.pdf")


async def pdf(template: str, content: dict[str, Any], name: str) -> Response:
    """A printed page, made off the loop."""
    body = await asyncio.to_thread(to_pdf, PAGES / template, content)
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type="application/pdf", headers=headers)


def receipt(desk: Desk, slip: Slip, language: str) -> dict[str, Any]:
    """What the slip shows."""

    def say(name: str) -> str:
        return word(name, language)

    day = slip.received_at or slip.submitted_at
    rows = [
        (say("code"), slip.code),
        (say("procedure"), slip.procedure),
        (say("filed"), say(f"filed.{slip.channel}")),
        (say("received" if slip.received_at else "sent"), day_text(local_day(day))),
        (say("due"), day_text(slip.due) if slip.due else say("no_due")),
    ]
    if slip.return_by in ("counter", "post"):
        rows.append((say("return"), say(f"return.{slip.return_by}")))
    office = desk.offices.find(slip.unit, day) if desk.offices else None
    if office is not None:
        given = (("phone", office.phone), ("address", office.address), ("hours", office.hours))
        rows += [(say(name), value) for name, value in given if value]
    return {
        "language": language,
        "office": desk.office(slip.unit, day),
        "heading": say("receipt"),
        "rows": [(name, clean("code", value)) for name, value in rows],
        "qr": segno.make(slip.link, error="m", micro=False).svg_inline() if slip.link else None,
        "follow": say("follow"),
        "link": slip.link,
        "link_label": say("link"),
        "note": say("note") if slip.link else "",
    }


def apology(desk: Desk, letter: Apology, language: str) -> dict[str, Any]:
    """What the letter says."""

    def say(name: str, **given: Any) -> str:
        return word(name, language, **given)

    today = clock.today()
    office = desk.office(letter.unit, clock.now())
    phone = desk.offices.phone(letter.unit, clock.now()) if desk.offices else None
    received = day_text(local_day(letter.received_at)) if letter.received_at else say("unknown")
    old, new = day_text(letter.old_due), day_text(letter.new_due) if letter.new_due else None
    reason = clean("reason", letter.reason).rstrip(".") if letter.reason else None
    return {
        "language": language,
        "office": office,
        "number": say("number"),
        "nation": say("nation"),
        "motto": say("motto"),
        "day": say("day", day=today.day, month=today.month, year=today.year),
        "heading": say("apology"),
        "subheading": say("apology.again" if new else "apology.alone"),
        "to": say("to", who=clean("name", letter.name) if letter.name else say("blank")),
        "paragraphs": [
            say("p.what", received=received, office=office, code=letter.code, old=old),
            say("p.reason", reason=reason) if reason else say("p.no_reason"),
            say("p.sorry", office=office),
            say("p.new", new=new) if new else say("p.none"),
            say("p.ask"),
        ],
        "contact": say("contact", phone=phone) if phone else "",
        "signer": say("signer"),
        "sign": say("sign"),
    }
