"""Email by SMTP: letters, their signature, the lines to the server, and what it answers."""

from services.notify.clients.mail.bounces import Bounces
from services.notify.clients.mail.faults import read_fault
from services.notify.clients.mail.line import Server, Tls
from services.notify.clients.mail.post import Mail
from services.notify.clients.mail.signing import MailFaults, Signer, trust

__all__ = ["Bounces", "Mail", "MailFaults", "Server", "Signer", "Tls", "read_fault", "trust"]
