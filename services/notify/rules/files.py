"""Which notices carry a file, and of what kind it is."""

SCHEDULED = "report_scheduled"
"""The kind of notice that brings a report that was ordered for a time."""

MEDIA_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "csv": "text/csv",
}


def carries(kind: str) -> bool:
    """Whether a file may go with notices of a kind: each goes by itself, in no list."""
    return kind == SCHEDULED


def media_type(name: str) -> str:
    """The kind of a file, by the end of its name."""
    return MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
