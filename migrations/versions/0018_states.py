"""Add what a request expects to be there."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("dns_requests", sa.Column("expect", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("dns_requests", "expect")
