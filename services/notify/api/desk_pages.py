"""Pages beside the outbox: costs, and the texts with their previews."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from services.notify.api import costs
from services.notify.api import templates as text_api
from services.notify.api.budgets import show_budgets
from services.notify.api.frame import HEADERS, Frame, given
from services.notify.api.showing import Scope
from services.notify.api.words import LANGUAGES
from services.notify.clients import NAMES, Name
from services.notify.handlers.desk import Desk
from services.notify.rules import texts
from services.notify.store import costs as cost_store
from services.notify.store import texts as store
from shared import clock
from shared.db import take_turn
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem

FORM_BYTES = 96 << 10


def add_desk_pages(
    router: APIRouter,
    frame: Frame,
    desk: Desk,
    scope: Scope,
    price: Any,
    unpriced: Sequence[str] = (),
) -> None:
    """Add the pages; ``price`` gives the VND of a segment, null where it is unknown, ``unpriced``
    are the ways out without one."""
    database = frame.service.database

    @router.get("/notices/costs", include_in_schema=False)
    async def show_costs(request: Request) -> Response:
        key = await frame.identify(request)
        if key is None:
            return frame.render(request, "login.html", wrong=False)
        asked, faults, units = given(request, "unit", "month", "until"), [], None
        try:
            units = scope.units(key, asked.get("unit"))
        except Problem:
            units = frozenset()
            faults.append("bad_unit")
        try:
            since, end = costs.read_months(asked.get("month"), asked.get("until"))
        except Problem:
            since, end = costs.read_months(None, None)
            faults.append("bad_month")
        async with database.transaction() as session:
            rows = await cost_store.sum_costs(session, since, end, units)
            month = f"{since.astimezone(clock.VN):%Y-%m}"
            budgets = await show_budgets(session, desk.units, units, month, clock.now())
        shown = [costs.show(row, desk.units) for row in rows]
        return frame.render(
            request,
            "costs.html",
            rows=shown,
            budgets=budgets["budgets"],
            unpriced=unpriced,
            total=costs.total(shown),
            sums=costs.SUMS,
            asked={"unit": "", "until": "", **asked, "month": month},
            faults=faults,
            caller=key.name,
        )

    @router.get("/notices/texts", include_in_schema=False)
    async def show_texts(request: Request) -> Response:
        key = await frame.identify(request)
        if key is None:
            return frame.render(request, "login.html", wrong=False)
        async with database.transaction() as session:
            stored = {row.name: row for row in await store.current(session)}
        groups: dict[str, list[dict[str, Any]]] = {}
        for name in NAMES:
            shown = text_api.show(desk, name, stored.get(name), price())
            groups.setdefault(name[0], []).append(shown)
        return frame.render(request, "texts.html", groups=groups, caller=key.name)

    @router.get("/notices/texts/{name}", include_in_schema=False)
    async def show_text(request: Request, name: str) -> Response:
        key = await frame.identify(request)
        if key is None:
            return frame.render(request, "login.html", wrong=False)
        try:
            known = text_api.known(name)
        except Problem:
            return frame.render(request, "gone.html", 404)
        return await one(request, key, known, saved="saved" in request.query_params)

    async def one(
        request: Request, key: Key, name: Name, status: int = 200, saved: bool = False, **tried: Any
    ) -> Response:
        async with database.transaction() as session:
            versions = await store.versions(session, name)
        shown = text_api.show(desk, name, versions[0] if versions else None, price())
        return frame.render(
            request,
            "text.html",
            status,
            text=shown | tried,
            variables=sorted(texts.VARIABLES[name[0]]),
            versions=versions,
            may_save=key.may("admin") and not key.units,
            saved=saved,
            tried=bool(tried),
            caller=key.name,
        )

    @router.post("/notices/texts/{name}", include_in_schema=False)
    async def change_text(request: Request, name: str) -> Response:
        key = await frame.identify(request)
        if key is None:
            return frame.render(request, "login.html", 401, wrong=True)
        try:
            known = text_api.known(name)
        except Problem:
            return frame.render(request, "gone.html", 404)
        body = (await read_body(request, FORM_BYTES)).decode("utf-8", "replace")
        form = {n: v[-1] for n, v in parse_qs(body, keep_blank_values=True).items()}
        source = form.get("text", "").replace("\r\n", "\n").replace("\0", "")
        try:
            preview = text_api.preview_of(known, source, {}, price())
        except Problem as found:
            faults = [str(each["message"]) for each in found.errors or ()]
            return await one(request, key, known, 422, text=source, preview=None, faults=faults)
        if form.get("do") != "save":
            return await one(request, key, known, text=source, preview=preview, faults=[])
        if not key.may("admin") or key.units:
            return await one(request, key, known, 403, text=source, preview=preview, faults=[])
        async with database.transaction() as session:
            await take_turn(session, "store")
            versions = await store.versions(session, known)
            if not versions or versions[0].source != source:
                await store.add(session, known, source, key.id, key.name, clock.now())
        asked = request.query_params.get("lang")
        query = {"lang": asked} if asked in LANGUAGES else {}
        target = f"{'.'.join(known)}?{urlencode(query | {'saved': '1'})}"
        return RedirectResponse(target, 303, headers=HEADERS)
