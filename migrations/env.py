"""Run the migrations on the connection that `app.core.database.upgrade` passes, or on a new one."""

from alembic import context

from app.core.database import engine
from app.store.models import Base


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    with engine().begin() as own:
        _migrate(own)


def _migrate(connection: object) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)  # type: ignore[arg-type]
    with context.begin_transaction():
        context.run_migrations()


run()
