"""Zones are found by their DNS names: several may have one, each in a view of its own."""

from sqlalchemy import text

from app.core.schema_changes import build_index, drop_index

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    build_index("ix_dns_zones_dns_name", "dns_zones", [text("split_part(name, '@', 1)")])


def downgrade() -> None:
    drop_index("ix_dns_zones_dns_name", "dns_zones")
