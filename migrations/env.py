"""Run the migrations on the connection that `app.core.migrations` passes, or on a new one."""

from alembic import context

from app.core.database import engine
from app.store.models import Base


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    with engine().connect() as own:
        _migrate(own)


def _migrate(connection: object) -> None:
    context.configure(
        connection=connection,  # type: ignore[arg-type]
        target_metadata=Base.metadata,
        compare_type=True,
        transaction_per_migration=True,  # no lock is held for longer than one revision takes
    )
    with context.begin_transaction():
        context.run_migrations()


run()
