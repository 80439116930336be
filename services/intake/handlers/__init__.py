"""Use cases of intake: receive and admit events, keys, sources, erasure, forms, silence, tidying."""

from services.intake.handlers.admission import Admission, Memo, Result
from services.intake.handlers.agreements import Agreements
from services.intake.handlers.correcting import Correction, correct, told
from services.intake.handlers.erasure import Eraser
from services.intake.handlers.helping import Helping
from services.intake.handlers.keys import create_key, revoke_key
from services.intake.handlers.lgsp import Call, SyncCalls
from services.intake.handlers.reception import Reception, Reply
from services.intake.handlers.silence import Silence
from services.intake.handlers.tidying import Tidying
from services.intake.handlers.tombstones import Tombstones

__all__ = [
    "Admission",
    "Agreements",
    "Call",
    "Correction",
    "Eraser",
    "Helping",
    "Memo",
    "Reception",
    "Reply",
    "Result",
    "Silence",
    "SyncCalls",
    "Tidying",
    "Tombstones",
    "correct",
    "create_key",
    "revoke_key",
    "told",
]
