"""Logging: one JSON object a line on standard output, one event per message, no personal data."""

import logging
import sys

import structlog

PERSONAL = frozenset({"name", "phone", "email", "applicant", "citizen", "text", "payload", "body"})


def drop_personal(_logger: object, _method: str, event: dict) -> dict:
    """Blank any field whose name says that it may hold personal data."""
    for key in PERSONAL & event.keys():
        event[key] = "(withheld)"
    return event


class LibraryHandler(logging.Handler):
    """Says what a library logged by its template and the fault's type alone.

    Arguments, messages of exceptions and tracebacks may hold what a citizen sent.
    """

    def emit(self, record: logging.LogRecord) -> None:
        fault = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger().log(
            record.levelno, "library", logger=record.name, template=str(record.msg)[:200],
            error=fault,
        )  # fmt: skip


def configure(service: str, level: str = "INFO") -> None:
    """Set up structlog for a process and route the libraries' own loggers through it."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            drop_personal,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.root.handlers = [LibraryHandler()]
    logging.root.setLevel(logging.WARNING)
    for noisy in ("uvicorn.access", "nats", "sqlalchemy.engine", "httpx"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def get() -> structlog.stdlib.BoundLogger:
    """The logger to use everywhere."""
    return structlog.get_logger()
