"""Build the indexes of the lists of requests: open, failed and cancelled ones."""

from app.core.schema_changes import build_index, drop_index, validate

revision = "0009"
down_revision = "0008"

_FAILED = "error_code IS NOT NULL"
_CANCELLED = "finished_at IS NOT NULL AND error_code IS NULL AND verified_at IS NULL"
_INDEXES = (
    ("ix_dns_requests_open_id", ["id"], "finished_at IS NULL"),
    ("ix_dns_requests_failed_zone", ["zone", "id"], _FAILED),
    ("ix_dns_requests_failed_account", ["account_id", "id"], _FAILED),
    ("ix_dns_requests_failed_code", ["error_code", "id"], _FAILED),
    ("ix_dns_requests_cancelled", ["id"], _CANCELLED),
)


def upgrade() -> None:
    validate("ck_dns_requests_cancelled", "dns_requests")
    for name, columns, where in _INDEXES:
        build_index(name, "dns_requests", columns, where=where)


def downgrade() -> None:
    for name, _, _ in _INDEXES:
        drop_index(name, "dns_requests")
