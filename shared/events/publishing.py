"""Splits an event: what everybody may read, and the contact that only notify may read."""

import hmac
import re
import unicodedata
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from shared import phones
from shared.events.checking import IncomingEvent
from shared.events.data import (
    Applicant,
    Data,
    Flag,
    Install,
    InstallGiven,
    Quality,
    Submission,
    SubmissionGiven,
)
from shared.redaction import MASK, looks_personal, scrub

FREE_TEXTS = ("reason", "text", "department", "document", "field", "category")
"""Fields in which people type what they like."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")


class PublishedParts(NamedTuple):
    """`contact_json` is None where the event has no applicant."""

    event_json: bytes
    contact_json: bytes | None


def publish(
    incoming: IncomingEvent, *, receivedat: datetime, hash_key: bytes, contact_token: str | None
) -> PublishedParts:
    """The event without personal data, and its contact.

    `contact_token` is the dossier's; an event without an applicant doesn't use it. Raises
    ValueError where it is needed and absent.
    """
    data = incoming.data
    contact: bytes | None = None
    applicant = getattr(data, "applicant", None)
    phone = phones.normalise(applicant.phone) if applicant else phones.INVALID
    keep = tuple(filter(None, (getattr(data, "code", None), getattr(data, "dossier", None))))
    published: Data = data
    if isinstance(data, InstallGiven):
        published = _install(data, hash_key)
    elif isinstance(data, SubmissionGiven):
        published = _submission(data, phone, hash_key, contact_token)
        if data.applicant is not None:
            contact = _contact(incoming, data, phone, contact_token, receivedat)
    body = published.model_dump(mode="json", exclude_none=True)
    if isinstance(data, SubmissionGiven):
        body |= {name: body.get(name) for name in ("contact", "citizen", "applicant_kind")}
    name = _own_name(data)
    for field in FREE_TEXTS:
        if field in body:
            body[field] = _without(scrub(body[field], keep), name)
    if "answers" in body:
        body["answers"] = {
            item: scrub(answer, keep) if isinstance(answer, str) else answer
            for item, answer in body["answers"].items()
            if answer is not None
        }
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": incoming.id,
        "source": incoming.source,
        "type": incoming.type,
        "time": incoming.time.isoformat(),
        "receivedat": receivedat.isoformat(),
        "datacontenttype": "application/json",
        "data": body,
    }
    if incoming.backfill:
        event["backfill"] = True
    if incoming.subject is not None:
        event["subject"] = _without(scrub(incoming.subject, keep), name)
    return PublishedParts(orjson.dumps(event), contact)


def hash_citizen(text: str, key: bytes) -> str:
    """The keyed hash of a citizen, in hex: of the phone number where the text is one."""
    phone = phones.normalise(text)
    return _hash(key, "citizen:", phone.e164 or _tidy(text))


def hash_device(text: str, key: bytes) -> str:
    """The keyed hash of a device, in hex."""
    return _hash(key, "device:", _tidy(text))


def judge(applicant: Applicant | None, phone: phones.Phone) -> Quality:
    """How good an applicant's contact data are, given the number that the phone field holds."""
    if applicant is None:
        return Quality(name="missing", phone="missing", email="missing")
    return Quality(
        name=_flag(applicant.name, _is_name),
        phone=_flag(applicant.phone, lambda _: phone.kind == "mobile"),
        email=_flag(applicant.email, _is_email),
    )


def _install(data: InstallGiven, key: bytes) -> Install:
    return Install.model_construct(
        **data.model_dump(exclude={"device", "citizen"}),
        device=hash_device(data.device, key) if data.device else None,
        citizen=hash_citizen(data.citizen, key) if data.citizen else None,
    )


def _submission(
    data: SubmissionGiven, phone: phones.Phone, key: bytes, token: str | None
) -> Submission:
    applicant = data.applicant
    if applicant is not None and not token:
        raise ValueError("an event with an applicant needs a contact token")
    return Submission.model_construct(
        **data.model_dump(exclude={"applicant"}),
        contact=token if applicant is not None else None,
        citizen=_hash(key, "citizen:", phone.e164) if phone.e164 else None,
        applicant_kind=applicant.kind if applicant else None,
        quality=judge(applicant, phone),
    )


def _contact(
    incoming: IncomingEvent,
    data: SubmissionGiven,
    phone: phones.Phone,
    token: str | None,
    receivedat: datetime,
) -> bytes:
    applicant = data.applicant
    assert applicant is not None
    email = (applicant.email or "").strip()
    contact = {
        "token": token,
        "code": data.code,
        "name": _tidy(applicant.name) if applicant.name else None,
        "phone": phone.e164 if phone.kind == "mobile" else None,
        "email": email if _is_email(email) else None,
        "kind": applicant.kind,
        "notify": applicant.notify,
        "source": incoming.source,
        "id": incoming.id,
        "time": incoming.time.isoformat(),
        "receivedat": receivedat.isoformat(),
    }
    return orjson.dumps(contact)


def listed_contact(
    incoming: IncomingEvent, code: str, token: str, name: str, phone: str, *, receivedat: datetime
) -> bytes:
    """The contact of somebody on a list of people to ask, as `code` stands for them: no notices.

    Its id is its own: many come of one event.
    """
    contact = {
        "token": token,
        "code": code,
        "name": _tidy(name),
        "phone": phones.normalise(phone).e164,
        "email": None,
        "kind": "person",
        "notify": [],
        "source": incoming.source,
        "id": f"{incoming.id}/{code}",
        "time": incoming.time.isoformat(),
        "receivedat": receivedat.isoformat(),
    }
    return orjson.dumps(contact)


def _flag(value: str | None, good: Any) -> Flag:
    if not value:
        return "missing"
    return "present" if good(value) else "invalid"


def _is_name(text: str) -> bool:
    return sum(c.isalpha() for c in text) >= 2 and not looks_personal(text)


def _is_email(text: str) -> bool:
    return len(text) <= 254 and bool(_EMAIL.fullmatch(text.strip()))


def _own_name(data: Data) -> str | None:
    if not isinstance(data, SubmissionGiven) or not data.applicant or not data.applicant.name:
        return None
    name = _tidy(data.applicant.name)
    return name if len(name) >= 4 else None


def _without(text: str, name: str | None) -> str:
    if name is None:
        return text
    pattern = r"\s+".join(map(re.escape, name.split()))
    return re.sub(rf"(?<!\w){pattern}(?!\w)", MASK, text, flags=re.IGNORECASE)


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _hash(key: bytes, domain: str, text: str) -> str:
    return hmac.new(key, (domain + text).encode(), sha256).hexdigest()
