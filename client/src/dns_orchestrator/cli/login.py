"""`login`, `logout`: how the command is known to the API."""

import sys
from typing import Annotated

import typer

from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import note, print_json, say
from dns_orchestrator.client import Client
from dns_orchestrator.credentials import Credential
from dns_orchestrator.device_flow import UserCode, log_in
from dns_orchestrator.errors import ConfigurationError, NotFound
from dns_orchestrator.models.access import LoginWays, Me
from dns_orchestrator.settings import stored_credentials

_LOCAL = ("http://localhost", "http://127.0.0.1", "http://[::1]")


def add_login(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "login")(login)
    command(app, "logout")(logout)


def login(
    session: Session,
    token: Annotated[bool, typer.Option("--token", help="With a token, which is asked for.")] = False,
    with_token: Annotated[
        bool, typer.Option("--with-token", help="With a token, which standard input has.")
    ] = False,
) -> None:
    """Log in: at the OIDC provider of the API, with a browser, or with a token.

    What you get is kept in a file that only you can read, for this API and profile, until `logout`.
    """
    settings = session.settings
    if settings.url.startswith("http://") and not settings.url.startswith(_LOCAL):
        note(f"{settings.url} is not encrypted: whoever is on the way reads the token.")
    with session.client() as dns:
        ways = _ways(dns)
    if ways.auth == "off":
        say("This API asks nobody who he is: there is no need to log in.")
        return
    if with_token:
        credential = Credential(token=sys.stdin.readline().strip())
    elif ways.oidc is not None and not token:
        credential = log_in(ways.oidc, _show_code)
    else:
        credential = Credential(token=_ask_for_token())
    me = _check(session, credential)
    stored_credentials().store(settings.url, settings.profile, credential)
    if session.json:
        print_json(me)
    else:
        say(f"You are {me.principal}; roles: {', '.join(me.roles) or 'none'}")


def logout(session: Session) -> None:
    """Forget the token for this API and profile. It stays good: `access tokens revoke` ends it."""
    settings = session.settings
    forgotten = stored_credentials().forget(settings.url, settings.profile)
    if session.json:
        print_json({"forgotten": forgotten})
    else:
        say("The token is forgotten." if forgotten else "There was none.")


def _ways(dns: Client) -> LoginWays:
    """Return how one logs in; an API that does not say so has tokens."""
    try:
        return dns.access.login()
    except NotFound:
        return LoginWays(auth=dns.service.ready().auth)


def _show_code(code: UserCode) -> None:
    note(f"Open {code.address} and enter {code.code}")
    if code.whole_address:
        note(f"or open {code.whole_address}")
    note("Waiting …")


def _ask_for_token() -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody can be asked here: --with-token reads standard input")
    return str(typer.prompt("Token", hide_input=True, err=True)).strip()


def _check(session: Session, credential: Credential) -> Me:
    """Return who the token makes one. Raises NotLoggedIn where it is not good."""
    if not credential.token:
        raise ConfigurationError("there is no token")
    with session.client(token=credential.token) as dns:
        return dns.access.me()
