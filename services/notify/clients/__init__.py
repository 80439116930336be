"""The world outside notify: the SMS gateway, the mail server, the folders of texts and offices."""

from services.notify.clients.attempt import Answer, Attached, Parcel, Provider
from services.notify.clients.calls import (
    Call,
    Forbidden,
    KannelReports,
    Report,
    Reporter,
    Unreadable,
)
from services.notify.clients.clock_stops import load_agency_words
from services.notify.clients.gateways import GatewayFaults, Gateways
from services.notify.clients.kannel import Kannel
from services.notify.clients.mail import Bounces, Mail, MailFaults, Server, Signer, trust
from services.notify.clients.offices import Office, OfficeFaults, Offices
from services.notify.clients.smpp import SmppGateway
from services.notify.clients.templates import (
    NAMES,
    Name,
    TemplateFaults,
    Templates,
    Text,
    compile_text,
    language_of,
    read_name,
    render,
)

__all__ = [
    "NAMES",
    "Answer",
    "Attached",
    "Bounces",
    "Call",
    "Forbidden",
    "GatewayFaults",
    "Gateways",
    "Kannel",
    "KannelReports",
    "Mail",
    "MailFaults",
    "Name",
    "Office",
    "OfficeFaults",
    "Offices",
    "Parcel",
    "Provider",
    "Report",
    "Reporter",
    "Server",
    "Signer",
    "SmppGateway",
    "TemplateFaults",
    "Templates",
    "Text",
    "Unreadable",
    "compile_text",
    "language_of",
    "load_agency_words",
    "read_name",
    "render",
    "trust",
]
