"""Have new lines in the logs of runs told to who listens."""

from alembic import op

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    op.execute(
        "CREATE TRIGGER notify_listeners AFTER INSERT ON ansible_run_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION notify_listeners()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER notify_listeners ON ansible_run_events")
