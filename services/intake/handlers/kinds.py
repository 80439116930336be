"""The kinds of lists of an installation, and how they are described to those who fill them in."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from services.intake.handlers.templates import VALUES
from services.intake.rules.lists.kinds import Kind, KindFaults, read_kinds
from services.intake.rules.lists.notes import FAULTS, REMARKS, REPAIRS
from shared.settings import SettingsError, deploy_dir

PAGE = Path("docs") / "integrators" / "lists.md"
BEGIN, END = "<!-- kinds: written by `python -m services.intake.handlers.kinds` -->", "<!-- end -->"


def load_kinds() -> dict[str, Kind]:
    """The kinds of lists that this installation declares in ``deploy/lists``.

    Raises:
        SettingsError: with every fault of the declarations.
    """
    files = {}
    for path in sorted((deploy_dir() / "lists").glob("*.yaml")):
        try:
            files[path.stem] = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
            raise SettingsError([f"{path}: {type(fault).__name__}"]) from None
    try:
        return read_kinds(files)
    except KindFaults as fault:
        raise SettingsError([f"lists/{line}" for line in fault.faults]) from None


def describe(kinds: Mapping[str, Kind]) -> str:
    """Every kind with its columns, and every fault, remark and repair, in Markdown."""
    lines: list[str] = []
    for kind in kinds.values():
        lines += [f"### `{kind.name}`: {kind.title}", "", kind.about, ""]
        lines += ["| cột | `--set` | phải có | dạng | ghi gì |", "|---|---|---|---|---|"]
        for column in kind.columns.values():
            if column.value == "ignored":
                continue
            meaning = column.meaning
            if column.words:
                meaning += f" Nhận: {', '.join(column.words)}."
            needed = "có" if column.required else "cột phải có" if column.needed else ""
            cells = (column.heading, f"`{column.name}`", needed, VALUES[column.value], meaning)
            lines.append(f"| {' | '.join(cells)} |")
        for group in kind.any_of:
            shown = " hoặc ".join(f"“{kind.columns[name].heading}”" for name in group)
            lines += ["", f"Mỗi dòng cần {shown}."]
        lines.append("")
    for title, words in (
        ("Lỗi: dòng không được nhận / Faults", FAULTS),
        ("Lưu ý: dòng vẫn được nhận / Remarks", REMARKS),
        ("Tự sửa / Repairs", REPAIRS),
    ):
        lines += [f"### {title}", "", "| mã | nghĩa |", "|---|---|"]
        lines += [f"| `{code}` | {text.replace('{hint}', '…')} |" for code, text in words.items()]
        lines.append("")
    return "\n".join(lines)


def with_kinds(page: str, kinds: Mapping[str, Kind]) -> str:
    """The page with what lies between its two marks written anew."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{describe(kinds)}\n{END}{after}"


def main() -> None:
    """Write the page for integrators anew, in the folder of the sources."""
    PAGE.write_text(with_kinds(PAGE.read_text(encoding="utf-8"), load_kinds()), encoding="utf-8")


if __name__ == "__main__":
    main()
