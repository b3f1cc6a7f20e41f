"""Who may call, who may change what, and what was done with that."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from dns_orchestrator.call import Call, Driver, Group, Mode, Stream, call, given, pages, part, stream
from dns_orchestrator.models import access as models
from dns_orchestrator.models.base import Page


class GrantScope(TypedDict, total=False):
    """To whom a grant is given, and for what; what is left out is everything."""

    account_id: str | None
    role: str | None
    zone: str | None
    names: str | None
    types: Sequence[str] | None
    actions: Sequence[str] | None
    comment: str | None


class Tokens(Group[Mode]):
    """`client.access.tokens`."""

    @call
    def list(self) -> Call[models.TokenList]:
        """Return every token, without its secret."""
        return Call("GET", "/access/tokens", models.TokenList)

    @call
    def create(
        self,
        roles: Sequence[str],
        *,
        accounts: Sequence[str] = (),
        networks: Sequence[str] = (),
        expires_at: datetime | str | None = None,
        person: str | None = None,
        comment: str | None = None,
    ) -> Call[models.NewToken]:
        """Make a token. Its `token` is what its holder needs; nobody can read it a second time."""
        body = given(
            roles=[*roles],
            accounts=[*accounts],
            networks=[*networks],
            expires_at=expires_at,
            person=person,
            comment=comment,
        )
        return Call("POST", "/access/tokens", models.NewToken, json=body, repeatable=False)

    @call
    def revoke(self, prefix: str) -> Call[models.Token]:
        """Revoke a token: within a second every process refuses it."""
        return Call("DELETE", f"/access/tokens/{part(prefix)}", models.Token)


class Grants(Group[Mode]):
    """`client.access.grants`."""

    @call
    def list(self) -> Call[models.GrantList]:
        """Return every grant."""
        return Call("GET", "/access/grants", models.GrantList)

    @call
    def add(self, effect: str, **scope: Unpack[GrantScope]) -> Call[models.Grant]:
        """Add a grant (allow, review or deny) to an account, or to whoever has a role."""
        body = given(effect=effect, **scope)
        return Call("POST", "/access/grants", models.Grant, json=body, repeatable=False)

    @call
    def remove(self, grant_id: UUID | str) -> Call[None]:
        """Remove a grant."""
        return Call("DELETE", f"/access/grants/{grant_id}", type(None), repeatable=False)


class Quotas(Group[Mode]):
    """`client.access.quotas`."""

    @call
    def list(self) -> Call[models.QuotaList]:
        """Return the quotas that accounts have of their own, and the default."""
        return Call("GET", "/access/quotas", models.QuotaList)

    @call
    def get(self, account_id: str) -> Call[models.Quota]:
        """Return the quota of an account."""
        return Call("GET", f"/access/quotas/{part(account_id)}", models.Quota)

    @call
    def set(
        self,
        account_id: str,
        *,
        open_requests: int | None = None,
        records: int | None = None,
        requests_per_minute: int | None = None,
        comment: str | None = None,
    ) -> Call[models.Quota]:
        """Give an account a quota of its own; 0 is any number, what is left out the default."""
        body = given(
            open_requests=open_requests,
            records=records,
            requests_per_minute=requests_per_minute,
            comment=comment,
        )
        return Call("PUT", f"/access/quotas/{part(account_id)}", models.Quota, json=body)

    @call
    def remove(self, account_id: str) -> Call[None]:
        """Remove an account's own quota."""
        return Call("DELETE", f"/access/quotas/{part(account_id)}", type(None), repeatable=False)


class Transfers(Group[Mode]):
    """`client.access.transfers`: what one account offers to another."""

    @stream
    def list(self, *, page_size: int = 20) -> Stream[models.Transfer]:
        """Give what the caller's accounts have offered, and were offered, the newest first."""
        query = {"limit": page_size}
        return pages(Call("GET", "/access/transfers", Page[models.Transfer], query=query))

    @call
    def offer(
        self,
        zone: str,
        to_account: str,
        *,
        names: str | None = None,
        types: Sequence[str] = (),
        whole_zone: bool = False,
        from_account: str | None = None,
        of_nobody: bool = False,
        expires_at: datetime | str | None = None,
        comment: str | None = None,
    ) -> Call[models.Transfer]:
        """Offer RRsets of a zone, maybe the zone itself; nothing changes until that is accepted."""
        body = given(
            zone=zone,
            to_account=to_account,
            names=names,
            types=[*types],
            whole_zone=whole_zone,
            from_account=from_account,
            of_nobody=of_nobody,
            expires_at=expires_at,
            comment=comment,
        )
        return Call("POST", "/access/transfers", models.Transfer, json=body, repeatable=False)

    @call
    def accept(self, transfer_id: UUID | str) -> Call[models.Transfer]:
        """Accept an offer."""
        return _decide(transfer_id, "accept")

    @call
    def decline(self, transfer_id: UUID | str) -> Call[models.Transfer]:
        """Decline an offer."""
        return _decide(transfer_id, "decline")

    @call
    def withdraw(self, transfer_id: UUID | str) -> Call[models.Transfer]:
        """Withdraw an offer."""
        return _decide(transfer_id, "withdraw")


class Access(Group[Mode]):
    """`client.access`."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self.tokens: Tokens[Mode] = Tokens(driver)
        self.grants: Grants[Mode] = Grants(driver)
        self.quotas: Quotas[Mode] = Quotas(driver)
        self.transfers: Transfers[Mode] = Transfers(driver)

    @call
    def me(self) -> Call[models.Me]:
        """Return who calls, and what he may do."""
        return Call("GET", "/access/me", models.Me)

    @call
    def explain(
        self,
        domain: str,
        record_type: str,
        *,
        action: str = "create",
        account_id: str | None = None,
        zone: str | None = None,
        view: str | None = None,
        token: str | None = None,
    ) -> Call[models.Explanation]:
        """Return whether a change may be made, by which grant, or why not; nothing is asked for."""
        body = given(
            domain=domain,
            record_type=record_type,
            action=action,
            account_id=account_id,
            zone=zone,
            view=view,
            token=token,
        )
        return Call("POST", "/access/explain", models.Explanation, json=body)

    @stream
    def audit(self, *, page_size: int = 100) -> Stream[models.AuditEntry]:
        """Give every privileged act, the newest first."""
        return pages(Call("GET", "/access/audit", Page[models.AuditEntry], query={"limit": page_size}))

    @call
    def login(self) -> Call[models.LoginWays]:
        """Return how one logs in."""
        return Call("GET", "/access/login", models.LoginWays)


def _decide(transfer_id: UUID | str, verdict: str) -> Call[models.Transfer]:
    path = f"/access/transfers/{transfer_id}/{verdict}"
    return Call("POST", path, models.Transfer, repeatable=False)
