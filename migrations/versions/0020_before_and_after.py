"""Add the RRset before and after each request."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("dns_requests", sa.Column("before", postgresql.JSONB(), nullable=True))
    op.add_column("dns_requests", sa.Column("after", postgresql.JSONB(), nullable=True))
    op.add_column("ansible_runs", sa.Column("said_before", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("ansible_runs", "said_before")
    op.drop_column("dns_requests", "after")
    op.drop_column("dns_requests", "before")
