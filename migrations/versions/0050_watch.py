"""Add who watches the zones of a backend, and what the watcher needs to know of zones and of drift."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    op.create_table(
        "dns_watch_leases",
        sa.Column("backend", sa.Text(), primary_key=True),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
    )
    op.add_column("dns_zone_states", sa.Column("compare_wanted_at", sa.DateTime(timezone=True)))
    op.add_column("dns_zone_states", sa.Column("watch_error", sa.Text()))
    op.add_column(
        "dns_drift",
        sa.Column("candidate_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.add_column("dns_drift", sa.Column("restored_by", sa.Uuid()))


def downgrade() -> None:
    op.drop_column("dns_drift", "restored_by")
    op.drop_column("dns_drift", "candidate_at")
    op.drop_column("dns_zone_states", "watch_error")
    op.drop_column("dns_zone_states", "compare_wanted_at")
    op.drop_table("dns_watch_leases")
