"""What the reports' figures are: pure decisions over facts and sums."""

from services.reporting.rules.difficulties import Difficulty, Said, difficulties
from services.reporting.rules.dossiers import (
    FOREVER,
    Cell,
    History,
    Overdue,
    contributions,
    difference,
    history,
    overdue_spells,
)
from services.reporting.rules.emulation import Item, Result, Standing, standings
from services.reporting.rules.forms import (
    FORM_06,
    DossierSums,
    form_06,
    on_time,
    online_share,
    share,
)
from services.reporting.rules.installs import Install, counted_once
from services.reporting.rules.scores import (
    LIKERT,
    ScoreCell,
    Survey,
    Tally,
    answer_score,
    mean_score,
    quarter,
    score_contributions,
    survey_scores,
    tally_difference,
)
from services.reporting.rules.targets import Judged, install_plan, online_target
from services.reporting.rules.timeliness import (
    Filed,
    judged_duties,
    timeliness_row,
    timeliness_summary,
    timeliness_total,
)
from services.reporting.rules.units import names_of, unit_changes

__all__ = [
    "FOREVER",
    "FORM_06",
    "LIKERT",
    "Cell",
    "Difficulty",
    "DossierSums",
    "Filed",
    "History",
    "Install",
    "Item",
    "Judged",
    "Overdue",
    "Result",
    "Said",
    "ScoreCell",
    "Standing",
    "Survey",
    "Tally",
    "answer_score",
    "contributions",
    "counted_once",
    "difference",
    "difficulties",
    "form_06",
    "history",
    "install_plan",
    "judged_duties",
    "mean_score",
    "names_of",
    "on_time",
    "online_share",
    "online_target",
    "overdue_spells",
    "quarter",
    "score_contributions",
    "share",
    "standings",
    "survey_scores",
    "tally_difference",
    "timeliness_row",
    "timeliness_summary",
    "timeliness_total",
    "unit_changes",
]
