"""Build the index by which the other requests of a group are found."""

from app.core.schema_changes import build_index, drop_index

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    build_index("ix_dns_requests_atomic", "dns_requests", ["atomic_id"], where="atomic_id IS NOT NULL")


def downgrade() -> None:
    drop_index("ix_dns_requests_atomic", "dns_requests")
