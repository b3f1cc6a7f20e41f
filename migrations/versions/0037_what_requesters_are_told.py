"""Let lines of logs say what requesters are told; without it a line is for operators only."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.add_column("dns_request_events", Column("told", Text()))
    op.add_column("ansible_run_events", Column("told", Text()))


def downgrade() -> None:
    op.drop_column("ansible_run_events", "told")
    op.drop_column("dns_request_events", "told")
