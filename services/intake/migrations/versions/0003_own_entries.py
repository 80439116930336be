"""What a key has sent lately, for the page that shows it."""

from shared.migrations import execute_all

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_all("CREATE INDEX events_of_key ON events (key_id, received_at)")
