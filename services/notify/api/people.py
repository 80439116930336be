"""Consents, contacts, their erasure, and who looked at them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.api.showing import Scope
from services.notify.handlers.desk import Desk
from services.notify.handlers.dossiers import CITIZEN
from services.notify.handlers.people import Erasure, Gone, Unproven, record_consent
from services.notify.handlers.tombstones import tell_intake
from services.notify.store import people as store
from services.notify.store.people import Actor, Consent
from shared import clock
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem, documented
from shared.service import Service, caller, needs

PROOF = (
    "This address was said to be somebody else's. Say `how` the person agreed, and in `note` or"
    " `text_version` what shows it."
)
CONSENT_BYTES = 16 << 10
TOKENS_BYTES = 512 << 10
SKEW = timedelta(minutes=5)
Channel = Literal["sms", "email"]
Text = r"^[^\x00]*$"
Why = Annotated[
    str | None, Query(max_length=500, pattern=Text, description="Why the data are looked at")
]
TOKEN = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
Token = Annotated[str, Path(max_length=200, pattern=TOKEN)]
"""Letters that can neither end nor widen the subject of a message."""
Subject = Annotated[str, Query(min_length=1, max_length=300, pattern=Text)]


class GivenConsent(BaseModel):
    """A decision: to be told nothing (`opt_out`), through which `channels` (an empty list is an
    opt-out too), or `withdrawn`: earlier decisions no longer hold, and what came with the dossier
    does again. `at` is when the person decided, `how` they said so, `text_version` what they were
    shown; `language` is the one in which they want to be told.

    Messages about a dossier follow the purposes `status` and `all`; others are kept as a proof.
    Where an address was said to be somebody else's, only what says `how` the person agreed, and in
    `note` or `text_version` what shows it, has messages sent to it again; without, it is refused.
    """

    model_config = ConfigDict(extra="forbid")
    token: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    code: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    purpose: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")] = "status"
    opt_out: Annotated[bool, Field(strict=True)] | None = None
    channels: list[Channel] | None = None
    withdrawn: Annotated[bool, Field(strict=True)] | None = None
    at: AwareDatetime | None = None
    how: Annotated[str, Field(min_length=1, max_length=40)] = "api"
    note: Annotated[str, Field(max_length=500)] | None = None
    language: Literal["vi", "en"] | None = None
    text_version: Annotated[str, Field(min_length=1, max_length=80)] | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> "GivenConsent":
        if (self.token is None) == (self.code is None):
            raise ValueError("give either token or code")
        choices = [self.opt_out is True, self.channels is not None, self.withdrawn is True]
        if sum(choices) != 1:
            raise ValueError("give one of opt_out, channels, withdrawn")
        for text in (self.token, self.code, self.how, self.note, self.text_version):
            if text and "\0" in text:
                raise ValueError("no NUL characters")
        return self


def add_people(
    router: APIRouter, service: Service, desk: Desk, erasure: Erasure, scope: Scope
) -> None:
    """Add the routes about people."""
    database = service.database
    reader = Annotated[Key, Depends(needs("contacts:read"))]

    async def check_unit(session: AsyncSession, key: Key, code: str | None) -> None:
        """Raise ``Problem`` 404 unless the key covers the dossier's unit."""
        if not key.units:
            return
        unit = await store.unit_of(session, code) if code else None
        if unit is None or not scope.sees(key, unit):
            raise Problem(404, "No such contact.")

    @router.post("/v1/consents", status_code=201, tags=["contacts"], responses=documented(404, 409))
    async def post_consent(
        request: Request, key: Annotated[Key, Depends(caller)]
    ) -> dict[str, Any]:
        """Keep a decision of a person about being told; it holds at once and from then on. Who was
        erased cannot agree to be told again."""
        if not key.may("events:write"):
            raise Problem(403, "This needs the scope events:write.")
        given = read_consent(await read_body(request, CONSENT_BYTES))
        now = clock.now()
        if given.at is not None and given.at > now + SKEW:
            raise Problem(422, errors=[_fault("/at", "future", "It lies in the future.")])
        channels = [] if given.opt_out else given.channels
        consent = Consent(
            given.token,
            given.code,
            given.purpose,
            None if channels is None else list(dict.fromkeys(channels)),
            bool(given.withdrawn),
            given.at or now,
            given.how,
            given.note,
            given.language,
            given.text_version,
        )
        async with database.transaction() as session:
            code = given.code
            if code is None:
                contact = await store.find_contact(session, token=given.token)
                code = contact.code if contact else None
            await check_unit(session, key, code)
            try:
                number = await record_consent(session, desk, consent, actor_of(key))
            except Gone:
                raise Problem(409, "This contact was erased; it stays so.") from None
            except Unproven:
                error = _fault("/note", "proof", PROOF)
                raise Problem(422, errors=[error]) from None
        desk.wake()
        return {
            "id": number,
            "token": given.token,
            "code": given.code,
            "purpose": given.purpose,
            "opt_out": consent.channels == [],
            "channels": consent.channels,
            "withdrawn": consent.withdrawn,
            "at": consent.at,
            "how": given.how,
            "by": key.name,
            "language": given.language,
            "text_version": given.text_version,
        }

    @router.get("/v1/consents", tags=["contacts"])
    async def list_consents(
        key: reader, token: Subject | None = None, code: Subject | None = None
    ) -> dict[str, Any]:
        """The decisions about one token or dossier, oldest first: when, by whom, how."""
        if (token is None) == (code is None):
            raise Problem(422, errors=[_fault("/code", "one_of", "Give either token or code.")])
        async with database.transaction() as session:
            contact = await store.find_contact(session, token, code)
            known = contact.code if contact else code
            await check_unit(session, key, known)
            codes = {known} if known else set()
            tokens = {each for each in (token, contact.token if contact else None) if each}
            rows = await store.consents(session, codes, tokens)
        return {"consents": [show_consent(row) for row in rows]}

    @router.get("/v1/contacts", tags=["contacts"])
    async def find_contact(key: reader, code: Subject, why: Why = None) -> dict[str, Any]:
        """The contact of a dossier. Looking is recorded: say `why`."""
        async with database.transaction() as session:
            return await look(session, key, why, code=code)

    @router.get("/v1/contacts/{token}", tags=["contacts"])
    async def show_contact(token: Token, key: reader, why: Why = None) -> dict[str, Any]:
        """A contact. Looking is recorded: say `why`."""
        async with database.transaction() as session:
            return await look(session, key, why, token=token)

    async def look(
        session: AsyncSession, key: Key, why: str | None, **which: Any
    ) -> dict[str, Any]:
        if not why or not why.strip():
            raise Problem(422, errors=[_fault("/why", "missing", "Say why you look: ?why=...")])
        row = await store.find_contact(session, **which)
        if row is None:
            raise Problem(404, "No such contact.")
        await check_unit(session, key, row.code)
        if not row.erased:
            actor = actor_of(key, why)
            await store.log_access(session, actor, "read", clock.now(), tokens=[row.token])
        return {
            "token": row.token,
            "code": row.code,
            "name": row.name,
            "phone": row.phone,
            "email": row.email,
            "notify": row.notify,
            "erased": row.erased,
            "received_at": row.received_at,
        }

    @router.delete("/v1/contacts/{token}", tags=["contacts"])
    async def erase_contact(
        token: Token, key: Annotated[Key, Depends(needs("admin"))], why: Why = None
    ) -> dict[str, Any]:
        """Erase a contact for good: here, in the texts of its notices, at the broker, and in intake
        (`intake`: `erased`, `unknown` to it, or `later` where it cannot be reached now).

        The dossier's record stays. A token that is not known (yet) is barred from now on too.
        """
        async with database.transaction() as session:
            row = await store.find_contact(session, token=token)
            await check_unit(session, key, row.code if row else None)
        known, notices = await erasure.erase(token, actor_of(key, why))
        intake = await tell_intake(service.connection(), token, why)
        async with database.transaction() as session:
            tombstone = await store.find_erasure(session, token)
        assert tombstone is not None
        return {
            "token": token,
            "known": known,
            "notices": notices,
            "erased_at": tombstone.erased_at,
            "intake": intake,
        }

    @router.get("/v1/erasures", tags=["contacts"])
    async def list_erasures(
        key: Annotated[Key, Depends(needs("admin"))],
        after: Annotated[str, Query(max_length=200, pattern=Text)] = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> dict[str, Any]:
        """The tokens that were erased, in their order: to be kept beside backups, so that one which
        is older than an erasure can be restored without undoing it."""
        if key.units:
            raise Problem(403, "Tombstones hold for all units; this key is bound to some.")
        async with database.transaction() as session:
            tokens = await store.tombstones(session, after, limit)
        return {"tokens": tokens, "next": tokens[-1] if len(tokens) == limit else None}

    @router.post("/v1/erasures", tags=["contacts"])
    async def repeat_erasures(
        request: Request, key: Annotated[Key, Depends(needs("admin"))]
    ) -> dict[str, Any]:
        """Erase again what had been erased before a backup was restored: `{"tokens": [...]}`, a
        thousand at most. What is erased already stays so."""
        if key.units:
            raise Problem(403, "Tombstones hold for all units; this key is bound to some.")
        given = read_tokens(await read_body(request, TOKENS_BYTES))
        known = [(await erasure.erase(token, actor_of(key, "restored")))[0] for token in given]
        for token in given:
            if await tell_intake(service.connection(), token, "restored") == "later":
                break  # it asks by itself
        return {"erased": len(given), "known": sum(known)}

    @router.get("/v1/contacts/{token}/access", tags=["contacts"])
    async def list_access(
        token: Token,
        key: reader,
        cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """Who saw or erased a contact, when, and why, newest first."""
        async with database.transaction() as session:
            row = await store.find_contact(session, token=token)
            await check_unit(session, key, row.code if row else None)
            rows = await store.find_access(session, token, cursor, limit)
            if row is None and not rows:
                raise Problem(404, "No such contact.")
        shown = [
            {"at": r.at, "key": r.key_id, "who": r.key_name, "action": r.action, "why": r.why}
            for r in rows
        ]
        return {"access": shown, "next": rows[-1].id if len(rows) == limit else None}


class GivenTokens(BaseModel):
    """Tokens of contacts."""

    model_config = ConfigDict(extra="forbid")
    tokens: Annotated[
        list[Annotated[str, Field(max_length=200, pattern=TOKEN)]], Field(max_length=1000)
    ]


def read_tokens(body: bytes) -> list[str]:
    """Tokens from JSON; raises ``Problem`` 422."""
    try:
        return list(dict.fromkeys(GivenTokens.model_validate_json(body).tokens))
    except ValidationError:
        error = _fault("/tokens", "tokens", "A list of at most a thousand tokens.")
        raise Problem(422, errors=[error]) from None


def actor_of(key: Key, why: str | None = None) -> Actor:
    """The caller, as the records name it."""
    return Actor(key.id, key.name, why)


async def note_readers(
    session: AsyncSession, key: Key, rows: Sequence[Any], why: str | None
) -> None:
    """Record whose contact data a caller is shown with some notices."""
    codes = {row.subject for row in rows if row.audience == CITIZEN and row.address}
    await store.log_access(session, actor_of(key, why), "notices", clock.now(), codes=codes)


def read_consent(body: bytes) -> GivenConsent:
    """A decision from JSON.

    Raises:
        Problem: 400 for what is not JSON, 422 naming every fault, without repeating what was given.
    """
    try:
        return GivenConsent.model_validate_json(body)
    except ValidationError as fault:
        raise faults_of(fault) from None


def faults_of(fault: ValidationError) -> Problem:
    """What is wrong with a body, without repeating what was given: 400 for what is not JSON."""
    found = fault.errors(include_input=False, include_url=False, include_context=False)
    if any(error["type"] == "json_invalid" for error in found):
        return Problem(400, "Send JSON.")
    errors = [
        _fault(
            "/" + "/".join(str(part) for part in error["loc"]),
            str(error["type"]),
            str(error["msg"]).removeprefix("Value error, "),
        )
        for error in found
    ]
    return Problem(422, errors=errors)


def show_consent(row: Any) -> dict[str, Any]:
    """A decision as JSON."""
    return {
        "id": row.id,
        "token": row.token,
        "code": row.code,
        "purpose": row.purpose,
        "opt_out": row.channels == [],
        "channels": row.channels,
        "withdrawn": row.withdrawn,
        "at": row.at,
        "how": row.how,
        "note": row.note,
        "by": row.key_name,
        "language": row.language,
        "text_version": row.text_version,
        "recorded_at": row.recorded_at,
    }


def _fault(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}
