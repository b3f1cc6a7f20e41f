"""Build the index by which the requests for a request's PTRs are found."""

from app.core.schema_changes import build_index, drop_index

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    build_index("ix_dns_requests_ptr", "dns_requests", ["ptr_of"], where="ptr_of IS NOT NULL")


def downgrade() -> None:
    drop_index("ix_dns_requests_ptr", "dns_requests")
