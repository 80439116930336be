"""Pure decisions of intake."""

from services.intake.rules.admission import Status, judge_caller, judge_units

__all__ = ["Status", "judge_caller", "judge_units"]
