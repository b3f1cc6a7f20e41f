"""Take the idempotency keys of earlier requests into their table."""

from app.core.schema_changes import outside_of_transactions

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    outside_of_transactions(
        """
        INSERT INTO dns_idempotency_keys (account_id, idempotency_key, request_id)
        SELECT account_id, idempotency_key, id FROM dns_requests WHERE idempotency_key IS NOT NULL
        ON CONFLICT DO NOTHING
        """
    )


def downgrade() -> None:
    pass
