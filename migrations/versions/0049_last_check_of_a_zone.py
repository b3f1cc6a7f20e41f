"""Add what the servers of a zone said when they were last asked for what it needs."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    op.add_column("dns_zone_states", sa.Column("last_check", sa.dialects.postgresql.JSONB()))


def downgrade() -> None:
    op.drop_column("dns_zone_states", "last_check")
