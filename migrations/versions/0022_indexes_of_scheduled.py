"""Build the indexes of scheduled requests: by their times, and by their ids for lists."""

from app.core.schema_changes import build_index, drop_index, validate

revision = "0022"
down_revision = "0021"

_SCHEDULED = "finished_at IS NULL AND seq >= 4611686018427387904"


def upgrade() -> None:
    for name in ("status", "open", "scheduled"):
        validate(f"ck_dns_requests_{name}", "dns_requests")
    build_index("ix_dns_requests_scheduled", "dns_requests", ["not_before", "seq"], where=_SCHEDULED)
    build_index("ix_dns_requests_scheduled_id", "dns_requests", ["id"], where=_SCHEDULED)


def downgrade() -> None:
    for name in ("ix_dns_requests_scheduled_id", "ix_dns_requests_scheduled"):
        drop_index(name, "dns_requests")
