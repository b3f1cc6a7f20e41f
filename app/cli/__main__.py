"""The command line: `python -m app.cli`."""

import typer
from sqlalchemy.exc import DBAPIError

from app.cli.audit import audit
from app.cli.dlq import dlq
from app.cli.doctor import doctor
from app.cli.partitions import partitions
from app.cli.playbook import playbook
from app.cli.restored import restored
from app.cli.token import token
from app.cli.zones import zones
from app.core import database
from app.core.logging import configure_command_logging
from app.core.startup import cause
from app.services.partitions import make_ahead

app = typer.Typer(help="DNS Request Orchestrator", no_args_is_help=True, add_completion=False)
app.add_typer(audit, name="audit")
app.add_typer(dlq, name="dlq")
app.add_typer(partitions, name="partitions")
app.add_typer(playbook, name="playbook")
app.add_typer(token, name="token")
app.add_typer(zones, name="zones")
app.command()(doctor)
app.command()(restored)


@app.callback()
def _begin() -> None:
    configure_command_logging()


@app.command()
def migrate() -> None:
    """Bring the database's schema to the newest revision."""
    try:
        revision = database.upgrade()
        make_ahead()
    except DBAPIError as error:
        typer.echo(f"The database can't be used; check DATABASE_URL. {cause(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"The schema is at revision {revision}.")


if __name__ == "__main__":
    app()
