"""Dossiers of which no due date was stated when they were submitted."""

from shared.undated import Undated

UNDATED = Undated(
    "events WHERE type = 'motcua.dossier.submitted.v1' AND data->>'due_at' IS NULL",
    code="subject",
    procedure="data->>'procedure'",
)
