"""Build the index by which a claim finds the accounts that wait in a zone."""

from sqlalchemy import text

from app.core.schema_changes import build_index, drop_index

revision = "0043"
down_revision = "0042"

_NAME = "ix_dns_requests_shares"
_QUEUED = "finished_at IS NULL AND seq >= 0 AND seq < 4611686018427387904"


def upgrade() -> None:
    columns = ["zone", text('account_id COLLATE "C"'), "seq"]
    build_index(_NAME, "dns_requests", columns, where=_QUEUED)


def downgrade() -> None:
    drop_index(_NAME, "dns_requests")
