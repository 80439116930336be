"""Installs that succeeded, as their rows tell of them."""

import sqlalchemy as sa

from services.reporting.rules import Install


def success(row: sa.Row) -> Install:
    """The install of a row of the table that says which event it was, where, by whom and on what."""
    return Install(
        order=(row.time, row.source, row.event_id),
        unit=row.unit,
        app=row.app,
        installer=row.installer,
        place=row.place,
        succeeded=True,
        day=row.day,
        device=row.device,
        citizen=row.citizen,
    )
