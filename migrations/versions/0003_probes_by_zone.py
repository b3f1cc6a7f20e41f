"""Store which zone probes a backend instead of until when: a probe lasts as long as that zone's lease."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_column("dns_backends", "probed_until")
    op.add_column("dns_backends", sa.Column("probed_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("dns_backends", "probed_by")
    op.add_column("dns_backends", sa.Column("probed_until", sa.DateTime(timezone=True), nullable=True))
