"""Note who was writing when the next floor of a zone was noted: it need not wait for a minute."""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"


def upgrade() -> None:
    op.add_column("dns_zone_leases", sa.Column("next_floor_seen", sa.ARRAY(sa.BigInteger())))


def downgrade() -> None:
    op.drop_column("dns_zone_leases", "next_floor_seen")
