"""Add the key of cursors, and let nobody truncate the audit."""

from alembic import op
from sqlalchemy import CheckConstraint, Column, Integer, LargeBinary, text

revision = "0044"
down_revision = "0043"

# 244 random bits: gen_random_uuid draws on the system's source of random numbers.
_RANDOM = text("sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))")


def upgrade() -> None:
    op.create_table(
        "cursor_key",
        Column("id", Integer(), primary_key=True),
        Column("key", LargeBinary(), nullable=False, server_default=_RANDOM),
        CheckConstraint("id = 1", name="ck_cursor_key_one_row"),
    )
    op.execute("INSERT INTO cursor_key (id) VALUES (1)")
    op.execute(
        "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON access_audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER never_emptied ON access_audit")
    op.drop_table("cursor_key")
