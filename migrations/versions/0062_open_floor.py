"""Add the floor of open work, and let the outbox look into those partitions only whose requests have changed."""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"

_COPIED = (
    "action, account_id, source, via, zone, resource, ttl, not_before, batch_id, error_code, traceparent,"
    " created_at, started_at, verified_at, finished_at"
)
_FILL_OUTBOX = """
    CREATE OR REPLACE FUNCTION fill_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
    {declared}BEGIN
        IF EXISTS (SELECT FROM dns_event_listeners) THEN
            {prepared}WITH event AS MATERIALIZED (
                SELECT gen_random_uuid() AS event_id, id, request_id, at, status, told
                  FROM line WHERE changes_status
            )
            INSERT INTO dns_outbox (listener, event_id, request_id, sequence, at, status, told, {copied})
            SELECT listener.name, event.event_id, event.request_id, event.id, event.at, event.status,
                   event.told, {of_request}
              FROM event
             -- LIMIT keeps this one look-up for each event, whatever the planner thinks of the table
             CROSS JOIN LATERAL (
                SELECT {copied} FROM dns_requests WHERE id = event.request_id{bounds} LIMIT 1) AS request
             CROSS JOIN dns_event_listeners AS listener
             ORDER BY event.id;
        END IF;
        RETURN NULL;
    END $$
"""


def _fill_outbox(declared: str, prepared: str, bounds: str) -> str:
    of_request = ", ".join(f"request.{column.strip()}" for column in _COPIED.split(","))
    return _FILL_OUTBOX.format(
        declared=declared, prepared=prepared, bounds=bounds, copied=_COPIED, of_request=of_request
    )


def upgrade() -> None:
    op.create_table(
        "dns_open_floor",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("floor", sa.Uuid(), nullable=False),
        sa.Column("next_floor", sa.Uuid()),
        sa.Column("next_floor_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("id = 1", name=op.f("ck_dns_open_floor_one_row")),
    )
    op.execute("INSERT INTO dns_open_floor (id, floor) VALUES (1, '00000000-0000-0000-0000-000000000000')")
    op.execute(
        _fill_outbox(
            "DECLARE lowest uuid; highest uuid;\n",
            "lowest := (SELECT request_id FROM line ORDER BY request_id LIMIT 1);\n"
            "highest := (SELECT request_id FROM line ORDER BY request_id DESC LIMIT 1);\n",
            " AND id BETWEEN lowest AND highest",
        )
    )


def downgrade() -> None:
    op.execute(_fill_outbox("", "", ""))
    op.drop_table("dns_open_floor")
