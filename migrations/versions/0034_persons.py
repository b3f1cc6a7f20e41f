"""Add whose a token is, and who has made it."""

from alembic import op
from sqlalchemy import ARRAY, Column, Text

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("access_tokens", Column("person", Text()))
    op.add_column("access_tokens", Column("made_by", ARRAY(Text()), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("access_tokens", "made_by")
    op.drop_column("access_tokens", "person")
