"""Build the index by which the RRsets of an owner are listed and counted."""

from app.core.schema_changes import build_index, drop_index

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    columns = ["owner", "zone", "name", "record_type"]
    build_index("ix_dns_records_owner", "dns_records", columns, where="owner IS NOT NULL")


def downgrade() -> None:
    drop_index("ix_dns_records_owner", "dns_records")
