"""Build the index by which the owner names are found for which PTRs are kept."""

from app.core.schema_changes import build_index, drop_index

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    build_index("ix_dns_requests_ptr_target", "dns_requests", ["rdata"], where="ptr_of IS NOT NULL")


def downgrade() -> None:
    drop_index("ix_dns_requests_ptr_target", "dns_requests")
