"""Store which backends workers know of, and why and since when a backend or a zone rests."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("dns_backends", sa.Column("seen_at", sa.DateTime(timezone=True)))
    for table in ("dns_backends", "dns_zone_leases"):
        op.add_column(table, sa.Column("failing_since", sa.DateTime(timezone=True)))
        op.add_column(table, sa.Column("fault_code", sa.Text()))
        op.add_column(table, sa.Column("fault", sa.Text()))


def downgrade() -> None:
    for table in ("dns_backends", "dns_zone_leases"):
        for column in ("fault", "fault_code", "failing_since"):
            op.drop_column(table, column)
    op.drop_column("dns_backends", "seen_at")
