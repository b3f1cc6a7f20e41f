"""Store with each run what it says of its requests, and what was there before it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("ansible_runs", sa.Column("before", postgresql.JSONB()))
    op.add_column("ansible_runs", sa.Column("results", postgresql.JSONB()))


def downgrade() -> None:
    op.drop_column("ansible_runs", "results")
    op.drop_column("ansible_runs", "before")
