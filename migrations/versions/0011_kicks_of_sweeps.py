"""Store when sweeps have kicked a zone, and how many runs a backend may have."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("dns_zone_leases", sa.Column("kicked_at", sa.DateTime(timezone=True)))
    op.add_column("dns_zone_leases", sa.Column("kicks", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("dns_backends", sa.Column("max_runs", sa.Integer()))


def downgrade() -> None:
    op.drop_column("dns_backends", "max_runs")
    op.drop_column("dns_zone_leases", "kicks")
    op.drop_column("dns_zone_leases", "kicked_at")
