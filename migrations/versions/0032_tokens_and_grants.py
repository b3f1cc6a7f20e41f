"""Add who may call, and who may change what."""

from alembic import op
from sqlalchemy import ARRAY, CheckConstraint, Column, DateTime, Integer, LargeBinary, Text, Uuid, func

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "access_tokens",
        Column("id", Uuid(), primary_key=True),
        Column("prefix", Text(), nullable=False, unique=True),
        Column("digest", LargeBinary(), nullable=False),
        Column("comment", Text()),
        Column("accounts", ARRAY(Text()), nullable=False),
        Column("roles", ARRAY(Text()), nullable=False),
        Column("networks", ARRAY(Text()), nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("created_by", Text(), nullable=False),
        Column("expires_at", DateTime(timezone=True)),
        Column("revoked_at", DateTime(timezone=True)),
        Column("last_used_at", DateTime(timezone=True)),
    )
    op.create_table(
        "access_grants",
        Column("id", Uuid(), primary_key=True),
        Column("effect", Text(), nullable=False),
        Column("account_id", Text()),
        Column("role", Text()),
        Column("zone", Text(), nullable=False),
        Column("names", Text(), nullable=False),
        Column("types", ARRAY(Text()), nullable=False),
        Column("actions", ARRAY(Text()), nullable=False),
        Column("comment", Text()),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("created_by", Text(), nullable=False),
        CheckConstraint("effect IN ('allow', 'review', 'deny')", name="ck_access_grants_effect"),
        CheckConstraint("(account_id IS NULL) <> (role IS NULL)", name="ck_access_grants_subject"),
    )
    op.create_table(
        "access_version",
        Column("id", Integer(), primary_key=True),
        Column("version", Uuid(), nullable=False),
        CheckConstraint("id = 1", name="ck_access_version_one_row"),
    )


def downgrade() -> None:
    op.drop_table("access_version")
    op.drop_table("access_grants")
    op.drop_table("access_tokens")
