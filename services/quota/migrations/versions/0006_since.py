"""Tells of every plan anew, now with the first day that each version judges.

Whoever keeps plans took the newest version for all days before; the day is new in the message.
"""

from shared.migrations import execute_all

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

AGAIN = """
INSERT INTO outbox (stream, subject, message_id, payload, created_at)
SELECT 'PLANS', 'motcua.plans.' || plan || '.' || version,
    'plan\\:' || plan || '\\:' || version || '\\:since',
    convert_to(jsonb_build_object(
        'plan', plan, 'version', version, 'digest', digest, 'applied_at', applied_at,
        'effective_from', greatest(effective_from, (document::jsonb #>> '{runs,from}')::date),
        'since', to_char(effective_from, 'YYYY-MM-DD'),
        'document', document::jsonb)::text, 'UTF8'),
    now()
FROM plans ORDER BY plan, version
"""


def upgrade() -> None:
    execute_all(AGAIN)
