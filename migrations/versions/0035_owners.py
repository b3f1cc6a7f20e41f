"""Add who owns an RRset."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.add_column("dns_records", Column("owner", Text()))


def downgrade() -> None:
    op.drop_column("dns_records", "owner")
