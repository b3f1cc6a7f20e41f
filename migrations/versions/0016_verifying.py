"""Build the index of the requests that are being verified: a claim looks at those at its names."""

from app.core.schema_changes import build_index, drop_index

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    build_index("ix_dns_requests_verifying", "dns_requests", ["zone", "name"], where="verify_by IS NOT NULL")


def downgrade() -> None:
    drop_index("ix_dns_requests_verifying", "dns_requests")
