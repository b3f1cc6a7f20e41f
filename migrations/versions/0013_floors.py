"""Store for each zone below which `seq` no request is open."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column(
        "dns_zone_leases", sa.Column("seq_floor", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("dns_zone_leases", sa.Column("next_floor", sa.BigInteger()))
    op.add_column("dns_zone_leases", sa.Column("next_floor_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    for column in ("next_floor_at", "next_floor", "seq_floor"):
        op.drop_column("dns_zone_leases", column)
