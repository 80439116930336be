"""Pure decisions of intake."""

from services.intake.rules.admission import Status, judge_caller, judge_units
from services.intake.rules.hints import Hints
from services.intake.rules.silence import Policy as SilencePolicy
from services.intake.rules.silence import Verdict
from services.intake.rules.silence import judge as judge_silence

__all__ = [
    "Hints",
    "SilencePolicy",
    "Status",
    "Verdict",
    "judge_caller",
    "judge_silence",
    "judge_units",
]
