"""The commands of an office that follows a plan: `roster`, `people`, `runs`, `payroll`, `grants`,
`stipends`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from shared.cli import client, following
from shared.cli.errors import USAGE, CommandError

Where = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data directory of the instance (MOTCUA_DATA_DIR, .motcua)."),
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="Đơn vị và cấp dưới. A unit and all below it.")
]
Units = Annotated[list[str], typer.Option("--unit", help="Đơn vị hoặc nhóm. A unit or a group.")]
Plan = Annotated[str, typer.Argument(help="Mã kế hoạch. The plan's id.")]
Document = Annotated[str, typer.Option("--document", help="Số văn bản. The document's number.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Tệp .csv, .xlsx hoặc .pdf. Keep it as a file.")
]
From = Annotated[str | None, typer.Option("--from", help="Ngày đầu, YYYY-MM-DD. First day.")]
To = Annotated[str | None, typer.Option("--to", help="Ngày cuối. Last day, included.")]

rosters = typer.Typer(no_args_is_help=True, help="Lịch trực: list, put. The duty roster.")
people = typer.Typer(
    no_args_is_help=True, help="Danh sách cán bộ, tình nguyện viên: list, put. The people register."
)
runs = typer.Typer(
    no_args_is_help=True, help="Tháng đã khoá chi trả: list, close, show. Paid months."
)
grants = typer.Typer(no_args_is_help=True, help="Gia hạn, miễn: list, extend, waive. Grants.")
stipends = typer.Typer(
    no_args_is_help=True,
    help="Chi trả: list, held, approve, refuse, flags, unassigned. Who is paid, and decisions.",
)


def attach(app: typer.Typer) -> None:
    """Add them to the program."""
    app.add_typer(rosters, name="roster")
    app.add_typer(people, name="people")
    app.add_typer(runs, name="runs")
    app.command("payroll")(payroll)
    app.add_typer(grants, name="grants")
    app.add_typer(stipends, name="stipends")


@rosters.command("list")
def roster_list(
    unit: Unit = None,
    first: From = None,
    last: To = None,
    by: Annotated[str, typer.Option("--by", help="session, day, week, month.")] = "session",
    out: Annotated[
        Path | None, typer.Option("--out", help="Tệp .csv hoặc .pdf (in lịch trực).")
    ] = None,
    data_dir: Where = None,
) -> None:
    """Buổi trực đã phân công, có người trực, còn trống. Planned half days, covered or not."""
    asked = {"unit": unit, "from": first, "to": last, "by": by}
    where = client.find(data_dir)
    if out is not None:
        if out.suffix.lower() == ".xlsx":
            raise CommandError(f"{out}: lịch trực ghi ra .csv hoặc .pdf", USAGE)
        asyncio.run(following.fetch_file(where, "/v1/roster", out, **asked))
        return
    columns = ("period", "unit", "unit_name", "planned", "due", "covered", "uncovered")
    if by == "session":
        columns = ("day", "session", "unit", "unit_name", "planned", "names", "covered_by", "state")
    asyncio.run(following.show(where, "/v1/roster", "rows", columns, **asked))


@rosters.command("put")
def roster_put(
    file: Annotated[Path, typer.Argument(help="CSV unit,day,session,member, hoặc JSON.")],
    first: From = None,
    last: To = None,
    data_dir: Where = None,
) -> None:
    """Phân công các buổi trong tệp; --from --to thay cả khoảng. Plan the half days of a file."""
    asked = {"from": first, "to": last}
    asyncio.run(following.put_file(client.find(data_dir), "/v1/roster", file, **asked))


@people.command("list")
def people_list(
    unit: Unit = None,
    role: Annotated[str | None, typer.Option("--role", help="Vai trò, như installer.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="Vào ngày nào. On which day.")] = None,
    data_dir: Where = None,
) -> None:
    """Cán bộ và tình nguyện viên. Officials and volunteers."""
    columns = ("code", "name", "role", "unit", "valid_from", "valid_to")
    asked = {"unit": unit, "role": role, "at": at}
    asyncio.run(following.show(client.find(data_dir), "/v1/people", "people", columns, **asked))


@people.command("put")
def people_put(
    file: Annotated[
        Path, typer.Argument(help="CSV code,name,role,unit,valid_from,valid_to, hoặc JSON.")
    ],
    data_dir: Where = None,
) -> None:
    """Thêm hoặc sửa người trong danh sách; không ghi số điện thoại. Add or change entries."""
    asyncio.run(following.put_file(client.find(data_dir), "/v1/people", file))


@runs.command("list")
def runs_list(
    plan: Annotated[str | None, typer.Option("--plan", help="Mã kế hoạch.")] = None,
    data_dir: Where = None,
) -> None:
    """Các tháng đã khoá. The closed months."""
    columns = ("run", "plan", "month", "installs", "amount", "closed_by", "closed_at")
    where = client.find(data_dir)
    asyncio.run(following.show(where, "/v1/stipends/runs", "runs", columns, plan=plan))


@runs.command("close")
def runs_close(
    plan: Plan,
    month: Annotated[str, typer.Argument(help="YYYY-MM")],
    data_dir: Where = None,
) -> None:
    """Khoá một tháng để chi trả; khoá lại không đổi gì. Close a month for payment."""
    body = {"plan": plan, "month": month}
    asyncio.run(following.post(client.find(data_dir), "/v1/stipends/runs", body))


@runs.command("show")
def runs_show(
    run: Annotated[int, typer.Argument(min=1)], out: Out = None, data_dir: Where = None
) -> None:
    """Ai được chi bao nhiêu trong một tháng đã khoá. Who is paid what in a closed month."""
    where, path = client.find(data_dir), f"/v1/stipends/runs/{run}"
    if out is not None:
        asyncio.run(following.fetch_file(where, path, out))
        return
    columns = ("unit", "unit_name", "installer", "name", "installs", "amount", "currency")
    asyncio.run(following.show(where, path, "payments", columns))


def payroll(
    run: Annotated[int, typer.Argument(min=1, help="Số của tháng đã khoá: motcua runs list.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Tệp .pdf, .xlsx, .csv; không nêu: bang-thanh-toan-RUN.pdf."),
    ] = None,
    data_dir: Where = None,
) -> None:
    """In bảng thanh toán của một tháng đã khoá. Print the payroll of a closed month."""
    target = out or Path(f"bang-thanh-toan-{run}.pdf")
    path = f"/v1/stipends/runs/{run}"
    asyncio.run(following.fetch_file(client.find(data_dir), path, target))


@grants.command("list")
def grants_list(plan: Plan, unit: Unit = None, data_dir: Where = None) -> None:
    """Gia hạn và miễn của một kế hoạch. The extensions and waivers of a plan."""
    columns = ("obligation", "kind", "units", "periods", "before", "by", "document")
    where, path = client.find(data_dir), f"/v1/plans/{quote(plan, safe='')}/grants"
    asyncio.run(following.show(where, path, "grants", columns, unit=unit))


Obligation = Annotated[str, typer.Option("--obligation", help="Việc phải nộp. The duty.")]
Periods = Annotated[list[str], typer.Option("--period", help="Kỳ, như 2020-03. The period.")]


@grants.command("extend")
def grants_extend(
    plan: Plan,
    obligation: Obligation,
    unit: Units,
    period: Periods,
    document: Document,
    before: Annotated[
        str | None, typer.Option("--before", help="Trước ngày. Before a day.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Hết ngày. By the end of a day.")] = None,
    data_dir: Where = None,
) -> None:
    """Gia hạn theo một văn bản, đến --before hoặc --by. Give more time, by a document."""
    _grant(data_dir, plan, obligation, unit, period, document, "extension", before, by)


@grants.command("waive")
def grants_waive(
    plan: Plan,
    obligation: Obligation,
    unit: Units,
    period: Periods,
    document: Document,
    data_dir: Where = None,
) -> None:
    """Miễn theo một văn bản. Excuse units, by a document."""
    _grant(data_dir, plan, obligation, unit, period, document, "waiver", None, None)


def _grant(
    data_dir: Path | None,
    plan: str,
    obligation: str,
    units: list[str],
    periods: list[str],
    document: str,
    kind: str,
    before: str | None,
    by: str | None,
) -> None:
    body = {
        "obligation": obligation, "units": units, "periods": periods, "kind": kind,
        "document": document, "before": before, "by": by,
    }  # fmt: skip
    path = f"/v1/plans/{quote(plan, safe='')}/grants"
    asyncio.run(following.post(client.find(data_dir), path, body))


@stipends.command("list")
def stipends_list(
    plan: Annotated[str | None, typer.Option("--plan", help="Mã kế hoạch.")] = None,
    unit: Unit = None,
    by: Annotated[str, typer.Option("--by", help="unit, installer.")] = "unit",
    data_dir: Where = None,
) -> None:
    """Được chi, vượt chỉ tiêu, đang chờ. What is payable, beyond the quota, held."""
    columns = (
        "unit",
        "installer",
        "succeeded",
        "payable",
        "beyond_quota",
        "held",
        "amount",
        "currency",
    )
    asked = {"plan": plan, "unit": unit, "by": by}
    asyncio.run(following.show(client.find(data_dir), "/v1/stipends", "rows", columns, **asked))


@stipends.command("held")
def stipends_held(
    plan: Plan,
    unit: Unit = None,
    state: Annotated[
        str, typer.Option("--state", help="held, payable, approved, refused.")
    ] = "held",
    data_dir: Where = None,
) -> None:
    """Các lượt cài đang chờ quyết định. The installs that wait for a decision."""
    columns = (
        "indicator",
        "key",
        "unit",
        "installer",
        "occurred_at",
        "state",
        "decision",
        "document",
    )
    asked = {"plan": plan, "unit": unit, "state": state}
    where = client.find(data_dir)
    asyncio.run(following.show(where, "/v1/stipends/installs", "rows", columns, **asked))


Keys = Annotated[
    list[str] | None, typer.Option("--key", help="Khoá của từng máy; không nêu: tất cả đang chờ.")
]
Note = Annotated[str | None, typer.Option("--note", help="Ghi chú. A note.")]


@stipends.command("approve")
def stipends_approve(
    plan: Plan,
    document: Document,
    unit: Unit = None,
    key: Keys = None,
    note: Note = None,
    data_dir: Where = None,
) -> None:
    """Duyệt chi các lượt đang chờ. Approve what is held: all, of a unit, or by key."""
    _decide(data_dir, plan, "approve", document, unit, key, note)


@stipends.command("refuse")
def stipends_refuse(
    plan: Plan,
    document: Document,
    unit: Unit = None,
    key: Keys = None,
    note: Note = None,
    data_dir: Where = None,
) -> None:
    """Không chi các lượt đang chờ. Refuse what is held: all, of a unit, or by key."""
    _decide(data_dir, plan, "refuse", document, unit, key, note)


def _decide(
    data_dir: Path | None,
    plan: str,
    decision: str,
    document: str,
    unit: str | None,
    keys: list[str] | None,
    note: str | None,
) -> None:
    body = {
        "plan": plan, "decision": decision, "document": document, "unit": unit,
        "keys": keys or [], "note": note,
    }  # fmt: skip
    asyncio.run(following.post(client.find(data_dir), "/v1/stipends/decisions", body))


@stipends.command("flags")
def stipends_flags(
    plan: Annotated[str | None, typer.Option("--plan", help="Mã kế hoạch.")] = None,
    unit: Unit = None,
    data_dir: Where = None,
) -> None:
    """Các lượt cài đáng ngờ và lý do; vẫn được tính. Installs that look odd, and why."""
    columns = ("plan", "unit", "installer", "source", "id", "reason")
    asked = {"plan": plan, "unit": unit}
    where = client.find(data_dir)
    asyncio.run(following.show(where, "/v1/stipends/flags", "rows", columns, **asked))


@stipends.command("unassigned")
def stipends_unassigned(
    plan: Annotated[str | None, typer.Option("--plan", help="Mã kế hoạch.")] = None,
    unit: Unit = None,
    data_dir: Where = None,
) -> None:
    """Nơi có chỉ tiêu mà chưa ai được phân công. Units with a quota and nobody to fill it."""
    columns = ("plan", "indicator", "unit", "unit_name", "target", "assigned", "state")
    asked = {"plan": plan, "unit": unit}
    where = client.find(data_dir)
    asyncio.run(following.show(where, "/v1/stipends/unassigned", "rows", columns, **asked))
