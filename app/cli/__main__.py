"""The command line: `python -m app.cli`."""

import typer

from app.cli.dlq import dlq
from app.cli.playbook import playbook
from app.core import database

app = typer.Typer(help="DNS Request Orchestrator", no_args_is_help=True, add_completion=False)
app.add_typer(dlq, name="dlq")
app.add_typer(playbook, name="playbook")


@app.command()
def migrate() -> None:
    """Bring the database's schema to the newest revision."""
    database.upgrade()


if __name__ == "__main__":
    app()
