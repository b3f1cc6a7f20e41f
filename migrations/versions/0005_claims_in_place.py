"""Make the partial indexes independent of the status, so that a claim changes no index (decision 9)."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_OPEN = "(status IN ('pending', 'running', 'verifying'))"


def upgrade() -> None:
    # By hand, a status could be set without the rest.
    op.execute(f"UPDATE dns_requests SET finished_at = now() WHERE NOT {_OPEN} AND finished_at IS NULL")  # noqa: S608
    op.execute(
        "UPDATE dns_requests SET error_code = 'outcome_unknown' WHERE status = 'failed' AND error_code IS NULL"
    )
    op.create_check_constraint(
        op.f("ck_dns_requests_open"), "dns_requests", f"{_OPEN} = (finished_at IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_dns_requests_failed"), "dns_requests", "(status = 'failed') = (error_code IS NOT NULL)"
    )
    _index("finished_at IS NULL", "error_code IS NOT NULL")
    op.execute("ALTER TABLE dns_requests SET (fillfactor = 50)")


def downgrade() -> None:
    op.execute("ALTER TABLE dns_requests RESET (fillfactor)")
    _index(_OPEN, "status = 'failed'")
    op.drop_constraint("ck_dns_requests_failed", "dns_requests")
    op.drop_constraint("ck_dns_requests_open", "dns_requests")


def _index(is_open: str, has_failed: str) -> None:
    op.drop_index("ix_dns_requests_open", "dns_requests")
    op.drop_index("ix_dns_requests_failed", "dns_requests")
    op.create_index(
        "ix_dns_requests_open", "dns_requests", ["zone", "seq"], postgresql_where=sa.text(is_open)
    )
    op.create_index("ix_dns_requests_failed", "dns_requests", ["id"], postgresql_where=sa.text(has_failed))
