"""Reading an upload: a bounded multipart form, every fault of its fields at once."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from services.intake.handlers.imports import Upload
from services.intake.rules.lists.dates import read_moment, read_month, read_period
from services.intake.rules.lists.kinds import Kind
from services.intake.rules.lists.values import read_choice
from shared import clock
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry, fold

OWN = ("file", "kind", "unit", "period", "source", "sheet", "delivered", "backfill")
LONGEST = 200
_OVERHEAD = 64 << 10


async def read_upload(
    request: Request, key: Key, kinds: Mapping[str, Kind], registry: UnitRegistry, limit: int
) -> Upload:
    """The list in a request, with what was sent beside it.

    Raises:
        Problem: 415 no multipart form, 400 a broken one, 413 too large, 403 a unit or source that
            the key is not bound to, 422 every other fault of its fields.
    """
    form = await _form(request, limit)
    try:
        file, fields, faults = _fields(form)
        content = await file.read() if file is not None else b""
        name = (file.filename or "")[:LONGEST] if file is not None else ""
    finally:
        with contextlib.suppress(OSError):
            await form.close()
    kind = kinds.get(fields.get("kind", ""))
    if "kind" not in fields:
        faults.append(_fault("kind", "missing", f"Thêm kind: {', '.join(kinds)}."))
    elif kind is None:
        message = f"Không có loại này; chọn một trong: {', '.join(kinds)}."
        faults.append(_fault("kind", "unknown_kind", message))
    given: dict[str, str] = {}
    if kind is not None:
        given = _given(fields, kind, registry, faults)
    status = 422
    if not faults:
        _bind(given, key, registry, faults)
        status = 403 if any(f["code"].endswith("_not_allowed") for f in faults) else 422
    if faults:
        raise Problem(status, errors=faults)
    assert kind is not None
    plain = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())
    return Upload(kind.name, plain, content, given)


async def _form(request: Request, limit: int) -> FormData:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "multipart/form-data":
        error = {
            "pointer": "",
            "code": "content_type",
            "message": "Send multipart/form-data with the parts file and kind.",
        }
        raise Problem(415, errors=[error])
    too_large = Problem(413, f"Tệp quá lớn: nhiều nhất {limit} byte.")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit + _OVERHEAD:
        raise too_large

    async def bounded() -> AsyncIterator[bytes]:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit + _OVERHEAD:
                raise too_large
            yield chunk

    try:
        parser = MultiPartParser(request.headers, bounded(), max_files=4, max_fields=60)
        return await parser.parse()
    except (MultiPartException, KeyError, ValueError, UnicodeDecodeError):
        error = {"pointer": "", "code": "not_multipart", "message": "The form cannot be read."}
        raise Problem(400, errors=[error]) from None


def _fields(form: FormData) -> tuple[UploadFile | None, dict[str, str], list[dict[str, str]]]:
    file: UploadFile | None = None
    fields: dict[str, str] = {}
    faults = []
    for name, value in form.multi_items():
        if name == "file":
            if file is not None:
                faults.append(_fault("file", "twice", "Gửi mỗi lần một tệp."))
            elif isinstance(value, UploadFile):
                file = value
            else:
                faults.append(_fault("file", "not_a_file", "Phần file phải có tên tệp."))
        elif not isinstance(value, str):
            faults.append(_fault(name, "not_a_text", "Chỉ phần file mới là tệp."))
        elif name in fields:
            faults.append(_fault(name, "twice", "Gửi mỗi phần một lần."))
        elif len(value) > LONGEST or "\0" in value or not _encodable(value):
            faults.append(_fault(name, "too_long", f"Nhiều nhất {LONGEST} ký tự."))
        elif value.strip():
            fields[name] = value.strip()
    if file is None and not any(f["pointer"] == "/file" for f in faults):
        faults.append(_fault("file", "missing", "Thêm tệp danh sách vào phần file."))
    return file, fields, faults


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _given(
    fields: dict[str, str], kind: Kind, registry: UnitRegistry, faults: list[dict[str, str]]
) -> dict[str, str]:
    """What was sent beside the file, by column, ready to stand in for cells."""
    given: dict[str, str] = {}
    for name, value in fields.items():
        if name in ("file", "kind"):
            continue
        if name in ("source", "sheet"):
            if name == "source" and any(c.isspace() or c in '<>"{}|\\^`' for c in value):
                message = "Nguồn là một URI, như /one-stop/461."
                faults.append(_fault(name, "not_a_uri", message))
            given[name] = value
        elif name == "backfill":
            if value == "true":
                given[name] = value
            elif value != "false":
                faults.append(_fault(name, "wrong_type", "Ghi true, hoặc bỏ phần này."))
        elif name == "delivered":
            moment = read_moment(value)
            if moment is None or moment.at > clock.now() + timedelta(minutes=5):
                message = "Ngày nộp danh sách, như 04/02/2020 16:00, không ở tương lai."
                faults.append(_fault(name, "invalid_date", message))
            else:
                given[name] = moment.at.isoformat()
        elif name == "period":
            _give_period(value, kind, given, faults)
        elif name == "unit" or (name in kind.columns and kind.columns[name].value == "unit"):
            code = value if registry.known(value) else registry.resolve(value)
            if code is None and _names(value, registry):
                code = value  # who bore the name on a row's day is asked for each row
            if code is None:
                near = ", ".join(f"{c} ({registry.name(c)})" for c in registry.nearest(value))
                hint = f" Gần nhất: {near}." if near else ""
                message = f"Không xác định được đơn vị: ghi mã đơn vị.{hint}"
                faults.append(_fault(name, "unknown_unit", message))
            else:
                given[name] = code
        elif name in kind.columns and kind.columns[name].value != "ignored":
            column = kind.columns[name]
            found = read_choice(value, column) if column.value == "choice" else None
            if found is not None and found.fault:
                message = f"Chỉ nhận: {found.hint}."
                faults.append(_fault(name, "not_allowed", message))
            given[name] = found.value if found is not None and found.value else value
        else:
            known = [*OWN, *(c.name for c in kind.columns.values() if c.value != "ignored")]
            message = f"Không có phần này; các phần: {', '.join(dict.fromkeys(known))}."
            faults.append(_fault(name, "unknown_field", message))
    return given


def _names(text: str, registry: UnitRegistry) -> bool:
    """Whether several units bear a name, in their time."""
    wanted = fold(text)
    return any(
        wanted in {fold(name) for name in (unit.name, *unit.aliases)}
        for code in registry.nearest(text)
        for unit in registry.versions(code)
    )


def _give_period(
    value: str, kind: Kind, given: dict[str, str], faults: list[dict[str, str]]
) -> None:
    column = next((c for c in kind.columns.values() if c.value in ("month", "period")), None)
    if column is None:
        faults.append(_fault("period", "unknown_field", "Loại danh sách này không có kỳ."))
        return
    period = read_month(value) if column.value == "month" else read_period(value)
    if period is None:
        message = "Viết tháng như 2020-01." if column.value == "month" else "Viết kỳ như 2020-01."
        faults.append(_fault("period", "invalid_period", message))
        return
    given[column.name] = period


def _bind(
    given: dict[str, str], key: Key, registry: UnitRegistry, faults: list[dict[str, str]]
) -> None:
    """Hold what was sent against what the key is bound to, and take from the key what was not."""
    if "unit" in given:
        known = registry.known(given["unit"])
        allowed = not (key.units and known) or any(
            registry.within(given["unit"], key.units, unit.valid_from)
            for unit in registry.versions(given["unit"])
        )
        if not allowed:
            message = "Khoá không được gửi thay đơn vị này."
            faults.append(_fault("unit", "unit_not_allowed", message))
    elif len(key.units) == 1:
        given["unit"] = next(iter(key.units))
    if "source" in given:
        if key.sources and given["source"] not in key.sources:
            message = "Khoá không được gửi dưới tên nguồn này."
            faults.append(_fault("source", "source_not_allowed", message))
    elif len(key.sources) == 1:
        given["source"] = next(iter(key.sources))
    elif key.sources:
        message = "Khoá gắn với nhiều nguồn: thêm source."
        faults.append(_fault("source", "missing", message))


def _fault(name: str, code: str, message: str) -> dict[str, Any]:
    plain = name if name.isascii() and name.replace("_", "").isalnum() and len(name) < 40 else ""
    return {"pointer": f"/{plain}" if plain else "", "code": code, "message": message}
