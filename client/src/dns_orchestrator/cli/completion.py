"""`completion`: what makes a shell complete the commands."""

import os
from typing import Annotated

import typer

from dns_orchestrator.cli.command import PROGRAM

_SHELLS = ("bash", "zsh", "fish", "powershell")
_VARIABLE = "_DNS_ORCHESTRATOR_COMPLETE"


def add_completion(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def completion(
        shell: Annotated[str, typer.Argument(help=f"{', '.join(_SHELLS)}.")] = "bash",
    ) -> None:
        """Print what makes a shell complete the commands: `eval "$(dns-orchestrator completion bash)"`."""
        if shell not in _SHELLS:
            raise typer.BadParameter(f"there are {', '.join(_SHELLS)}")
        os.environ[_VARIABLE] = f"source_{shell}"
        app(prog_name=PROGRAM)
