"""Drop the events' foreign key and the requests' fingerprint.

One statement stores a request and its event, and a repeated request's body is compared itself.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.drop_constraint("fk_dns_request_events_request_id", "dns_request_events", type_="foreignkey")
    op.drop_column("dns_requests", "fingerprint")


def downgrade() -> None:
    op.add_column(
        "dns_requests", sa.Column("fingerprint", sa.LargeBinary(), server_default="", nullable=False)
    )
    op.create_foreign_key(
        "fk_dns_request_events_request_id",
        "dns_request_events",
        "dns_requests",
        ["request_id"],
        ["id"],
        ondelete="CASCADE",
    )
