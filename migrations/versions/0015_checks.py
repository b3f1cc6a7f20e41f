"""Store for each zone what becomes of changes that servers with checks would refuse."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("dns_zones", sa.Column("checks", sa.String(16), nullable=False, server_default="warn"))
    op.create_check_constraint(
        op.f("ck_dns_zones_checks"), "dns_zones", "checks IN ('refuse', 'warn', 'off')"
    )


def downgrade() -> None:
    op.drop_column("dns_zones", "checks")
