"""Add the outbox: events that listeners have not got yet, written with each change of a request's status."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0057"
down_revision = "0056"

_COPIED = (
    "action",
    "account_id",
    "source",
    "via",
    "zone",
    "resource",
    "ttl",
    "not_before",
    "batch_id",
    "error_code",
    "traceparent",
    "created_at",
    "started_at",
    "verified_at",
    "finished_at",
)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    # Read by whoever writes to a request's log, and so never written to but to switch a listener on or off.
    op.create_table(
        "dns_event_listeners",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.execute("GRANT SELECT ON dns_event_listeners TO PUBLIC")
    op.create_table(
        "dns_publisher_leases",
        sa.Column("listener", sa.Text(), primary_key=True),
        sa.Column("holder", sa.Uuid(), nullable=False),
        _time("expires_at", nullable=False),
        sa.Column("floor", sa.BigInteger(), server_default="0", nullable=False),
        _time("wanted_at"),
    )
    op.create_table(
        "dns_outbox",
        sa.Column("listener", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        _time("at", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("told", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("resource", JSONB(), nullable=False),
        sa.Column("ttl", sa.Integer(), nullable=False),
        _time("not_before"),
        sa.Column("batch_id", sa.Uuid()),
        sa.Column("error_code", sa.Text()),
        sa.Column("traceparent", sa.Text()),
        _time("created_at", nullable=False),
        _time("started_at"),
        _time("verified_at"),
        _time("finished_at"),
        sa.PrimaryKeyConstraint("listener", "id", name=op.f("pk_dns_outbox")),
    )
    # Every row is deleted soon: by numbers, since the table is as good as empty before and after a burst.
    op.execute(
        "ALTER TABLE dns_outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,"
        " autovacuum_vacuum_insert_threshold = -1)"
    )
    # Some lines of a request's log say more of the status that it has already.
    op.add_column(
        "dns_request_events",
        sa.Column("changes_status", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    copied = ", ".join(_COPIED)
    op.execute(
        f"""
        CREATE FUNCTION fill_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM dns_event_listeners) THEN
                WITH event AS MATERIALIZED (
                    SELECT gen_random_uuid() AS event_id, id, request_id, at, status, told
                      FROM line WHERE changes_status
                )
                INSERT INTO dns_outbox (listener, event_id, request_id, sequence, at, status, told, {copied})
                SELECT listener.name, event.event_id, event.request_id, event.id, event.at, event.status,
                       event.told, {", ".join(f"request.{column}" for column in _COPIED)}
                  FROM event
                 -- LIMIT keeps this one look-up for each event, whatever the planner thinks of the table
                 CROSS JOIN LATERAL (
                    SELECT {copied} FROM dns_requests WHERE id = event.request_id LIMIT 1) AS request
                 CROSS JOIN dns_event_listeners AS listener
                 ORDER BY event.id;
            END IF;
            RETURN NULL;
        END $$
        """  # noqa: S608
    )
    op.execute(
        "CREATE TRIGGER fill_outbox AFTER INSERT ON dns_request_events REFERENCING NEW TABLE AS line"
        " FOR EACH STATEMENT EXECUTE FUNCTION fill_outbox()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER fill_outbox ON dns_request_events")
    op.execute("DROP FUNCTION fill_outbox")
    op.drop_column("dns_request_events", "changes_status")
    op.drop_table("dns_outbox")
    op.drop_table("dns_publisher_leases")
    op.drop_table("dns_event_listeners")
