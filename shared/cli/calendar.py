"""`motcua calendar`: which days are worked and why, calendar files checked, how far a change is."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from shared import clock
from shared.calendar_checks import contradictions, idle_days, kinds_of, unit_faults
from shared.calendar_days import CalendarDay, days_of_office
from shared.calendar_files import YEARS, CalendarFiles, OfficeHours, read_calendar, read_file
from shared.cli import client
from shared.cli.client import Client, Instance
from shared.cli.errors import REFUSED, USAGE, CommandError
from shared.cli.key import console
from shared.settings import deploy_dir
from shared.units import UnitFaults, UnitRegistry
from shared.working_days import WorkingDays
from shared.working_time import entries_of

calendars = typer.Typer(
    invoke_without_command=True,
    help="Lịch làm việc: xem, check, status. Which days are worked, and files of it.",
)
STATES = {
    "working": "làm việc", "half": "làm nửa ngày", "swapped": "làm bù", "holiday": "nghỉ lễ",
    "weekend": "cuối tuần", "closed": "không làm",
}  # fmt: skip
WEEKDAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật")
CHANGING = ("reporting", "notify")
"""Services that derive due dates anew when a calendar changes."""
LONGEST = 366 * 20


def attach(app: typer.Typer) -> None:
    """Add them to the program."""
    app.add_typer(calendars, name="calendar")


@calendars.callback()
def show(
    context: typer.Context,
    unit: Annotated[
        str | None, typer.Option("--unit", help="Mã hoặc tên đơn vị; không nêu: giờ chung.")
    ] = None,
    year: Annotated[
        int | None, typer.Option("--year", help="Một năm; không nêu: năm nay. A year.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="Ngày đầu, YYYY-MM-DD. First day.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Ngày cuối. Last day, included.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Cả những ngày bình thường của một năm. Every day.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Ngày làm, nửa ngày, làm bù, nghỉ lễ và tệp nêu ra. Days worked, half, swapped, off, and why.

    Of a year only the days that are not as their weekday says; of --from and --to every day.
    """
    if context.invoked_subcommand is not None:
        return
    start, end = span(year, first, last)
    registry, files = load()
    entries = entries_of_unit(files, registry, unit)
    working = WorkingDays(files.closed, files.worked, files.announced)
    days = list(days_of_office(working, entries, start, end))
    shown = days if every or first or last else [day for day in days if not is_plain(day)]
    missing = unannounced(working, start, end)
    if as_json:
        listed = [row_of(day) for day in (days if every or first or last else shown)]
        print(json.dumps({"days": listed, "not_announced": missing}, ensure_ascii=False, indent=2))
        return
    table = Table("day", "weekday", "state", "hours", "name", "source", box=None)
    for day in shown:
        table.add_row(*texts_of(day))
    console().print(table)
    print(summary(days))
    for each in missing:
        print(missing_text(each))


@calendars.command("check")
def check(files: Annotated[list[Path], typer.Argument(metavar="FILE...")]) -> None:
    """Mọi lỗi của tệp lịch, từng dòng. Show all faults of calendar files; nothing is changed."""
    registry, _ = load(with_files=False)
    refused = [file for file in files if not check_file(file, registry)]
    raise typer.Exit(REFUSED if refused else 0)


@calendars.command("status")
def status(
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Data directory of the instance (MOTCUA_DATA_DIR)."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Đợi đến khi tính xong. Until everything is derived.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tính lại ngày hẹn theo lịch mới đến đâu. How far due dates follow a changed calendar."""
    asyncio.run(follow(client.find(data_dir), wait, as_json))


def span(year: int | None, first: str | None, last: str | None) -> tuple[date, date]:
    """The first and the last day that are asked for. CommandError: 2 they make no sense."""
    if year is not None and (first or last):
        raise CommandError("nêu --year, hoặc --from và --to", USAGE)
    if first or last:
        start = day_of(first, "--from") if first else clock.today()
        end = day_of(last, "--to") if last else date(start.year, 12, 31)
        if end < start:
            raise CommandError(f"--to {end} trước --from {start}", USAGE)
        if (end - start).days > LONGEST:
            raise CommandError("xem mỗi lần nhiều nhất 20 năm", USAGE)
        return start, end
    asked = clock.today().year if year is None else year
    if not YEARS[0] <= asked <= YEARS[1]:
        raise CommandError(f"--year từ {YEARS[0]} đến {YEARS[1]}", USAGE)
    return date(asked, 1, 1), date(asked, 12, 31)


def day_of(text: str, option: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{option} là ngày YYYY-MM-DD", USAGE) from None
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise CommandError(f"{option}: năm từ {YEARS[0]} đến {YEARS[1]}", USAGE)
    return day


def load(with_files: bool = True) -> tuple[UnitRegistry, CalendarFiles]:
    """The units and the calendar of this installation. CommandError: 1 their files are faulty."""
    try:
        registry = UnitRegistry.load(deploy_dir() / "units")
    except UnitFaults as error:
        raise CommandError(str(error), REFUSED) from error
    return registry, read_calendar(deploy_dir() / "calendar") if with_files else CalendarFiles()


def entries_of_unit(
    files: CalendarFiles, registry: UnitRegistry, unit: str | None
) -> Sequence[OfficeHours]:
    """The hours of a unit, named by its code or its name; without one those of everybody."""
    if unit is None:
        return entries_of(files.hours, "", None)
    kinds = kinds_of(registry)
    code = unit if unit in kinds else registry.resolve(unit)
    if code is None:
        near = ", ".join(f"{each} {registry.name(each)}" for each in registry.nearest(unit))
        raise CommandError(f"không có đơn vị {unit!r}" + (f"; gần nhất: {near}" if near else ""))
    return entries_of(files.hours, code, kinds[code])


def is_plain(day: CalendarDay) -> bool:
    """Whether a day is as its weekday says."""
    return day.name is None and day.state in ("working", "weekend")


def row_of(day: CalendarDay) -> dict[str, Any]:
    """A day for programs: `hours` as texts of opening and closing."""
    return {
        "day": day.day.isoformat(),
        "weekday": day.day.isoweekday(),
        "state": day.state,
        "hours": [f"{time_text(a)}-{time_text(b)}" for a, b in day.hours],
        "minutes": day.minutes,
        "name": day.name,
        "source": day.source,
    }


def texts_of(day: CalendarDay) -> Iterator[str]:
    row = row_of(day)
    yield f"{day.day:%Y-%m-%d}"
    yield WEEKDAYS[day.day.weekday()]
    yield f"{day.state} ({STATES[day.state]})"
    yield ", ".join(row["hours"]) or "-"
    yield day.name or ""
    yield day.source


def time_text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def summary(days: Sequence[CalendarDay]) -> str:
    """How many days are what."""
    counted = Counter(day.state for day in days)
    parts = [f"{text} {counted[state]}" for state, text in STATES.items() if counted[state]]
    return f"{len(days)} ngày: {', '.join(parts)}"


def unannounced(working: WorkingDays, first: date, last: date) -> list[int]:
    """Years of a span, and the next one, whose swaps nobody has announced yet; never past ones."""
    today = clock.today().year
    asked = {year for year in range(first.year, last.year + 1) if year >= today} | {today + 1}
    return [year for year in sorted(asked) if not working.is_announced(year)]


def missing_text(year: int) -> str:
    """That a year's calendar is still to come, and what to do."""
    return (
        f"lưu ý: lịch nghỉ, làm bù năm {year} chưa có: khi có thông báo chính thức, ghi vào "
        f"calendar/{year}.yaml (closed, worked), hoặc announced: [{year}] nếu không hoán đổi ngày nào"
    )


def check_file(file: Path, registry: UnitRegistry) -> bool:
    """Print everything that is wrong in a file, alone and beside the others; whether nothing is.

    Raises:
        CommandError: 2 the file cannot be read.
    """
    files, found = read_file(file)
    if any(fault.code == "unreadable" for fault in found):
        raise CommandError(f"{file}: {found[0].message}", USAGE)
    faults = [*found, *(fault for _, fault in unit_faults(files, registry))]
    for fault in sorted([*faults, *idle_days(files)]):
        print(f"{file}: {fault}")
    others = list(contradictions(files, beside(file)))
    for line in others:
        print(line)
    if others or faults:
        return False
    print(f"{file}: ok")
    return True


def beside(file: Path) -> CalendarFiles:
    """What the other files of the installation say; the one of the same name is replaced by it."""
    closed, worked = {}, {}
    for path in sorted((deploy_dir() / "calendar").glob("*.yaml")):
        if path.name != file.name:
            files, _ = read_file(path)
            closed |= files.closed
            worked |= files.worked
    return CalendarFiles(closed, worked)


async def follow(instance: Instance, wait: bool, as_json: bool) -> None:
    """Print how far each service's due dates follow the rules of its files.

    Raises:
        CommandError: 3 a service is unreachable.
    """
    async with Client(instance) as asked:
        found = await changes(asked)
        if wait:
            found = await finished(asked, found)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table("service", "state", "done", "total", "rules", box=None)
    for row in found:
        table.add_row(*(str(row[name]) for name in ("service", "state", "done", "total", "digest")))
    console().print(table)


async def changes(asked: Client) -> list[dict[str, Any]]:
    """The progress of every service that has one; `held` where all follow the newest rules."""
    rows = []
    for service in CHANGING:
        if service in asked.instance.urls:
            answer = await asked.fetch(service, "GET", "/v1/status")
            none = {"state": "none", "done": 0, "total": 0, "digest": "-"}
            rows.append({"service": service} | none | (answer.get("due_rules") or {}))
    return rows


async def finished(asked: Client, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Wait until nothing is being changed; Ctrl-C leaves it to the services."""
    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = not screen.is_terminal
    with Progress(*columns, console=screen, transient=True, disable=hidden) as progress:
        tasks = {row["service"]: progress.add_task(row["service"], total=None) for row in found}
        while True:
            for row in found:
                progress.update(tasks[row["service"]], total=row["total"], completed=row["done"])
            if all(row["state"] != "changing" for row in found):
                return found
            await asyncio.sleep(0.5)
            found = await changes(asked)
