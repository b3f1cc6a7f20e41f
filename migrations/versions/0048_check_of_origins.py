"""Check the origins of the records that were there before."""

from app.core.schema_changes import validate

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    validate("ck_dns_records_origin", "dns_records")


def downgrade() -> None:
    pass
