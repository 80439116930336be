"""Phone numbers for a survey: many dossiers at once, each look recorded with its reason."""

import asyncio
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.notify.api.people import actor_of
from services.notify.api.showing import Scope
from services.notify.store import people, phones
from shared import clock, listed
from shared.keys import Key
from shared.printing import to_xlsx
from shared.problems import Problem
from shared.redaction import scrub
from shared.service import Service, needs

MOST = 5000
PLAIN = r"^[^\x00]*$"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEADINGS = ("STT", "Mã", "Họ tên", "Điện thoại", "Liên hệ", "Kết quả gọi", "Ghi chú")
STATES = {
    "present": "gọi được",
    "unknown": "không có",
    "missing": "thiếu số",
    "erased": "đã xóa",
    "declined": "không muốn được hỏi",
}
"""State of a contact -> what the sheet says of it."""


class PhonesAsked(BaseModel):
    """Dossier codes, as a sample holds them, and why somebody looks."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
    codes: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=300, pattern=PLAIN)]],
        Field(min_length=1, max_length=MOST),
    ]
    why: Annotated[str, Field(min_length=1, max_length=500, pattern=PLAIN)]
    sample: Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")] | None = None


def add_phones(router: APIRouter, service: Service, scope: Scope) -> None:
    """Add the route for phone lists."""

    @router.post("/v1/contacts/phones", tags=["contacts"])
    async def list_phones(
        asked: PhonesAsked,
        key: Annotated[Key, Depends(needs("contacts:read"))],
        form: Annotated[Literal["json", "xlsx"], Query(alias="format")] = "json",
    ) -> Any:
        """The phone numbers of the applicants of a sample's dossiers, or of the people of a list that
        it names by their references, in the order of the codes; as `xlsx` the sheet to call by.

        `state` says why a number is absent: `unknown` (no contact, or outside the key's units),
        `missing`, `erased`, or `declined` by a consent for the purpose `survey` or `all`. Every
        number that is handed out is recorded with the reason.
        """
        if not asked.why.strip():
            error = {"pointer": "/why", "code": "missing", "message": "Say why you look."}
            raise Problem(422, errors=[error])
        codes = list(dict.fromkeys(asked.codes))
        why = scrub(asked.why.strip()) + (f" (sample {asked.sample})" if asked.sample else "")
        async with service.database.transaction() as session:
            rows = await phones.find(session, codes)
            found = [_show(row, key, scope) for row in rows]
            shown = [row.token for row, one in zip(rows, found, strict=True) if one["phone"]]
            await people.log_access(
                session, actor_of(key, why), "phones", clock.now(), tokens=shown
            )
        if form == "xlsx":
            sheet = await asyncio.to_thread(_sheet, found, asked.sample)
            disposition = f'attachment; filename="call-sheet_{asked.sample or "phones"}.xlsx"'
            headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
            return Response(sheet, media_type=XLSX, headers=headers)
        return {"contacts": found}


def _sheet(found: list[dict[str, Any]], sample: str | None) -> bytes:
    """The sheet that the survey agency calls by and fills in; who cannot be called is on it, too."""
    title = ["Danh sách gọi khảo sát", f"Mã mẫu: {sample or '–'}", f"Số người: {len(found)}"]
    rows = [
        (number, one["code"], one["name"], one["phone"], STATES[one["state"]], None, None)
        for number, one in enumerate(found, 1)
    ]
    return to_xlsx(title, HEADINGS, rows)


def _show(row: sa.Row, key: Key, scope: Scope) -> dict[str, Any]:
    state = _state(row, key, scope)
    present = state == "present"
    return {
        "code": row.code,
        "state": state,
        "name": row.name if present else None,
        "phone": row.phone if present else None,
    }


def _state(row: sa.Row, key: Key, scope: Scope) -> str:
    unit = row.unit or listed.unit_of(row.code)
    outside = bool(key.units) and (unit is None or not scope.sees(key, unit))
    if row.token is None or outside:
        return "unknown"
    if row.erased:
        return "erased"
    if row.channels == [] and not row.withdrawn:
        return "declined"
    return "present" if row.phone else "missing"
