"""`access`: who may do what: oneself, tokens, grants, quotas, transfers, the audit."""

from itertools import islice
from typing import Annotated
from uuid import UUID

import typer

from dns_orchestrator.cli.changes import Comment, Domain, Type, View, Zone
from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import as_json, note, print_json, print_table, printable, say, time_of
from dns_orchestrator.cli.requests import Limit
from dns_orchestrator.cli.status import NOT_ALLOWED

Roles = Annotated[list[str], typer.Option("--role", help="admin, operator, approver, requester, …; several.")]
Accounts = Annotated[list[str] | None, typer.Option("--for", help="An account that it speaks for; several.")]
Networks = Annotated[list[str] | None, typer.Option("--network", help="From where it may be used; several.")]
Expires = Annotated[str | None, typer.Option("--expires", metavar="TIME", help="When it ends (RFC 3339).")]
GrantedTypes = Annotated[list[str] | None, typer.Option("--type", help="A record type; several; else all.")]
Actions = Annotated[list[str] | None, typer.Option("--action", help="An action; several; else all.")]
ToAccount = Annotated[str | None, typer.Option("--to-account", help="The account that it is given to.")]
ToRole = Annotated[str | None, typer.Option("--to-role", help="Or the role.")]
AboutZone = Annotated[str | None, typer.Option("--zone", help="The zone that it is about; * is every zone.")]
Names = Annotated[str | None, typer.Option(help="A pattern of owner names: www, *.dev, **.")]


def add_access(app: typer.Typer) -> None:
    """Add the commands."""
    access = typer.Typer(help="Who may do what.", no_args_is_help=True)
    app.add_typer(access, name="access")
    command(access, "me")(me)
    command(access, "explain")(explain)
    command(access, "audit")(audit)
    tokens = typer.Typer(help="What clients authenticate with.", no_args_is_help=True)
    access.add_typer(tokens, name="tokens")
    command(tokens, "list")(list_tokens)
    command(tokens, "create")(create_token)
    command(tokens, "revoke")(revoke_token)
    grants = typer.Typer(help="What accounts and roles may change.", no_args_is_help=True)
    access.add_typer(grants, name="grants")
    command(grants, "list")(list_grants)
    command(grants, "add")(add_grant)
    command(grants, "remove")(remove_grant)


def me(session: Session) -> None:
    """Show who you are to the API, and what you may do."""
    with session.client() as dns:
        found = dns.access.me()
    if session.json:
        print_json(found)
        return
    say(found.principal, f"({found.person})" if found.person else "")
    say(f"  accounts: {'every one' if found.any_account else ', '.join(found.accounts) or 'none'}")
    say(f"  roles: {', '.join(found.roles) or 'none'}")
    say(f"  rights: {', '.join(found.rights)}")
    for grant in found.grants:
        say(f"  {grant}")
    for account, usage in found.quotas.items():
        used = (f"{kind} {limit.used} of {limit.limit}" for kind, limit in usage if limit.limit is not None)
        say(f"  quota of {account}: {', '.join(used) or 'none'}")


def explain(
    session: Session,
    domain: Domain,
    record_type: Type,
    action: Annotated[str, typer.Option(help="create, update, upsert, delete.")] = "create",
    zone: Zone = None,
    view: View = None,
    token: Annotated[str | None, typer.Option(help="Ask for this token, by its prefix.")] = None,
) -> None:
    """Say whether a change may be made, by which grant, or why not. Exit status 3 where it may not."""
    with session.client() as dns:
        found = dns.access.explain(
            domain,
            record_type.upper(),
            action=action,
            account_id=session.settings.account_id,
            zone=zone,
            view=view,
            token=token,
        )
    if session.json:
        print_json(found)
    else:
        say(f"{found.effect}: {found.why}")
    if found.effect == "deny":
        raise typer.Exit(NOT_ALLOWED)


def audit(session: Session, limit: Limit = 30) -> None:
    """Show the privileged acts, the newest first."""
    with session.client() as dns:
        found = list(islice(dns.access.audit(page_size=min(limit, 100)), limit))
    if session.json:
        print_json([as_json(each) for each in found])
        return
    rows = ((each.seq, each.at, each.principal, each.address, each.act, each.subject) for each in found)
    print_table(("no.", "at", "who", "from", "act", "subject"), rows)


def list_tokens(session: Session) -> None:
    """List every token, without its secret."""
    with session.client() as dns:
        found = dns.access.tokens.list().items
    if session.json:
        print_json([as_json(each) for each in found])
        return
    columns = ("prefix", "roles", "accounts", "person", "comment", "last used", "ends")
    rows = (
        (
            each.prefix,
            each.roles,
            each.accounts,
            each.person,
            each.comment,
            each.last_used_at,
            "revoked" if each.revoked_at else each.expires_at,
        )
        for each in found
    )
    print_table(columns, rows)


def create_token(
    session: Session,
    roles: Roles,
    accounts: Accounts = None,
    networks: Networks = None,
    expires_at: Expires = None,
    person: Annotated[str | None, typer.Option(help="Whose it is: an address or a name.")] = None,
    comment: Comment = None,
) -> None:
    """Make a token, and print it: nobody can read it a second time."""
    with session.client() as dns:
        made = dns.access.tokens.create(
            roles,
            accounts=accounts or (),
            networks=networks or (),
            expires_at=expires_at,
            person=person,
            comment=comment,
        )
    if session.json:
        print_json(made)
    else:
        say(made.token)
        note(f"It is shown this once. Its prefix is {made.prefix}.")


def revoke_token(session: Session, prefix: Annotated[str, typer.Argument(metavar="PREFIX")]) -> None:
    """Revoke a token: within a second every process refuses it."""
    with session.client() as dns:
        revoked = dns.access.tokens.revoke(prefix)
    if session.json:
        print_json(revoked)
    elif revoked.revoked_at:
        say(f"{revoked.prefix} was revoked at {time_of(revoked.revoked_at)}")


def list_grants(session: Session) -> None:
    """List every grant."""
    with session.client() as dns:
        found = dns.access.grants.list().items
    if session.json:
        print_json([as_json(each) for each in found])
        return
    columns = ("id", "effect", "to", "zone", "names", "types", "actions", "comment")
    rows = (
        (
            each.id,
            each.effect,
            each.account_id or f"role {each.role}",
            each.zone,
            each.names,
            each.types or "all",
            each.actions or "all",
            each.comment,
        )
        for each in found
    )
    print_table(columns, rows)


def add_grant(
    session: Session,
    effect: Annotated[str, typer.Argument(metavar="EFFECT", help="allow, review or deny.")],
    account_id: ToAccount = None,
    role: ToRole = None,
    zone: AboutZone = None,
    names: Names = None,
    types: GrantedTypes = None,
    actions: Actions = None,
    comment: Comment = None,
) -> None:
    """Add a grant, to an account or to whoever has a role."""
    with session.client() as dns:
        added = dns.access.grants.add(
            effect,
            account_id=account_id,
            role=role,
            zone=zone,
            names=names,
            types=types,
            actions=actions,
            comment=comment,
        )
    if session.json:
        print_json(added)
    else:
        whom = printable(added.account_id or added.role)
        say(f"{added.effect} {whom}: {added.zone} {added.names} ({added.id})")


def remove_grant(session: Session, grant_id: Annotated[UUID, typer.Argument(metavar="ID")]) -> None:
    """Remove a grant; what was accepted by it goes on."""
    with session.client() as dns:
        dns.access.grants.remove(grant_id)
    if session.json:
        print_json({"removed": str(grant_id)})
    else:
        say(f"{grant_id} is removed")
