"""Add which request takes which back."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("dns_requests", sa.Column("undoes", sa.Uuid(), nullable=True))
    op.add_column("dns_requests", sa.Column("undone_by", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("dns_requests", "undone_by")
    op.drop_column("dns_requests", "undoes")
