"""Add which conditions of changes the playbook of each backend honours."""

from alembic import op
from sqlalchemy import ARRAY, Column, Text

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("dns_backends", Column("honours", ARRAY(Text())))


def downgrade() -> None:
    op.drop_column("dns_backends", "honours")
