"""Store which request a line of a run's log is about."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("ansible_run_events", sa.Column("request_id", sa.Uuid()))


def downgrade() -> None:
    op.drop_column("ansible_run_events", "request_id")
