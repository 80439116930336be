"""Alembic's entry: the connection is handed over by ``shared.db``."""

from shared import migrations

migrations.run()
