"""What a calendar file says that reading it alone does not show to be wrong."""

from collections.abc import Iterator
from datetime import date

from shared.calendar_files import CalendarFiles, NamedDay, contradiction
from shared.marked_text import FileFault
from shared.units import UnitRegistry
from shared.working_days import WorkingDays


def kinds_of(registry: UnitRegistry) -> dict[str, str]:
    """The kind of every unit by its code; of a code that was given twice, the newest."""
    return {unit.code: unit.kind for unit in sorted(registry, key=lambda one: one.valid_from)}


def unit_faults(files: CalendarFiles, registry: UnitRegistry) -> Iterator[tuple[str, FileFault]]:
    """(file, fault) for hours of units or kinds that the list of units does not have."""
    kinds = kinds_of(registry)
    known = set(kinds.values())
    for entry in files.hours:
        wrong = sorted((entry.units - kinds.keys()) | (entry.kinds - known))
        if wrong:
            message = (
                f"hours nêu {', '.join(wrong)}: không có trong danh mục đơn vị (deploy/units); "
                "sửa mã ở units, loại ở kinds"
            )
            yield entry.file, FileFault(entry.line, "/hours", "unknown_unit", message)


def contradictions(files: CalendarFiles, others: CalendarFiles) -> Iterator[str]:
    """One line for each day on which a file and those beside it do not agree."""
    for day in sorted(files.closed.keys() & others.worked.keys()):
        yield contradiction(day, files.closed[day], others.worked[day])
    for day in sorted(files.worked.keys() & others.closed.keys()):
        yield contradiction(day, others.closed[day], files.worked[day])


def idle_days(files: CalendarFiles) -> Iterator[FileFault]:
    """A warning for each day that is off, or worked, without the file, too: maybe another was
    meant."""
    plain = WorkingDays()
    for days, key, works in ((files.closed, "closed", False), (files.worked, "worked", True)):
        for day, told in sorted(days.items()):
            if plain.is_working(day) is works and (works or not _free(plain, day)):
                yield _idle(day, told, key)


def _free(plain: WorkingDays, day: date) -> bool:
    # Closing a plain Saturday takes away the hours that some office may have on it.
    return day.weekday() >= 5 and not plain.is_holiday(day)


def _idle(day: date, told: NamedDay, key: str) -> FileFault:
    already = "là ngày nghỉ" if key == "closed" else "là ngày làm việc"
    message = f"{day} vốn đã {already}: dòng này không đổi gì"
    return FileFault(told.line, f"/{key}", "idle", message, "warning")
