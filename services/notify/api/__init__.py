"""HTTP of notify."""

from services.notify.api.routes import build_router

__all__ = ["build_router"]
