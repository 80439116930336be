"""`motcua user`: people who log in to the dashboard with a name and a password."""

from __future__ import annotations

import sys
from urllib.parse import quote

import typer
from rich.table import Table

from shared.cli.client import Client, Instance
from shared.cli.errors import USAGE, CommandError
from shared.cli.key import console, local, rows


def ask_password() -> str:
    """A password typed twice; where nobody types, the first line of standard input.

    Raises:
        CommandError: 2 there is none.
    """
    if sys.stdin.isatty():
        return str(typer.prompt("Mật khẩu / Password", hide_input=True, confirmation_prompt=True))
    typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise CommandError("give the password on standard input", USAGE)
    return typed


async def create(
    instance: Instance, name: str, shown: str, role: str, units: list[str], password: str | None
) -> None:
    """Make a user. CommandError: 1 refused."""
    body = {"name": name, "display_name": shown, "role": role, "units": units}
    if password is not None:
        body["password"] = password
    async with Client(instance) as client:
        made = await client.fetch("reporting", "POST", "/v1/users", json=body, repeatable=False)
    print(f"created {made['name']}")


async def show(instance: Instance) -> None:
    """Print every user; of passwords only whether there is one."""
    async with Client(instance) as client:
        answer = await client.fetch("reporting", "GET", "/v1/users")
    table = Table("name", "shown", "role", "units", "log-in", "created", "disabled", box=None)
    for user in rows(answer, "users"):
        table.add_row(
            str(user["name"]),
            str(user["display_name"]),
            str(user["role"]),
            " ".join(user["units"]) or "*",
            "password" if user["password"] else "oidc",
            local(user["created_at"]),
            local(user["disabled_at"]),
        )
    console().print(table)


async def set_password(instance: Instance, name: str, password: str) -> None:
    """Give a user another password; his sessions end. CommandError: 1 refused."""
    path = f"/v1/users/{quote(name, safe='')}/password"
    async with Client(instance) as client:
        await client.fetch("reporting", "PUT", path, json={"password": password})
    print(f"password of {name} set")


async def disable(instance: Instance, name: str) -> None:
    """Shut a user out for good. CommandError: 1 there is none of that name."""
    async with Client(instance) as client:
        await client.fetch("reporting", "DELETE", f"/v1/users/{quote(name, safe='')}")
    print(f"disabled {name}")
