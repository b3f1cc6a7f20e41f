"""`token`: what clients of the API authenticate with."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from app.cli.access import errors_said, whoever_runs_this
from app.cli.output import printable
from app.core.database import transaction
from app.core.networks import Network, parse_network
from app.domain.permissions import Role
from app.schemas.request import Account, Line, Person
from app.services.access import tokens
from app.services.access.tokens import TokenState

token = typer.Typer(help="What clients of the API authenticate with", no_args_is_help=True)

COLUMNS = (
    "prefix",
    "state",
    "roles",
    "accounts",
    "networks",
    "expires_at",
    "last_used_at",
    "person",
    "comment",
)
_ACCOUNT: TypeAdapter[str] = TypeAdapter(Account)
_PERSON: TypeAdapter[str] = TypeAdapter(Person)
_LINE: TypeAdapter[str] = TypeAdapter(Line)
_SHOWN = 60  # characters of what was written wrong
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@token.command("create")
def create(
    role: Annotated[
        list[str],
        typer.Option(metavar=f"[{'|'.join(Role)}]", help="what it is there for; may be given again"),
    ],
    account: Annotated[list[str] | None, typer.Option(help="for which it speaks; may be given again")] = None,
    expires: Annotated[
        str | None, typer.Option(help="after so long: 90d, 12h, 30m; unless given: never")
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="from where it may be used, 10.0.0.0/8; may be given again")
    ] = None,
    person: Annotated[str | None, typer.Option(help="whose it is: his address or name")] = None,
    comment: Annotated[str | None, typer.Option(help="for what it is")] = None,
) -> None:
    """Make a token, and show it: once, on standard output, and nothing else there."""
    order = tokens.TokenOrder(
        accounts=[_text(_ACCOUNT, each, "--account", "name of an account") for each in account or ()],
        roles=[_role(each) for each in role],
        networks=_networks(network or ()),
        expires_at=datetime.now(UTC) + _duration(expires) if expires is not None else None,
        comment=None if comment is None else _text(_LINE, comment, "--comment", "line of 255 characters"),
        person=_text(_PERSON, person, "--person", "name of a person") if person is not None else None,
    )
    with errors_said(), transaction() as session:
        made = tokens.create_token(session, whoever_runs_this(), order)
    typer.echo(f"Token {made.token.prefix}; keep it, it can't be shown again:", err=True)
    typer.echo(made.secret)


@token.command("list")
def list_all(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """Show every token, the newest first, tab-separated; without what only its holder knows."""
    with errors_said(), transaction() as session:
        found = tokens.list_tokens(session)
    if not as_json:
        typer.echo("\t".join(COLUMNS))
    for each in found:
        if as_json:
            typer.echo(json.dumps(asdict(each) | {"state": _state(each)}, default=datetime.isoformat))
        else:
            typer.echo("\t".join(_cells(each)))


@token.command("revoke")
def revoke(prefix: Annotated[str, typer.Argument(help="the first part of the token, behind dnso_")]) -> None:
    """Let nobody use the token any more: every process refuses it within a second."""
    with errors_said(), transaction() as session:
        tokens.revoke_token(session, whoever_runs_this(), prefix)
    typer.echo(f"Token {prefix} is revoked.")


def _text(kind: TypeAdapter[str], text: str, option: str, what: str) -> str:
    try:
        return kind.validate_python(text)
    except ValidationError as error:
        raise _wrong(option, f"{text[:_SHOWN]!r} is no {what}") from error


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise _wrong("--role", f"{text!r} is no role: {', '.join(Role)}") from error


def _networks(texts: Sequence[str]) -> list[Network]:
    try:
        return [parse_network(text) for text in texts]
    except ValueError as error:
        raise _wrong("--network", str(error)) from error


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if not found:
        raise _wrong("--expires", f"{text!r} is no duration such as 90d, 12h, 30m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _wrong(option: str, why: str) -> typer.BadParameter:
    return typer.BadParameter(why, param_hint=f"'{option}'")


def _state(each: TokenState) -> str:
    if each.revoked_at is not None:
        return "revoked"
    return "expired" if each.expires_at and each.expires_at <= datetime.now(UTC) else "good"


def _cells(each: TokenState) -> list[str]:
    cells = [
        each.prefix,
        _state(each),
        ",".join(each.roles),
        ",".join(each.accounts),
        ",".join(each.networks),
        each.expires_at and each.expires_at.isoformat(timespec="seconds"),
        each.last_used_at and each.last_used_at.isoformat(timespec="seconds"),
        each.person,
        each.comment,
    ]
    return [printable(cell or "-") for cell in cells]
