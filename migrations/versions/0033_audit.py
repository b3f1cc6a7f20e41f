"""Add the audit: privileged acts, a chain of rows that are only added."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_table(
        "access_audit",
        Column("seq", BigInteger(), primary_key=True, autoincrement=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("principal", Text(), nullable=False),
        Column("address", Text()),
        Column("act", Text(), nullable=False),
        Column("subject", Text(), nullable=False),
        Column("before", JSONB()),
        Column("after", JSONB()),
        Column("previous", LargeBinary(), nullable=False),
        Column("hash", LargeBinary(), nullable=False),
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of access_audit are only added';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON access_audit"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit()"
    )


def downgrade() -> None:
    op.drop_table("access_audit")
    op.execute("DROP FUNCTION refuse_change_of_audit")
