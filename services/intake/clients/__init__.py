"""What intake asks of the services beside it, for its forms only."""

from services.intake.clients.neighbours import Neighbours

__all__ = ["Neighbours"]
