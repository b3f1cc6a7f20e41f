"""Add the group of requests that are all or none."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("dns_requests", sa.Column("atomic_id", sa.Uuid(), nullable=True))
    op.execute("ALTER TABLE dns_requests ALTER COLUMN seq SET INCREMENT BY 1024")


def downgrade() -> None:
    op.execute("ALTER TABLE dns_requests ALTER COLUMN seq SET INCREMENT BY 1")
    op.drop_column("dns_requests", "atomic_id")
