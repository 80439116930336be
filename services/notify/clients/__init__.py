"""The world outside notify: the SMS gateway, the mail server, the folder of templates."""

from services.notify.clients.attempt import Answer, Parcel, Provider
from services.notify.clients.kannel import Kannel
from services.notify.clients.mail import Mail
from services.notify.clients.templates import TemplateFaults, Templates, Text

__all__ = [
    "Answer",
    "Kannel",
    "Mail",
    "Parcel",
    "Provider",
    "TemplateFaults",
    "Templates",
    "Text",
]
