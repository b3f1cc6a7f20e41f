"""Add webhooks, and what is delivered to them."""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"


def _time(name: str, *, nullable: bool = True, now: str | None = None) -> sa.Column[object]:
    default = sa.text(now) if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("event_types", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary()),
        _time("old_secret_until"),
        _time("created_at", nullable=False, now="now()"),
        sa.Column("created_by", sa.Text(), nullable=False),
        _time("updated_at", nullable=False, now="now()"),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("holder_token", sa.Text()),
        sa.Column("holder_accounts", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("holder_roles", sa.ARRAY(sa.Text()), nullable=False),
        _time("holds_until"),
        sa.Column("disabled", sa.String(16)),
        _time("disabled_at"),
        sa.Column("disabled_noted", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        _time("failing_since"),
        sa.Column("last_code", sa.Text()),
        sa.Column("last_error", sa.Text()),
        _time("paused_until"),
        _time("delivered_at"),
        _time("due_at"),
        sa.Column("server", sa.Uuid()),
        _time("served_until"),
        sa.CheckConstraint(
            "disabled IN ('by_hand', 'gone', 'failing', 'backlog', 'rights_lost')",
            name=op.f("ck_webhooks_disabled"),
        ),
        sa.CheckConstraint(
            "(disabled IS NULL) = (disabled_at IS NULL)", name=op.f("ck_webhooks_disabled_at")
        ),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "webhook_id",
            sa.Uuid(),
            sa.ForeignKey("webhooks.id", ondelete="CASCADE", name=op.f("fk_webhook_deliveries_webhook_id")),
            nullable=False,
        ),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Uuid()),
        sa.Column("account_id", sa.Text()),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("replay_of", sa.Uuid()),
        _time("created_at", nullable=False, now="now()"),
        sa.Column("status", sa.String(16), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        _time("next_try_at", nullable=False, now="clock_timestamp()"),
        _time("failing_since"),
        _time("tried_at"),
        _time("finished_at"),
        sa.Column("status_code", sa.Integer()),
        sa.Column("answer", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("took", sa.Float()),
        sa.CheckConstraint(
            "status IN ('pending', 'delivered', 'failed')", name=op.f("ck_webhook_deliveries_status")
        ),
        sa.CheckConstraint(
            "(status = 'pending') = (finished_at IS NULL)", name=op.f("ck_webhook_deliveries_finished")
        ),
    )
    op.create_index("ix_webhook_deliveries_webhook", "webhook_deliveries", ["webhook_id", "seq"])
    op.create_index(
        "ix_webhook_deliveries_failed",
        "webhook_deliveries",
        ["webhook_id", "seq"],
        postgresql_where=sa.text("status = 'failed'"),
    )
    pending = sa.text("finished_at IS NULL")
    for name, column in (("due", "next_try_at"), ("order", "request_id")):
        op.create_index(
            f"ix_webhook_deliveries_{name}",
            "webhook_deliveries",
            ["webhook_id", column, "seq"],
            postgresql_where=pending,
        )


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")
