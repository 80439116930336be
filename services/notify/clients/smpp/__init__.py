"""SMPP 3.4 straight to a carrier."""

from services.notify.clients.smpp.gateway import SmppGateway
from services.notify.clients.smpp.options import SmppOptions

__all__ = ["SmppGateway", "SmppOptions"]
