"""What other rules about due dates change in the read models: the difference is added."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.rules import Cell, Overdue
from services.reporting.store import dossier_sums, facts, spells
from services.reporting.store.undated import UNDATED
from shared.due_dates import Timeline
from shared.units import UnitRegistry


class Undated:
    """The dossiers of which upstream states no due date, for the changeover to other rules."""

    codes = UNDATED

    def __init__(self, registry: UnitRegistry) -> None:
        self.registry = registry

    async def derive(
        self, session: AsyncSession, codes: Sequence[str], before: Timeline, after: Timeline
    ) -> None:
        """Add to the sums what the newest rules change, on the day from which they hold."""
        era = self.registry.era
        cells: Counter[Cell] = Counter()
        overdue: dict[str, list[Overdue]] = {}
        for code, (told, moves) in (await facts.load_dossiers(session, codes)).items():
            old, new = rules.history(told, moves, before), rules.history(told, moves, after)
            cells.update(rules.contributions(new, era))
            cells.subtract(rules.contributions(old, era))
            spells_after = rules.overdue_spells(new, era)
            if spells_after != rules.overdue_spells(old, era):
                overdue[code] = spells_after
        await dossier_sums.add(session, cells)
        await spells.replace(session, overdue)
