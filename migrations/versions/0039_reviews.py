"""Requests can wait for an approval: two statuses, why they are asked for, and the reviews."""

import sqlalchemy as sa
from alembic import op

from app.core.schema_changes import add_check

revision = "0039"
down_revision = "0038"

_CHECKS = ("status", "open", "failed", "cancelled", "scheduled")
_AWAITING = "finished_at IS NULL AND seq < 0"
_CANCELLED = "finished_at IS NOT NULL AND error_code IS NULL AND verified_at IS NULL"
_SCHEDULED = "finished_at IS NULL AND seq >= 4611686018427387904"
_WAITING = "status IN ('awaiting_approval', 'scheduled', 'pending', 'running', 'verifying')"


def upgrade() -> None:
    op.create_table(
        "dns_reviews",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("zones", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("asks_as", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(16)),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.CheckConstraint(
            "verdict IN ('approved', 'rejected', 'expired', 'withdrawn')", name=op.f("ck_dns_reviews_verdict")
        ),
        sa.CheckConstraint("(verdict IS NULL) = (decided_at IS NULL)", name=op.f("ck_dns_reviews_decided")),
    )
    op.create_index(
        "ix_dns_reviews_undecided",
        "dns_reviews",
        ["expires_at"],
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    for name in ("review_id", "reason", "ticket"):
        op.add_column("dns_requests", sa.Column(name, sa.Uuid() if name == "review_id" else sa.Text()))
    # Without the constraints, which PostgreSQL would check anew, a longer word costs nothing.
    for name in _CHECKS:
        op.drop_constraint(op.f(f"ck_dns_requests_{name}"), "dns_requests")
    for table in ("dns_requests", "dns_request_events"):
        op.alter_column(table, "status", type_=sa.String(32))
    _add_checks()


def _add_checks() -> None:
    add_check(
        "ck_dns_requests_status",
        "dns_requests",
        "status IN ('awaiting_approval', 'scheduled', 'pending', 'running', 'verifying', 'succeeded',"
        " 'failed', 'cancelled', 'rejected')",
    )
    add_check("ck_dns_requests_open", "dns_requests", f"({_WAITING}) = (finished_at IS NULL)")
    add_check(
        "ck_dns_requests_failed",
        "dns_requests",
        "(status IN ('failed', 'rejected')) = (error_code IS NOT NULL)",
    )
    add_check("ck_dns_requests_cancelled", "dns_requests", f"(status = 'cancelled') = ({_CANCELLED})")
    add_check(
        "ck_dns_requests_scheduled",
        "dns_requests",
        f"(status = 'scheduled') = ({_SCHEDULED}) AND (seq < 4611686018427387904 OR not_before IS NOT NULL)",
    )
    add_check(
        "ck_dns_requests_awaiting",
        "dns_requests",
        f"(status = 'awaiting_approval') = ({_AWAITING})"
        " AND (status <> 'awaiting_approval' OR review_id IS NOT NULL)",
    )


def downgrade() -> None:
    for name in (*_CHECKS, "awaiting"):
        op.drop_constraint(op.f(f"ck_dns_requests_{name}"), "dns_requests")
    # What nobody has approved is cancelled: an older release does not know the statuses.
    op.execute(
        "UPDATE dns_requests SET status = 'cancelled', finished_at = coalesce(finished_at, clock_timestamp()),"
        " error_code = NULL, error_message = NULL, seq = seq + 4611686018427387904"
        " WHERE status IN ('awaiting_approval', 'rejected')"
    )
    op.execute("DELETE FROM dns_request_events WHERE status IN ('awaiting_approval', 'rejected')")
    for table in ("dns_requests", "dns_request_events"):
        op.alter_column(table, "status", type_=sa.String(16))
    for name, condition in {
        "status": "status IN"
        " ('scheduled', 'pending', 'running', 'verifying', 'succeeded', 'failed', 'cancelled')",
        "open": "(status IN ('scheduled', 'pending', 'running', 'verifying')) = (finished_at IS NULL)",
        "failed": "(status = 'failed') = (error_code IS NOT NULL)",
        "cancelled": f"(status = 'cancelled') = ({_CANCELLED})",
        "scheduled": f"(status = 'scheduled') = ({_SCHEDULED})"
        " AND (seq < 4611686018427387904 OR not_before IS NOT NULL)",
    }.items():
        op.create_check_constraint(op.f(f"ck_dns_requests_{name}"), "dns_requests", sa.text(condition))
    for name in ("review_id", "reason", "ticket"):
        op.drop_column("dns_requests", name)
    op.drop_table("dns_reviews")
