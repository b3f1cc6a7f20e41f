"""Store the settings of each zone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("dns_zones", sa.Column("settings", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("dns_zones", "settings")
