"""Add who listens to changes, and have new lines in the logs of requests told to them."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    op.create_table(
        "live_listeners",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    # Who writes a log line reads it, whatever else he may: also a process of the release before.
    op.execute("GRANT SELECT ON live_listeners TO PUBLIC")
    # A transaction that notifies holds a lock of the whole server when it commits: none does for nobody.
    op.execute(
        """
        CREATE FUNCTION notify_listeners() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM live_listeners WHERE expires_at > now()) THEN
                PERFORM pg_notify('dns_changes', '');
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER notify_listeners AFTER INSERT ON dns_request_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION notify_listeners()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER notify_listeners ON dns_request_events")
    op.execute("DROP FUNCTION notify_listeners")
    op.drop_table("live_listeners")
