"""A dossier's page for its applicant: its story, how they are told, and "not my number".

Reading changes nothing, however often and by whatever program a link is followed. What changes
something is sent by a form of the page itself, which carries a seal.
"""

import base64
import hashlib
import hmac
import re
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment

from services.notify.api.limits import Limiter
from services.notify.api.status_words import TEXT_VERSION, word
from services.notify.api.words import LANGUAGES, language_of
from services.notify.handlers.choices import Shown, choose, open_page, report_wrong, stop_letters
from services.notify.handlers.desk import Desk
from services.notify.rules.links import masked, read_token, seal_of, stop_of
from services.notify.rules.notices import day_text
from services.notify.rules.timeline import Step, Timeline
from shared import clock
from shared.browser import from_own_page
from shared.clock import local_day
from shared.db import Database
from shared.http import read_body

FORM_BYTES = 2048
READS_PER_MINUTE, READS_AT_ONCE = 60, 60
CHANGES_PER_MINUTE, CHANGES_AT_ONCE = 6, 12
STYLE = (
    "body{font:16px/1.5 sans-serif;margin:0 auto;padding:8px;max-width:34em;color:#111;"
    "background:#fff;overflow-wrap:anywhere}h1{font-size:1.25em;margin:.2em 0}"
    "h2{font-size:1.1em;margin:.8em 0 .2em}p{margin:.4em 0}ol{margin:.2em 0;padding-left:1.6em}"
    "button,select{font:inherit;padding:.5em;width:100%;min-height:44px;box-sizing:border-box}"
    "button{background:#0b5cad;color:#fff;border:0;border-radius:4px}label{display:inline-block;"
    "padding:.25em 0}.soft{color:#555}.late{color:#b3261e}.done{color:#1b6e3c;font-weight:bold}"
    "input{width:24px;height:24px;vertical-align:middle}hr{border:0;border-top:1px solid #ccc;margin:1em 0}"
)
"""Small, and within the page: an old phone asks for one file."""
HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{HASH}'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
CHANNELS: dict[str, list[Any]] = {
    "sms": ["sms"],
    "email": ["email"],
    "both": ["sms", "email"],
    "none": [],
}
ONE_CLICK = re.compile(r'List-Unsubscribe("?\r\n\r\n|=)One-Click')
"""As a form's only field, of either kind of form."""
DONE = ("choose", "none", "again", "barred", "wrong")
ENDS = ("result_ready", "result_posted", "returned", "withdrawn", "refused")


def add_status_page(
    router: APIRouter, database: Database, desk: Desk, environment: Environment
) -> None:
    """Add the page."""
    reads = Limiter(READS_PER_MINUTE, READS_AT_ONCE)
    changes = Limiter(CHANGES_PER_MINUTE, CHANGES_AT_ONCE)

    def render(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        language = asked_language(request)
        text = environment.get_template(f"status/{name}.html").render(
            say=lambda text, **given: word(text, language, **given),
            language=language,
            style=STYLE,
            **values,
        )
        later = {"Retry-After": str(values["seconds"])} if "seconds" in values else {}
        return HTMLResponse(text, status, headers=HEADERS | later)

    def refusal(request: Request, limiter: Limiter) -> Response | None:
        """What a caller reads who asks too often."""
        seconds = limiter.wait(request.client.host if request.client else "")
        if not seconds:
            return None
        return render(request, "busy", 429, seconds=seconds)

    async def find(text: str) -> tuple[str, Shown] | None:
        token = read_token(text)
        if token is None:
            return None
        async with database.transaction() as session:
            await desk.refresh(session)
            shown = await open_page(session, desk, token, clock.today())
        return (token, shown) if shown else None

    @router.api_route("/s/{text}", methods=["GET", "HEAD"], include_in_schema=False)
    async def show(request: Request, text: str) -> Response:
        if refused := refusal(request, reads):
            return refused
        found = await find(text)
        if found is None:
            return render(request, "none", 404)
        done, fault = request.query_params.get("done"), request.query_params.get("fault")
        return render(
            request,
            "page",
            done=done if done in DONE else None,
            fault="form" if fault else None,
            **contents(desk, *found, asked_language(request)),
        )

    @router.post("/s/{text}", include_in_schema=False)
    async def change(request: Request, text: str) -> Response:
        if refused := refusal(request, changes):
            return refused
        body = (await read_body(request, FORM_BYTES)).decode("utf-8", "replace")
        found = await find(text)
        if found is None:
            return render(request, "none", 404)
        token, shown = found
        form = {name: values[-1] for name, values in parse_qs(body).items()}
        if not sealed(request, token, form):
            answer = "fault=form"
        elif asks_again(shown, form):
            return render(
                request,
                "again",
                code=masked(shown.code),
                office=desk.office(shown.timeline.unit, clock.now()),
                seal=form["seal"],
                channel=form["channel"],
                wanted_language=form["language"],
            )
        else:
            answer = await apply(token, shown, form)
        lang = asked_language(request)
        return RedirectResponse(f"{token}?lang={lang}&{answer}", 303, headers=HEADERS)

    @router.get("/s/{text}/stop/{seal}", include_in_schema=False)
    async def ask_to_stop(request: Request, text: str, seal: str) -> Response:
        """The page, on which the reader decides: programs follow links, too."""
        return RedirectResponse(f"../../{read_token(text) or '-'}", 303, headers=HEADERS)

    @router.post("/s/{text}/stop/{seal}", include_in_schema=False)
    async def stop(request: Request, text: str, seal: str) -> Response:
        """One click in a mail program (RFC 8058), which sends no cookies and no origin."""
        if refused := refusal(request, changes):
            return refused
        body = (await read_body(request, FORM_BYTES)).decode("utf-8", "replace")
        found = await find(text)
        if found is None or not hmac.compare_digest(seal.encode(), stop_seal(found[0]).encode()):
            return render(request, "none", 404)
        if not ONE_CLICK.search(body):
            return RedirectResponse(f"../../{found[0]}", 303, headers=HEADERS)
        async with database.transaction() as session:
            await stop_letters(session, desk, found[1], f"{TEXT_VERSION}:one-click")
        desk.wake()
        return Response(status_code=204, headers=HEADERS)

    def stop_seal(token: str) -> str:
        assert desk.link_key is not None
        return stop_of(desk.link_key, token)

    def sealed(request: Request, token: str, form: dict[str, str]) -> bool:
        """Whether a form of the page was sent, by the page."""
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        told = site is not None or origin not in (None, "null")  # without a referrer it is "null"
        if told and not from_own_page(request):
            return False
        assert desk.link_key is not None
        return hmac.compare_digest(
            form.get("seal", "").encode(), seal_of(desk.link_key, token).encode()
        )

    async def apply(token: str, shown: Shown, form: dict[str, str]) -> str:
        """Do what a form says; how the page answers."""
        channel, language = form.get("channel", ""), form.get("language")
        async with database.transaction() as session:
            if form.get("do") == "choose" and channel in CHANNELS and language in LANGUAGES:
                agreed = ":again" if stopped(shown) and channel != "none" else ""
                version = f"{TEXT_VERSION}{agreed}:{language}"
                wanted = CHANNELS[channel]
                await choose(session, desk, shown.code, wanted, language, version)
                answer = f"done={outcome_of(shown, wanted)}"
            elif form.get("do") == "wrong" and channel in ("sms", "email"):
                everywhere = form.get("everywhere") == "yes"
                await report_wrong(session, desk, shown.code, channel, everywhere)  # type: ignore[arg-type]
                answer = "done=wrong"
            else:
                return "fault=form"
        desk.wake()
        return answer


def stopped(shown: Shown) -> bool:
    """Whether the applicant has chosen to be told nothing."""
    return shown.contact is not None and shown.contact.notify == ()


def asks_again(shown: Shown, form: dict[str, str]) -> bool:
    """Whether somebody who was to be told nothing would be told again, and has not confirmed it."""
    return (
        stopped(shown)
        and form.get("do") == "choose"
        and bool(CHANNELS.get(form.get("channel", "")))
        and form.get("language") in LANGUAGES
        and form.get("confirm") != "yes"
    )


def outcome_of(shown: Shown, wanted: list[Any]) -> str:
    """What is said of a choice that was kept."""
    if not wanted:
        return "none"
    if shown.contact is not None and set(wanted) <= shown.contact.barred:
        return "barred"
    return "again" if stopped(shown) else "choose"


def asked_language(request: Request) -> str:
    """The language of the page."""
    return language_of(request.query_params.get("lang"), request.headers.get("accept-language"))


def contents(desk: Desk, token: str, shown: Shown, language: str) -> dict[str, Any]:
    """What the page shows."""
    assert desk.link_key is not None
    timeline, contact = shown.timeline, shown.contact
    phone = desk.offices.phone(timeline.unit, clock.now()) if desk.offices else None
    return {
        "code": masked(shown.code),
        "office": desk.office(timeline.unit, clock.now()),
        "phone": phone,
        "phone_link": "".join(sign for sign in phone or "" if sign.isdigit() or sign == "+"),
        "state": state_of(timeline, language),
        "due": day_text(timeline.due) if timeline.due else None,
        "late": timeline.late,
        "return_by": timeline.return_by if timeline.return_by in ("post", "counter") else None,
        "steps": [
            {"day": day_text(local_day(step.at)), "text": step_text(step, language)}
            for step in timeline.steps
        ],
        "seal": seal_of(desk.link_key, token),
        "chosen": chosen(contact.notify if contact else None),
        "wanted_language": (contact.language if contact else None) or language,
    }


def chosen(notify: tuple[str, ...] | None) -> str | None:
    """The choice that holds; null where nobody made one."""
    if notify is None:
        return None
    wanted = [each for each in ("sms", "email") if each in notify]
    return next(name for name, channels in CHANNELS.items() if channels == wanted)


def state_of(timeline: Timeline, language: str) -> str:
    """Where a dossier stands: what happened last tells most, while it is open or closed."""
    last = next((s for s in reversed(timeline.steps) if s.kind != "moved"), None)
    if not timeline.open:
        ended = next((s for s in reversed(timeline.steps) if s.kind in ENDS), None)
        return word(f"step.{ended.kind}" if ended else "state.closed", language)
    if timeline.paused:
        return word("state.paused", language)
    waiting = last is None or last.kind == "registered" or last.kind.startswith("filed_")
    return word("state.waiting" if waiting else "state.working", language)


def step_text(step: Step, language: str) -> str:
    """One step as the page tells it."""
    if step.days:
        return word("step.moved", language, old=step.days[0], new=step.days[1])
    text = word(f"step.{step.kind}", language)
    return f"{text}: {step.department}" if step.department else text
