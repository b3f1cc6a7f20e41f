"""Add transfers: what one account offers to another."""

from alembic import op
from sqlalchemy import ARRAY, Boolean, CheckConstraint, Column, DateTime, Integer, Text, Uuid, func

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.create_table(
        "access_transfers",
        Column("id", Uuid(), primary_key=True),
        Column("status", Text(), nullable=False),
        Column("zone", Text(), nullable=False),
        Column("names", Text(), nullable=False),
        Column("types", ARRAY(Text()), nullable=False),
        Column("whole_zone", Boolean(), nullable=False),
        Column("from_account", Text()),
        Column("to_account", Text(), nullable=False),
        Column("offered_for", Text()),
        Column("comment", Text()),
        Column("rrsets", Integer(), nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Column("decided_at", DateTime(timezone=True)),
        CheckConstraint(
            "status IN ('offered', 'accepted', 'declined', 'withdrawn')", name="ck_access_transfers_status"
        ),
    )
    op.create_index("ix_access_transfers_offered_for_id", "access_transfers", ["offered_for", "id"])
    op.create_index("ix_access_transfers_to_account_id", "access_transfers", ["to_account", "id"])


def downgrade() -> None:
    op.drop_table("access_transfers")
