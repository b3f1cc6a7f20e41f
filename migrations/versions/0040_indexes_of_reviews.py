"""Build the indexes of requests that are reviewed: those that wait, for lists, and those of a review."""

from app.core.schema_changes import build_index, drop_index, validate

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    for name in ("status", "open", "failed", "cancelled", "scheduled", "awaiting"):
        validate(f"ck_dns_requests_{name}", "dns_requests")
    build_index("ix_dns_requests_awaiting", "dns_requests", ["id"], where="finished_at IS NULL AND seq < 0")
    build_index("ix_dns_requests_review", "dns_requests", ["review_id"], where="review_id IS NOT NULL")


def downgrade() -> None:
    for name in ("ix_dns_requests_review", "ix_dns_requests_awaiting"):
        drop_index(name, "dns_requests")
