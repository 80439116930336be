"""What was told of a notice's segments and cost with each of its states: known since then."""

from shared.migrations import execute_all

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

STATES = ("sent", "failed", "delivered", "wrong")


def upgrade() -> None:
    for state in STATES:
        execute_all(
            f"ALTER TABLE notices ADD COLUMN {state}_segments bigint, ADD COLUMN {state}_cost bigint"
        )
