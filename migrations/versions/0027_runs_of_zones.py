"""Build the index of a zone's runs in their order, in place of the one without an order."""

from app.core.schema_changes import build_index, drop_index

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    build_index("ix_ansible_runs_zone_id", "ansible_runs", ["zone", "id"])
    drop_index("ix_ansible_runs_zone", "ansible_runs")


def downgrade() -> None:
    build_index("ix_ansible_runs_zone", "ansible_runs", ["zone"])
    drop_index("ix_ansible_runs_zone_id", "ansible_runs")
