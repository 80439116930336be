"""Gateways described by files: ``deploy/gateways/<name>.yaml``."""

from services.notify.clients.gateways.folder import GatewayFaults, Gateways
from services.notify.clients.gateways.http import HttpGateway
from services.notify.clients.gateways.reports import DescribedReports

__all__ = ["DescribedReports", "GatewayFaults", "Gateways", "HttpGateway"]
