"""Add the quotas of accounts."""

from alembic import op
from sqlalchemy import Column, DateTime, Integer, Text, func

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "access_quotas",
        Column("account_id", Text(), primary_key=True),
        Column("open_requests", Integer()),
        Column("records", Integer()),
        Column("requests_per_minute", Integer()),
        Column("comment", Text()),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("updated_by", Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("access_quotas")
