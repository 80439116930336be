"""The world outside notify: the SMS gateway, the mail server, the folder of templates."""

from services.notify.clients.attempt import Answer, Parcel, Provider
from services.notify.clients.kannel import Kannel
from services.notify.clients.mail import Mail
from services.notify.clients.templates import (
    NAMES,
    Name,
    TemplateFaults,
    Templates,
    Text,
    compile_text,
    read_name,
    render,
)

__all__ = [
    "NAMES",
    "Answer",
    "Kannel",
    "Mail",
    "Name",
    "Parcel",
    "Provider",
    "TemplateFaults",
    "Templates",
    "Text",
    "compile_text",
    "read_name",
    "render",
]
