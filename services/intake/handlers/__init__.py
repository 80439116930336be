"""Use cases of intake: admit events, make and revoke keys."""

from services.intake.handlers.admission import Admission, Result
from services.intake.handlers.keys import create_key, revoke_key

__all__ = ["Admission", "Result", "create_key", "revoke_key"]
