"""The program `motcua`: commands, their options and exit codes."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from shared.cli import calendar, client, office
from shared.cli.errors import CommandError
from shared.embedded.process import EmbeddedError, follow_parent
from shared.settings import FolderFaults

app = typer.Typer(
    name="motcua",
    help="Kế hoạch của bộ phận một cửa, theo dõi trực tiếp. Plans of one-stop shops, tracked live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

keys = typer.Typer(no_args_is_help=True, help="Keys: create, list, revoke.")
plans = typer.Typer(no_args_is_help=True, help="Plan files: check, apply, rehearse.")
dead = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, replay.")
users = typer.Typer(no_args_is_help=True, help="Dashboard users: create, list, password, disable.")
app.add_typer(keys, name="key")
app.add_typer(users, name="user")
app.add_typer(plans, name="plan")
app.add_typer(dead, name="dead")
office.attach(app)
calendar.attach(app)

Where = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data directory of the instance (MOTCUA_DATA_DIR, .motcua)."),
]
Backfill = Annotated[
    bool,
    typer.Option("--backfill", help="Loaded afterwards: it counts, and nobody is messaged."),
]
DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="MOTCUA_DATA_DIR", help="Where the instance keeps its data."),
]


@app.command()
def up(
    data_dir: DataDir = Path(".motcua"),
    port: Annotated[
        int | None,
        typer.Option("--port", envvar="MOTCUA_PORT", help="First of four ports: N to N+3."),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Also load the five plans and a year of invented events.")
    ] = False,
    demo_scale: Annotated[float, typer.Option("--demo-scale", min=0, max=1, hidden=True)] = 1.0,
    tied: Annotated[
        bool, typer.Option("--tied", help="Stop when the process that started this one is gone.")
    ] = False,
) -> None:
    """Start broker, database and the four services; stop them with Ctrl-C."""
    from shared.cli import up as command

    if tied:
        follow_parent()
    first = command.FIRST_PORT if port is None else port
    load = partial(command.load_demo, scale=demo_scale) if demo else None
    asyncio.run(command.run(data_dir, first, load))


@app.command()
def serve(
    service: Annotated[str, typer.Argument(help="reporting, intake, quota or notify")],
) -> None:
    """Run one service in the foreground; its settings come from the environment."""
    from shared.cli import serve as command

    command.run(service)


@app.command()
def migrate(data_dir: DataDir = Path(".motcua")) -> None:
    """Bring the database of every service to the newest revision."""
    from shared.cli import migrate as command

    asyncio.run(command.run(data_dir))


@app.command()
def rebuild(
    service: Annotated[str, typer.Argument(help="reporting")],
    data_dir: DataDir = Path(".motcua"),
) -> None:
    """Build a service's store anew from the streams while the present one answers."""
    from shared.cli import rebuild as command

    asyncio.run(command.run(service, data_dir))


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A new folder.")],
    data_dir: DataDir = Path(".motcua"),
) -> None:
    """Copy the data and keys of a running instance; `up` starts from such a copy."""
    from shared.cli import backup as command

    command.run(data_dir, target)


@app.command()
def demo(
    data_dir: Where = None,
    scale: Annotated[float, typer.Option("--scale", min=0, max=1, hidden=True)] = 1.0,
) -> None:
    """Load the five plans and a year of invented events; nobody is sent a message."""
    from shared.cli import demo as command

    loaded = asyncio.run(command.load(client.find(data_dir), scale))
    typer.echo(loaded.sentence)
    for reason in loaded.reasons:
        typer.echo(reason)
    if loaded.reasons:
        raise typer.Exit(1)


@app.command()
def provision() -> None:
    """Make the streams and consumers of the broker at NATS_URL; safe to repeat."""
    from shared.cli import provision as command

    asyncio.run(command.run())


@app.command()
def send(
    files: Annotated[list[str], typer.Argument(help="CloudEvents: one a line, or a JSON array.")],
    backfill: Backfill = False,
    data_dir: Where = None,
) -> None:
    """Send events to intake; `-` reads standard input."""
    from shared.cli import send as command

    raise typer.Exit(asyncio.run(command.run(client.find(data_dir), files, backfill)))


@app.command()
def bounce(
    files: Annotated[list[str], typer.Argument(help="Reports of a mail server, one a file.")],
    data_dir: Where = None,
) -> None:
    """Hand in letters that came back; `-` reads standard input."""
    from shared.cli import bounce as command

    raise typer.Exit(asyncio.run(command.run(client.find(data_dir), files)))


@app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="xlsx, xls, ods or csv.")],
    kind: Annotated[
        str,
        typer.Option(
            "--as",
            help="installs, dossiers, patients, clients, installers, officers, surveys, activities, "
            "reports, totals",
        ),
    ],
    unit: Annotated[
        str | None, typer.Option("--unit", help="The unit, where the list has no such column.")
    ] = None,
    period: Annotated[
        str | None, typer.Option("--period", help="Its month or period, likewise.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="The events' source, else /imports/UNIT.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", help="Name or number; else the first with data.")
    ] = None,
    delivered: Annotated[
        str | None,
        typer.Option("--delivered", help="When a list of people was handed in; else now."),
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other column, for all its rows."),
    ] = None,
    backfill: Backfill = False,
    errors: Annotated[
        Path | None, typer.Option("--errors", help="Where its sheet of errors goes: FILE-loi.xlsx.")
    ] = None,
    data_dir: Where = None,
) -> None:
    """Send a list to intake; after a break, run it again: no row counts twice."""
    from shared.cli import importing as command

    sent = command.fields(kind, unit, period, source, sheet, delivered, others or [], backfill)
    raise typer.Exit(asyncio.run(command.run(client.find(data_dir), file, sent, errors)))


@app.command()
def status(
    data_dir: Where = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show readiness, lag in events, dead letters and unsent notices of each service."""
    from shared.cli import status as command

    raise typer.Exit(asyncio.run(command.run(client.find(data_dir), as_json)))


@app.command()
def replay(
    since: Annotated[str, typer.Option("--from", help="An instant with its zone (RFC 3339).")],
    data_dir: Where = None,
) -> None:
    """Refill the streams from intake's log; what had taken effect takes none again."""
    from shared.cli import replay as command

    asyncio.run(command.run(client.find(data_dir), since))


@plans.command("check")
def plan_check(files: Annotated[list[Path], typer.Argument(metavar="FILE...")]) -> None:
    """Show all faults of a plan file; nothing is sent."""
    from shared.cli import plan as command

    raise typer.Exit(command.check(files))


@plans.command("apply")
def plan_apply(
    file: Path,
    data_dir: Where = None,
    restate: Annotated[
        bool, typer.Option("--restate", help="Judge the past by it, too, not only what comes.")
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Leave counting many events anew to the service.")
    ] = False,
) -> None:
    """Show what a plan file changes, and make it the newest version of its plan."""
    from shared.cli import plan as command

    asyncio.run(command.apply(client.find(data_dir), file, restate, not no_wait))


@plans.command("rehearse")
def plan_rehearse(file: Path, data_dir: Where = None) -> None:
    """Say what a draft would have come to by what is stored; nothing is changed."""
    from shared.cli import plan as command

    asyncio.run(command.rehearse(client.find(data_dir), file))


@keys.command("create")
def key_create(
    name: Annotated[str, typer.Option("--name", help="Who will use it.")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="events:write, plans:write, reports:read, notices:read, contacts:read, admin",
        ),
    ],
    unit: Annotated[
        list[str] | None, typer.Option("--unit", help="Only for this unit and those below it.")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only for events of this source.")
    ] = None,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="For trial: its events are answered and go no further."),
    ] = False,
    data_dir: Where = None,
) -> None:
    """Make a key; it is printed alone on the last line, once and never again."""
    from shared.cli import key as command

    work = command.create(client.find(data_dir), name, scope, unit or [], source or [], sandbox)
    typer.echo(asyncio.run(work))


@keys.command("list")
def key_list(data_dir: Where = None) -> None:
    """Show who has a key."""
    from shared.cli import key as command

    asyncio.run(command.show(client.find(data_dir)))


@keys.command("revoke")
def key_revoke(
    key_id: Annotated[str, typer.Argument(help="As in the list.")], data_dir: Where = None
) -> None:
    """Make a key invalid for good."""
    from shared.cli import key as command

    asyncio.run(command.revoke(client.find(data_dir), key_id))


@users.command("create")
def user_create(
    name: Annotated[str, typer.Argument(help="What is typed to log in.")],
    shown: Annotated[str, typer.Option("--display-name", help="What pages call the user.")] = "",
    role: Annotated[str, typer.Option("--role", help="viewer, officer or admin")] = "viewer",
    unit: Annotated[
        list[str] | None, typer.Option("--unit", help="Only this unit and those below it.")
    ] = None,
    oidc: Annotated[
        bool, typer.Option("--oidc", help="No password: the provider of identities vouches.")
    ] = False,
    data_dir: Where = None,
) -> None:
    """Make a user of the dashboard; the password is asked for, or read from standard input."""
    from shared.cli import user as command

    password = None if oidc else command.ask_password()
    work = command.create(client.find(data_dir), name, shown, role, unit or [], password)
    asyncio.run(work)


@users.command("list")
def user_list(data_dir: Where = None) -> None:
    """Show who may log in."""
    from shared.cli import user as command

    asyncio.run(command.show(client.find(data_dir)))


@users.command("password")
def user_password(
    name: Annotated[str, typer.Argument(help="As in the list.")], data_dir: Where = None
) -> None:
    """Give a user another password; the user's sessions end."""
    from shared.cli import user as command

    asyncio.run(command.set_password(client.find(data_dir), name, command.ask_password()))


@users.command("disable")
def user_disable(
    name: Annotated[str, typer.Argument(help="As in the list.")], data_dir: Where = None
) -> None:
    """Shut a user out for good."""
    from shared.cli import user as command

    asyncio.run(command.disable(client.find(data_dir), name))


@dead.command("list")
def dead_list(data_dir: Where = None) -> None:
    """Show what failed for good in any service."""
    from shared.cli import dead as command

    asyncio.run(command.show_all(client.find(data_dir)))


@dead.command("show")
def dead_show(
    letter: Annotated[str, typer.Argument(metavar="SERVICE:ID")], data_dir: Where = None
) -> None:
    """Show one dead letter."""
    from shared.cli import dead as command

    asyncio.run(command.show(client.find(data_dir), letter))


@dead.command("replay")
def dead_replay(
    letters: Annotated[list[str] | None, typer.Argument(metavar="SERVICE:ID...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Each not yet replayed.")] = False,
    data_dir: Where = None,
) -> None:
    """Try dead letters again."""
    from shared.cli import dead as command

    raise typer.Exit(asyncio.run(command.replay(client.find(data_dir), letters or [], everything)))


def main() -> None:
    """Run the command that was asked for and exit: 0 done, 1 refused, 2 usage, 3 unreachable."""
    try:
        app()
    except CommandError as error:
        print(f"motcua: {error}", file=sys.stderr)
        sys.exit(error.code)
    except FolderFaults as error:
        print(f"motcua: {error}", file=sys.stderr)
        sys.exit(2)
    except EmbeddedError as error:
        print(f"motcua: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
