"""Users: made and shut out by admins, known by their passwords or by a provider's word."""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.reporting.rules import accounts as rules
from services.reporting.store import accounts as store
from shared import clock
from shared.db import Database
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry

log = structlog.get_logger()

SESSION_HOURS = 12
WINDOW = timedelta(minutes=15)
MOST_TRIES = {"both": 5, "account": 20, "address": 60}
"""Log-ins that may fail within the window: of one account from one address, of one account, from
one address."""
HASHES_AT_ONCE = 2
"""Each takes 64 MiB for a moment."""
MOST_FILTERS = 50


class Throttled(Exception):
    """Too many log-ins have failed."""


class Accounts:
    """The users of one store."""

    def __init__(self, database: Database, registry: UnitRegistry) -> None:
        self.database, self.registry = database, registry
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(HASHES_AT_ONCE)
        self._nobody: str | None = None

    # -- what admins do ----------------------------------------------------------------------

    async def create(
        self,
        name: str,
        display_name: str,
        role: str,
        units: Sequence[str],
        password: str | None,
    ) -> dict[str, object]:
        """Make a user; without a password only a provider can vouch for him.

        Raises:
            Problem: 409 the name is taken, 422 naming every fault.
        """
        name, units = rules.tidy_name(name), sorted(set(units))
        found = {
            "name": rules.name_fault(name),
            "role": rules.role_fault(role, units),
            "password": None if password is None else rules.password_fault(password, name),
            "units": self._unit_fault(units),
        }
        faults = [_fault(where, text) for where, text in found.items() if text]
        if faults:
            raise Problem(422, errors=faults)
        hashed = None if password is None else await self._hash(password)
        shown = display_name.strip() or name
        async with self.database.transaction() as session:
            if not await store.add(session, name, shown, role, units, hashed, clock.now()):
                raise Problem(409, "There is a user of that name.")
            row = await store.find(session, name)
        assert row is not None
        return _shown(row)

    def _unit_fault(self, units: Sequence[str]) -> str | None:
        unknown = [unit for unit in units if not self.registry.known(unit)]
        return f"There is no unit {', '.join(unknown)}." if unknown else None

    async def everybody(self) -> list[dict[str, object]]:
        """Every user, without what proves who they are."""
        async with self.database.transaction() as session:
            return [_shown(row) for row in await store.listed(session)]

    async def set_password(self, name: str, password: str, but: bytes | None = None) -> None:
        """Give a user another password and end his sessions, but one; raises `Problem` 404, 422."""
        name = rules.tidy_name(name)
        if fault := rules.password_fault(password, name):
            raise Problem(422, errors=[_fault("password", fault)])
        hashed = await self._hash(password)
        async with self.database.transaction() as session:
            if not await store.set_password(session, name, hashed):
                raise Problem(404, "There is no such user.")
            await store.close_sessions(session, name, but)

    async def disable(self, name: str) -> None:
        """Shut a user out for good, at once; raises `Problem` 404."""
        name = rules.tidy_name(name)
        async with self.database.transaction() as session:
            if not await store.disable(session, name, clock.now()):
                raise Problem(404, "There is no such user.")
            await store.close_sessions(session, name)

    # -- what users do -----------------------------------------------------------------------

    async def log_in(self, name: str, password: str, address: str) -> str | None:
        """A new session's token, or None where name and password do not fit.

        It takes as long whether there is such a user or not.

        Raises:
            Throttled: too many tries have failed.
        """
        name = rules.tidy_name(name)[:200]
        account, place = _mark(name), _mark(address)
        now = clock.now()
        async with self.database.transaction() as session:
            # Noted before it is judged: tries that run side by side see each other.
            await store.note_attempt(session, account, place, now)
        async with self.database.transaction() as session:
            tried = await store.attempts(session, account, place, now - WINDOW)
            row = await store.find(session, name)
        if any(getattr(tried, kind) > most for kind, most in MOST_TRIES.items()):
            log.warning("login_throttled")
            raise Throttled
        known = row is not None and row.password is not None
        hashed = row.password if row is not None and known else await self._nobodys()
        fits = await self._fits(hashed, rules.tidy_password(password))
        if row is None or not (known and fits) or row.disabled_at is not None:
            return None
        async with self.database.transaction() as session:
            await store.forgive(session, account, place, now - WINDOW)
            if self._hasher.check_needs_rehash(hashed):
                await store.set_password(session, name, await self._hash(password))
        return await self.open_session(name)

    async def check_password(self, name: str, password: str, address: str) -> bool:
        """Whether a password is a user's; throttled as `log_in` is."""
        token = await self.log_in(name, password, address)
        if token is not None:
            await self.log_out(token)
        return token is not None

    async def vouched(self, issuer: str, subject: str, name: str | None) -> str | None:
        """A new session's token for whom a provider vouches for, or None where it is no user.

        At first he is found by his name, among the users without a password; from then on by the
        provider's own mark of him, whatever he is called.
        """
        async with self.database.transaction() as session:
            row = await store.by_subject(session, issuer, subject)
            if row is None and name:
                row = await store.bind(session, rules.tidy_name(name), issuer, subject)
        if row is None or row.disabled_at is not None:
            return None
        return await self.open_session(row.name)

    async def open_session(self, name: str) -> str:
        """Begin a session for the working day; returns what the browser is to keep."""
        token, now = secrets.token_urlsafe(32), clock.now()
        until = now + timedelta(hours=SESSION_HOURS)
        async with self.database.transaction() as session:
            await store.open_session(session, _mark(token), name, until, now)
        return token

    async def resume(self, token: str) -> Key | None:
        """Who holds a session, with the scopes and units of a key; None where it is over."""
        async with self.database.transaction() as session:
            row = await store.user_of(session, _mark(token), clock.now())
        if row is None:
            return None
        scopes = rules.ROLES.get(row.role, frozenset())
        return Key(f"user:{row.name}", row.display_name, scopes, frozenset(row.units))

    async def log_out(self, token: str) -> None:
        """End a session."""
        async with self.database.transaction() as session:
            await store.close_session(session, _mark(token))

    def session_mark(self, token: str) -> bytes:
        """What is kept of a session's token."""
        return _mark(token)

    # -- filters that people keep ------------------------------------------------------------

    async def keep_filter(self, owner: str, name: str, address: str) -> bool:
        """Keep a page with its filters; False where there is no room for more."""
        async with self.database.transaction() as session:
            return await store.keep_filter(session, owner, name, address, MOST_FILTERS)

    async def filters(self, owner: str) -> list[sa.Row]:
        """(name, address) of what somebody keeps."""
        async with self.database.transaction() as session:
            return await store.filters(session, owner)

    async def drop_filter(self, owner: str, name: str) -> None:
        """Forget one of them."""
        async with self.database.transaction() as session:
            await store.drop_filter(session, owner, name)

    # -- hashes ------------------------------------------------------------------------------

    async def _hash(self, password: str) -> str:
        async with self._turns:
            text = rules.tidy_password(password)
            return await asyncio.to_thread(self._hasher.hash, text)

    async def _nobodys(self) -> str:
        """A hash that no password fits, of the same cost as anybody's."""
        if self._nobody is None:
            self._nobody = await self._hash(secrets.token_urlsafe(32))
        return self._nobody

    async def _fits(self, hashed: str, password: str) -> bool:
        async with self._turns:
            try:
                return await asyncio.to_thread(self._hasher.verify, hashed, password[:2000])
            except (VerificationError, InvalidHashError):
                return False


def _mark(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _fault(where: str, text: str) -> dict[str, str]:
    return {"pointer": f"/{where}", "code": "invalid", "message": text}


def _shown(row: sa.Row) -> dict[str, object]:
    return {
        "name": row.name,
        "display_name": row.display_name,
        "role": row.role,
        "units": list(row.units),
        "password": row.password is not None,
        "bound": row.subject is not None,
        "created_at": row.created_at.astimezone(clock.VN).isoformat(),
        "disabled_at": row.disabled_at and row.disabled_at.astimezone(clock.VN).isoformat(),
    }
