"""Requests can be scheduled: a status of its own, and the time before which they are not applied."""

import sqlalchemy as sa
from alembic import op

from app.core.schema_changes import add_check

revision = "0021"
down_revision = "0020"

_SCHEDULED = "finished_at IS NULL AND seq >= 4611686018427387904"


def upgrade() -> None:
    op.add_column("dns_requests", sa.Column("not_before", sa.DateTime(timezone=True)))
    for name in ("status", "open"):
        op.drop_constraint(op.f(f"ck_dns_requests_{name}"), "dns_requests")
    add_check(
        "ck_dns_requests_status",
        "dns_requests",
        "status IN ('scheduled', 'pending', 'running', 'verifying', 'succeeded', 'failed', 'cancelled')",
    )
    add_check(
        "ck_dns_requests_open",
        "dns_requests",
        "(status IN ('scheduled', 'pending', 'running', 'verifying')) = (finished_at IS NULL)",
    )
    add_check(
        "ck_dns_requests_scheduled",
        "dns_requests",
        f"(status = 'scheduled') = ({_SCHEDULED}) AND (seq < 4611686018427387904 OR not_before IS NOT NULL)",
    )


def downgrade() -> None:
    for name in ("status", "open", "scheduled"):
        op.drop_constraint(op.f(f"ck_dns_requests_{name}"), "dns_requests")
    # What was scheduled is cancelled: an older release does not know the status.
    op.execute(
        "UPDATE dns_requests SET status = 'cancelled', finished_at = clock_timestamp()"
        " WHERE status = 'scheduled'"
    )
    op.create_check_constraint(
        op.f("ck_dns_requests_status"),
        "dns_requests",
        "status IN ('pending', 'running', 'verifying', 'succeeded', 'failed', 'cancelled')",
    )
    op.create_check_constraint(
        op.f("ck_dns_requests_open"),
        "dns_requests",
        "(status IN ('pending', 'running', 'verifying')) = (finished_at IS NULL)",
    )
    op.drop_column("dns_requests", "not_before")
