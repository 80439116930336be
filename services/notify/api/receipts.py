"""Delivery receipts over HTTP, of every provider that reports this way."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from services.notify.clients import Call, Forbidden, KannelReports, Reporter, Unreadable
from services.notify.handlers.delivery import Delivery
from shared.http import read_body
from shared.problems import Problem

RECEIPT_BYTES = 256 << 10
KANNEL = re.compile(r"kannel(-\d{1,3})?")


def add_receipts(router: APIRouter, delivery: Delivery, reporters: Mapping[str, Reporter]) -> None:
    """Add the address at which providers report; ``reporters`` are those that are described."""
    kannel = KannelReports()

    @router.api_route("/v1/receipts/{provider}", methods=["GET", "POST"], tags=["receipts"])
    async def receive(request: Request, provider: str) -> Response:
        """Reports on messages, each applied once and in any order; repeats change nothing.

        Kannel's carry a reference that only it and we know; a described gateway shows its key in
        the address, or its signature.
        """
        # What was sent through a gateway that is no longer configured may still be reported.
        reporter = reporters.get(provider) or (kannel if KANNEL.fullmatch(provider) else None)
        if reporter is None:
            raise Problem(404, "No such provider reports here.")
        body = await read_body(request, RECEIPT_BYTES) if request.method == "POST" else b""
        given = parse_qs(request.url.query, keep_blank_values=True)
        query = {name: values[-1] for name, values in given.items()}
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            reports = reporter.read(Call(query, headers, body))
        except Forbidden:
            raise Problem(403, "The key or the signature is not that of the provider.") from None
        except Unreadable as fault:
            pointer = f"/{fault.field.replace('.', '/')}" if fault.field else ""
            error = {"pointer": pointer, "code": "unknown_receipt", "message": "Not a receipt."}
            raise Problem(422, errors=[error]) from None
        known = [await delivery.receiving.hear(provider, report) for report in reports]
        if reports and not any(known):
            raise Problem(404, "Nothing was sent under this reference.")
        if reporter.reply is not None:
            return Response(reporter.reply, media_type="text/plain; charset=utf-8")
        told: dict[str, Any] = {"receipts": len(reports)}
        if len(reports) == 1:
            told["receipt"] = reports[0].receipt
        return JSONResponse(told)
