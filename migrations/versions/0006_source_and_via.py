"""Let the source be any label, and record the door by which each request came in beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_VIA = "via IN ('api', 'kafka', 'cli', 'console')"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_dns_requests_source"), "dns_requests")
    op.alter_column("dns_requests", "source", type_=sa.Text())  # rewrites nothing
    # The default stays: an API of an older release can still store requests.
    op.add_column("dns_requests", sa.Column("via", sa.String(16), server_default="api", nullable=False))
    op.execute("UPDATE dns_requests SET via = source WHERE source <> 'api'")
    op.execute(f"ALTER TABLE dns_requests ADD CONSTRAINT ck_dns_requests_via CHECK ({_VIA}) NOT VALID")
    op.execute("ALTER TABLE dns_requests VALIDATE CONSTRAINT ck_dns_requests_via")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_dns_requests_via"), "dns_requests")
    op.execute("UPDATE dns_requests SET source = via WHERE source <> via")
    op.drop_column("dns_requests", "via")
    op.alter_column("dns_requests", "source", type_=sa.String(16))
    op.create_check_constraint(
        op.f("ck_dns_requests_source"), "dns_requests", "source IN ('api', 'kafka', 'cli', 'console')"
    )
