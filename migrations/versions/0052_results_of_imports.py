"""Add what an import has found."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    op.add_column("dns_zone_states", sa.Column("import_result", sa.dialects.postgresql.JSONB()))


def downgrade() -> None:
    op.drop_column("dns_zone_states", "import_result")
