"""Add what is known of zones as a whole: imports, serials, drift, and records that no request has changed."""

import sqlalchemy as sa
from alembic import op

from app.core.schema_changes import add_check

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    op.create_table(
        "dns_zone_states",
        sa.Column("zone", sa.Text(), primary_key=True),
        sa.Column("import_state", sa.String(16)),
        sa.Column("import_from", sa.Text()),
        sa.Column("import_wanted_at", sa.DateTime(timezone=True)),
        sa.Column("import_started_at", sa.DateTime(timezone=True)),
        sa.Column("import_finished_at", sa.DateTime(timezone=True)),
        sa.Column("import_rrsets", sa.Integer()),
        sa.Column("import_code", sa.Text()),
        sa.Column("import_error", sa.Text()),
        sa.Column("imported_at", sa.DateTime(timezone=True)),
        sa.Column("known_serial", sa.BigInteger()),
        sa.Column("soa_ttl", sa.Integer()),
        sa.Column("soa", sa.Text()),
        sa.Column("servers", sa.dialects.postgresql.JSONB()),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
        sa.Column("full_compare_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "import_state IN ('wanted', 'running', 'done', 'failed')",
            name=op.f("ck_dns_zone_states_import_state"),
        ),
    )
    op.create_index(
        "ix_dns_zone_states_importing",
        "dns_zone_states",
        ["zone"],
        postgresql_where=sa.text("import_state IN ('wanted', 'running')"),
    )
    op.create_table(
        "dns_zone_imports",
        sa.Column("zone", sa.Text(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    _create_drift()
    op.add_column("dns_records", sa.Column("origin", sa.String(16), nullable=False, server_default="request"))
    op.alter_column("dns_records", "account_id", nullable=True)
    op.alter_column("dns_records", "request_id", nullable=True)
    add_check("ck_dns_records_origin", "dns_records", "origin IN ('request', 'import', 'adopted')")


def _create_drift() -> None:
    op.create_table(
        "dns_drift",
        sa.Column("zone", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("record_type", sa.Text(), primary_key=True),
        sa.Column("recorded", sa.dialects.postgresql.JSONB()),
        sa.Column("found", sa.dialects.postgresql.JSONB()),
        sa.Column("kind", sa.String(16)),
        sa.Column("confirmed", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("serial", sa.BigInteger()),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("kind IN ('added', 'changed', 'missing')", name=op.f("ck_dns_drift_kind")),
        sa.CheckConstraint("NOT confirmed OR kind IS NOT NULL", name=op.f("ck_dns_drift_confirmed")),
    )
    op.create_index(
        "ix_dns_drift_candidates", "dns_drift", ["zone"], postgresql_where=sa.text("NOT confirmed")
    )


def downgrade() -> None:
    # No older release knows a record without a request.
    op.execute("DELETE FROM dns_records WHERE account_id IS NULL OR request_id IS NULL")
    op.drop_constraint(op.f("ck_dns_records_origin"), "dns_records")
    op.alter_column("dns_records", "request_id", nullable=False)
    op.alter_column("dns_records", "account_id", nullable=False)
    op.drop_column("dns_records", "origin")
    for name in ("dns_drift", "dns_zone_imports", "dns_zone_states"):
        op.drop_table(name)
