"""Have requests, runs and their logs in partitions, where the tables were made just now.

Processes of the release before can't work on partitions, since they tell PostgreSQL to look for a key among
all requests. Tables that they may be using become partitions by `python -m app.cli partitions switch`.
"""

from datetime import UTC, datetime

from alembic import op

from app.core import partition_switch, partitioning

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    connection = op.get_bind()
    if op.get_context().config.attributes.get("is_new"):  # type: ignore[union-attr]
        for table in partitioning.TABLES:
            partition_switch.switch(connection, table, partition_switch.end_of_first(datetime.now(UTC)))


def downgrade() -> None:
    for table in reversed(partitioning.TABLES):
        partition_switch.join(op.get_bind(), table)
