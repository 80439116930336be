"""Dossiers of which no due date was stated when they were submitted."""

from shared.undated import Undated

UNDATED = Undated("submissions WHERE due_at IS NULL", code="code", procedure="procedure")
