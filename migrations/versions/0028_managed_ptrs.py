"""Add of which request's address a request keeps the PTR."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("dns_requests", sa.Column("ptr_of", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("dns_requests", "ptr_of")
