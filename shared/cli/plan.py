"""`motcua plan`: a plan file checked on this machine, or applied to the running instance."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from shared.cli.client import Client, Instance, fault_line
from shared.cli.errors import REFUSED, USAGE, CommandError
from shared.plans.reading import load_plan
from shared.settings import deploy_dir
from shared.units import UnitFaults, UnitRegistry


def read(file: Path) -> str:
    """The text of a plan file. CommandError: 2 it cannot be read, 1 it is no text."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", USAGE) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file}: not a text in UTF-8", REFUSED) from error


def check(files: list[Path]) -> int:
    """Print every fault of the files with its line. The exit code: 0 usable, 1 some are not."""
    try:
        registry = UnitRegistry.load(deploy_dir() / "units")
    except UnitFaults as error:
        raise CommandError(str(error), REFUSED) from error
    refused = False
    for file in files:
        plan, faults = load_plan(read(file), registry=registry)
        for fault in faults:
            print(f"{file}: {fault}")
        refused = refused or plan is None
        if plan is not None:
            print(f"{file}: {plan.plan} ok")
    return REFUSED if refused else 0


async def apply(instance: Instance, file: Path, restate: bool = False, wait: bool = True) -> None:
    """Show what a file changes, make it the newest version of its plan, and read it back.

    Where many events have to be counted anew, wait for that unless told not to: until then the
    figures of the version before answer.

    Raises:
        CommandError: 1 it has faults, 3 quota is unreachable.
    """
    async with Client(instance) as client:
        for change in (await put(client, file, restate, dry_run=True)).get("diff") or ():
            print(change["text"])
        answer = await put(client, file, restate)
        if answer.get("recount") and wait:
            await counted_anew(client, answer["plan"])
    for warning in answer.get("warnings") or ():
        print(f"{file}: {fault_line(warning, 'lưu ý')}", file=sys.stderr)
    for sentence in answer.get("sentences", {}).get("all") or ():
        print(sentence)
    unchanged = "" if answer["changed"] else " unchanged"
    since = f" from {answer['effective_from']}" if answer.get("effective_from") else ""
    print(f"{answer['plan']} version {answer['version']}{since}{unchanged}")
    if answer.get("recount") and not wait:
        print(
            f"đang đếm lại {answer['recount']['facts']} sự kiện; số liệu của phiên bản trước vẫn "
            "trả lời cho đến khi xong"
        )


async def counted_anew(client: Client, plan: str) -> None:
    """Wait until a plan's events are counted anew; Ctrl-C leaves quota to it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    hidden = not console.is_terminal
    path = f"/v1/plans/{quote(plan, safe='')}"
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("đếm lại", total=None)
        while recount := (await client.fetch("quota", "GET", path)).get("recount"):
            progress.update(task, total=recount["facts"], completed=recount["counted"])
            await asyncio.sleep(0.5)


async def put(
    client: Client, file: Path, restate: bool = False, dry_run: bool = False
) -> dict[str, Any]:
    """Send a plan file to quota; the same content again changes nothing."""
    text = read(file)
    path = f"/v1/plans/{quote(_name(file, text), safe='')}"
    headers = {"Content-Type": "application/yaml"}
    asked = {"restate": str(restate).lower(), "dry_run": str(dry_run).lower()}
    return await client.fetch(
        "quota", "PUT", path, content=text.encode(), headers=headers, params=asked
    )


async def rehearse(instance: Instance, file: Path) -> None:
    """Say what a draft would have come to by what is stored; nothing is changed.

    Raises:
        CommandError: 1 it has faults, 3 quota is unreachable.
    """
    headers = {"Content-Type": "application/yaml"}
    async with Client(instance) as client:
        answer = await client.fetch(
            "quota", "POST", "/v1/plans/rehearsals", content=read(file).encode(), headers=headers
        )
    for warning in answer.get("warnings") or ():
        print(f"{file}: {fault_line(warning, 'lưu ý')}", file=sys.stderr)
    print(f"{answer['plan']}: {answer['title']}")
    for each in answer["indicators"]:
        print(
            f"  {each['title']}: {each['met']} đạt, {each['missed']} không đạt, "
            f"{each['on_track']} đúng tiến độ, {each['behind']} chậm, "
            f"{each['not_applicable']} không tính (trong {each['results']} kết quả)"
        )
    for row in answer["rows"]:
        if row["state"] in ("met", "missed", "behind"):
            over = "" if row["denominator"] is None else f"/{row['denominator']}"
            print(
                f"    {row['state']:8} {row['indicator']} {row['unit']} {row['unit_name']} "
                f"{row['period']}: {row['numerator']}{over}, chỉ tiêu "
                f"{row['comparison']} {row['target']}"
            )
    stipends, messages = answer["stipends"], answer["messages"]
    paid = f"{stipends['amount']:,}".replace(",", ".")
    print(f"  Chi trả: {stipends['payable']} lượt, {paid} đồng; chờ quyết định: {stipends['held']}")
    print(
        f"  Tin nhắn: {messages['total']} (nhắc trước hạn {messages['reminders']}, "
        f"báo trễ {messages['escalations']}, thông báo {sum(messages['notices'].values())})"
    )


def _name(file: Path, text: str) -> str:
    try:
        # Scalars stay texts: quota names each fault of the file, an impossible date among them.
        content = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = f"dòng {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise CommandError(f"{file}: {line}{error.problem}", REFUSED) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise CommandError(f"{file}: not YAML", REFUSED) from error
    name = content.get("plan") if isinstance(content, dict) else None
    if not isinstance(name, str) or not name:
        raise CommandError(f"{file}: the key `plan` with the plan's short name is missing", REFUSED)
    return name
