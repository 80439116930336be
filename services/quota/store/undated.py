"""Dossiers of which no due date was stated when they were submitted."""

from shared.undated import Undated

UNDATED = Undated(
    "facts WHERE type = 'motcua.dossier.submitted.v1' AND data->>'due_at' IS NULL",
    code="code",
    procedure="data->>'procedure'",
)
