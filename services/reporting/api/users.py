"""`/v1/users`: admins make users, give them passwords and shut them out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from services.reporting.api.bodies import Body
from services.reporting.handlers import Accounts
from shared.keys import Key
from shared.problems import Problem, documented
from shared.service import needs

Name = Annotated[str, Field(min_length=1, max_length=100)]
Password = Annotated[str, Field(min_length=1, max_length=500)]


class NewUser(Body):
    """Somebody who may log in; without a password only through the provider of identities."""

    name: Name
    display_name: Annotated[str, Field(max_length=100)] = ""
    role: Name = "viewer"
    units: list[Name] = Field(default_factory=list, max_length=200)
    password: Password | None = None


class NewPassword(Body):
    """Another password."""

    password: Password


async def admin(key: Annotated[Key, Depends(needs("admin"))]) -> Key:
    """An admin of the whole; raises `Problem` 403 for one whose key is bound to units."""
    if key.units:
        raise Problem(403, "A key that is bound to units does not make users.")
    return key


def build_users(accounts: Accounts) -> APIRouter:
    """The routes of users."""
    router = APIRouter(
        prefix="/v1/users",
        tags=["users"],
        dependencies=[Depends(admin)],
        responses=documented(400, 401, 403, 404, 409, 422),
    )

    @router.get("")
    async def list_users() -> dict[str, Any]:
        """Every user, without passwords."""
        return {"users": await accounts.everybody()}

    @router.post("", status_code=201)
    async def create_user(asked: NewUser) -> dict[str, Any]:
        """Make a user. Roles: viewer (reads reports), officer (also publishes, confirms and
        withdraws events), admin (everything, not bound to units). A user of a unit sees it and all
        below it."""
        return await accounts.create(
            asked.name, asked.display_name, asked.role, asked.units, asked.password
        )

    @router.put("/{name}/password")
    async def set_password(name: str, asked: NewPassword) -> dict[str, Any]:
        """Give a user another password; it ends the user's sessions."""
        await accounts.set_password(name, asked.password)
        return {"name": name, "password": True}

    @router.delete("/{name}")
    async def disable_user(name: str) -> dict[str, Any]:
        """Shut a user out for good, sessions included."""
        await accounts.disable(name)
        return {"name": name, "disabled": True}

    return router
