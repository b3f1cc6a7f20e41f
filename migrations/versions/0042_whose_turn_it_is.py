"""Add whose requests come first in a zone's next run, where several accounts wait."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.add_column("dns_zone_leases", Column("next_account", Text()))


def downgrade() -> None:
    op.drop_column("dns_zone_leases", "next_account")
