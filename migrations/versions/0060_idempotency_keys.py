"""Add the table of idempotency keys, kept by processes of the release before as well."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"


def upgrade() -> None:
    op.create_table(
        "dns_idempotency_keys",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "idempotency_key", name="pk_dns_idempotency_keys"),
    )
    # A process of the release before writes its keys here, too, and leaves out what one of this release has
    # taken. It has the rights of the tables' owner: those of such a process may not cover a new table.
    op.execute(
        """
        CREATE FUNCTION keep_idempotency_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
            SET search_path FROM CURRENT AS $$
        BEGIN
            INSERT INTO dns_idempotency_keys (account_id, idempotency_key, request_id)
            VALUES (NEW.account_id, NEW.idempotency_key, NEW.id) ON CONFLICT DO NOTHING;
            IF FOUND OR EXISTS (
                SELECT FROM dns_idempotency_keys
                 WHERE account_id = NEW.account_id AND idempotency_key = NEW.idempotency_key
                   AND request_id = NEW.id)
            THEN
                RETURN NEW;
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER keep_idempotency_key BEFORE INSERT ON dns_requests FOR EACH ROW"
        " WHEN (NEW.idempotency_key IS NOT NULL) EXECUTE FUNCTION keep_idempotency_key()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER IF EXISTS keep_idempotency_key ON dns_requests")
    op.execute("DROP FUNCTION keep_idempotency_key")
    op.drop_table("dns_idempotency_keys")
