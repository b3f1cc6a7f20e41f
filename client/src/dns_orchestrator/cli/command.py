"""What every command has: where the API is, JSON or text, and errors in one line with an exit status."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import Annotated, Any

import typer
from rich.text import Text

from dns_orchestrator.cli.calls_as_commands import as_commands
from dns_orchestrator.cli.output import console, print_json, printable
from dns_orchestrator.cli.status import USAGE, status_of
from dns_orchestrator.client import Client
from dns_orchestrator.errors import (
    AnswerError,
    ConfigurationError,
    ConnectionFailed,
    NotLoggedIn,
    OrchestratorError,
)
from dns_orchestrator.retries import Retries
from dns_orchestrator.settings import Settings, find_settings
from dns_orchestrator.version import VERSION

Command = Callable[..., None]

PROGRAM = "dns-orchestrator"
USER_AGENT = f"dns-orchestrator-cli/{VERSION}"
_BRIEF = Retries(attempts=3, first_pause=0.1, longest_pause=5.0)  # somebody is looking
_PATIENT = Retries(attempts=12, longest_pause=60.0)


@dataclass(frozen=True)
class Session:
    """What a command works with: the client, and how its user wants to read."""

    url: str | None
    profile: str | None
    account: str | None
    json: bool

    @cached_property
    def settings(self) -> Settings:
        """Where the API is, and who calls. Raises ConfigurationError."""
        return find_settings(self.url, None, self.account, self.profile)

    def client(self, retries: Retries = _BRIEF, token: str | None = None) -> Client:
        """Return a client. Raises ConfigurationError."""
        return Client(
            self.url,
            token,
            account_id=self.account,
            profile=self.profile,
            source="cli",
            retries=retries,
            user_agent=USER_AGENT,
        )

    def patient_client(self) -> Client:
        """Return a client for a long job, which outlives a restart of the API.

        Raises ConfigurationError, and ConnectionFailed at once where there is no API.
        """
        with self.client() as dns:
            dns.service.alive()
        return self.client(_PATIENT)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask, unless the answer was given. Raises ConfigurationError where nobody can answer, Exit on no."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise ConfigurationError("nobody can be asked here: say --yes")
        if not typer.confirm(question, err=True):
            raise typer.Exit(USAGE)


_OPTIONS: dict[str, Any] = {
    "url": Annotated[
        str | None,
        typer.Option(help="Where the API is; else DNS_ORCHESTRATOR_URL.", rich_help_panel="Connection"),
    ],
    "profile": Annotated[
        str | None,
        typer.Option(help="The profile to use; else DNS_ORCHESTRATOR_PROFILE.", rich_help_panel="Connection"),
    ],
    "account": Annotated[
        str | None,
        typer.Option(
            help="In whose name; else DNS_ORCHESTRATOR_ACCOUNT, or the only one that the token has.",
            rich_help_panel="Connection",
        ),
    ],
    "json": Annotated[
        bool, typer.Option("--json", help="Print JSON: what the API has answered.", rich_help_panel="Output")
    ],
}


def command(
    app: typer.Typer, name: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a function as a command. Its first parameter gets the session; the options of that are added."""

    def add(function: Command) -> Command:
        @wraps(function)
        def run(**arguments: Any) -> None:
            session = Session(**{option: arguments.pop(option) for option in _OPTIONS})
            try:
                function(session, **arguments)
            except OrchestratorError as error:
                _say_error(error, session)
                raise typer.Exit(status_of(error)) from error
            except BrokenPipeError:  # whoever reads has enough
                sys.stderr.close()
                raise typer.Exit from None
            except OSError as error:  # a file, or what it prints to
                _say_error(ConfigurationError(str(error)), replace(session, json=False))
                raise typer.Exit(USAGE) from error

        run.__signature__ = _signature(function)  # type: ignore[attr-defined]
        app.command(name)(run)
        return run

    return add


def _signature(function: Callable[..., None]) -> inspect.Signature:
    """Return the parameters of a command: those of its function without the session, and the options."""
    [_, *own] = inspect.signature(function, eval_str=True).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(name, keyword, default=False if name == "json" else None, annotation=annotation)
        for name, annotation in _OPTIONS.items()
    ]
    return inspect.Signature([*(each.replace(kind=keyword) for each in own), *options])


def _say_error(error: OrchestratorError, session: Session) -> None:
    """Say what is wrong: one line for each reason, or a JSON object."""
    if session.json:
        print_json({"error": _error_json(error)})
        return
    where = console(errors=True)
    reasons = error.reasons if isinstance(error, AnswerError) else ()
    for reason in reasons:
        place = ".".join(str(each) for each in reason.loc[1:])
        words = f"{as_commands(reason.message)} [{reason.code}] {place}"
        where.print(Text("error: ", "red"), printable(words), sep="")
    if not reasons:
        words = f"{as_commands(str(error))} [{error.code}]{_hint(error)}"
        where.print(Text("error: ", "red"), printable(words), sep="")


def _error_json(error: OrchestratorError) -> dict[str, Any]:
    said: dict[str, Any] = {"code": error.code, "message": str(error)}
    if isinstance(error, AnswerError):
        said |= {"status": error.status, "reasons": [each._asdict() for each in error.reasons]}
    return said


def _hint(error: OrchestratorError) -> str:
    if isinstance(error, ConnectionFailed):
        return ". Is the API running? --url or DNS_ORCHESTRATOR_URL says where it is"
    if isinstance(error, NotLoggedIn):
        return ". Use dns-orchestrator login, or set DNS_ORCHESTRATOR_TOKEN"
    return ""
