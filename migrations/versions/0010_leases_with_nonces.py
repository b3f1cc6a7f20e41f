"""Store a nonce of each hold of a zone, and which requests its holder has claimed last."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("dns_zone_leases", sa.Column("nonce", sa.Uuid()))
    op.add_column("dns_zone_leases", sa.Column("claimed_from", sa.BigInteger()))
    op.add_column("dns_zone_leases", sa.Column("claimed_to", sa.BigInteger()))
    # What workers of the older release have left running is looked for among all open requests, once.
    op.execute("UPDATE dns_zone_leases SET claimed_from = 0, claimed_to = 9223372036854775807")


def downgrade() -> None:
    for column in ("claimed_to", "claimed_from", "nonce"):
        op.drop_column("dns_zone_leases", column)
