"""Create the tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "ansible_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rc", sa.Integer(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("stats", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ansible_runs")),
    )
    op.create_index(op.f("ix_ansible_runs_zone"), "ansible_runs", ["zone"], unique=False)
    op.create_table(
        "dns_records",
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("ttl", sa.Integer(), nullable=False),
        sa.Column("rdata", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("zone", "name", "record_type", name=op.f("pk_dns_records")),
    )
    op.create_index(
        "ix_dns_records_account", "dns_records", ["account_id", "zone", "name", "record_type"], unique=False
    )
    op.create_index("ix_dns_records_name", "dns_records", ["name", "record_type"], unique=False)
    op.create_table(
        "dns_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "action",
            sa.Enum("create", "update", "upsert", "delete", name="action", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "running",
                "verifying",
                "succeeded",
                "failed",
                "cancelled",
                name="status",
                native_enum=False,
                length=16,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column(
            "source",
            sa.Enum("api", "kafka", "cli", "console", name="source", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("resource", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("ttl", sa.Integer(), nullable=False),
        sa.Column("rdata", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lost_runs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verify_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "action IN ('create', 'update', 'upsert', 'delete')", name=op.f("ck_dns_requests_action")
        ),
        sa.CheckConstraint(
            "source IN ('api', 'kafka', 'cli', 'console')", name=op.f("ck_dns_requests_source")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'verifying', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_dns_requests_status"),
        ),
        sa.CheckConstraint("ttl BETWEEN 0 AND 2147483647", name=op.f("ck_dns_requests_ttl")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dns_requests")),
    )
    op.create_index("ix_dns_requests_account", "dns_requests", ["account_id", "id"], unique=False)
    op.create_index(
        "ix_dns_requests_failed",
        "dns_requests",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.create_index("ix_dns_requests_name", "dns_requests", ["name", "id"], unique=False)
    op.create_index(
        "ix_dns_requests_open",
        "dns_requests",
        ["zone", "seq"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'running', 'verifying')"),
    )
    op.create_index("ix_dns_requests_zone", "dns_requests", ["zone", "id"], unique=False)
    op.create_index(
        "uq_dns_requests_idempotency",
        "dns_requests",
        ["account_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_table(
        "dns_zone_leases",
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("zone", name=op.f("pk_dns_zone_leases")),
    )
    op.create_table(
        "dns_zones",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_dns_zones")),
    )
    op.create_table(
        "ansible_run_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ansible_runs.id"], name=op.f("fk_ansible_run_events_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ansible_run_events")),
    )
    op.create_index(op.f("ix_ansible_run_events_run_id"), "ansible_run_events", ["run_id"], unique=False)
    op.create_table(
        "dns_request_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "running",
                "verifying",
                "succeeded",
                "failed",
                "cancelled",
                name="status",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["dns_requests.id"],
            name=op.f("fk_dns_request_events_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dns_request_events")),
    )
    op.create_index(
        op.f("ix_dns_request_events_request_id"), "dns_request_events", ["request_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_dns_request_events_request_id"), table_name="dns_request_events")
    op.drop_table("dns_request_events")
    op.drop_index(op.f("ix_ansible_run_events_run_id"), table_name="ansible_run_events")
    op.drop_table("ansible_run_events")
    op.drop_table("dns_zones")
    op.drop_table("dns_zone_leases")
    op.drop_index(
        "uq_dns_requests_idempotency",
        table_name="dns_requests",
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.drop_index("ix_dns_requests_zone", table_name="dns_requests")
    op.drop_index(
        "ix_dns_requests_open",
        table_name="dns_requests",
        postgresql_where=sa.text("status IN ('pending', 'running', 'verifying')"),
    )
    op.drop_index("ix_dns_requests_name", table_name="dns_requests")
    op.drop_index(
        "ix_dns_requests_failed", table_name="dns_requests", postgresql_where=sa.text("status = 'failed'")
    )
    op.drop_index("ix_dns_requests_account", table_name="dns_requests")
    op.drop_table("dns_requests")
    op.drop_index("ix_dns_records_name", table_name="dns_records")
    op.drop_index("ix_dns_records_account", table_name="dns_records")
    op.drop_table("dns_records")
    op.drop_index(op.f("ix_ansible_runs_zone"), table_name="ansible_runs")
    op.drop_table("ansible_runs")
