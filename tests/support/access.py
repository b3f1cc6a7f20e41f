"""Tokens and grants for tests, made as an operator makes them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from fastapi.testclient import TestClient

from app.core.database import transaction
from app.domain.permissions import SERVICE, Effect, Grant, Role
from app.services.access import grants, tokens

ADMIN = "admin"


def make_token(
    *roles: str,
    accounts: Sequence[str] = (),
    networks: Sequence[str] = (),
    lifetime: float | None = None,
    person: str | None = None,
) -> str:
    """Make a token; return it as it is shown once. `lifetime` is in seconds."""
    order = tokens.TokenOrder(
        accounts=accounts,
        roles=[Role(role) for role in roles],
        networks=[ip_network(network) for network in networks],
        expires_at=None if lifetime is None else datetime.now(UTC) + timedelta(seconds=lifetime),
        person=person,
    )
    with transaction() as session:
        return tokens.create_token(session, SERVICE, order).secret


def prefix_of(token: str) -> str:
    """The part by which a token is named."""
    found = tokens.prefix_of(token)
    assert found
    return found


def add_grant(effect: str = "allow", **fields: object) -> str:
    """Add a grant, to `account="team-a"` unless another one or a role is given; return its id."""
    subject = {} if "role" in fields else {"account": "team-a"}
    wanted = Grant("", Effect(effect), **(subject | fields))  # type: ignore[arg-type]
    with transaction() as session:
        return str(grants.add_grant(session, SERVICE, wanted).id)


def bearer(token: str) -> dict[str, str]:
    """The header by which a client says who it is."""
    return {"Authorization": f"Bearer {token}"}


class Guarded:
    """An API that asks everybody who he is."""

    def __init__(self, client: TestClient, zone: str) -> None:
        self.client = client
        self.zone = zone
        self._tokens: dict[tuple[object, ...], str] = {}

    def by(self, *roles: str, accounts: Sequence[str] = ("team-a",)) -> Mapping[str, str]:
        """The header of a token with these roles and accounts, which is made when it is first used."""
        key = (*roles, *accounts)
        if key not in self._tokens:
            self._tokens[key] = make_token(*roles, accounts=accounts)
            self.client.app.state.access.expire()  # type: ignore[attr-defined]
        return bearer(self._tokens[key])

    def grant(self, effect: str = "allow", **fields: object) -> str:
        """Add a grant that counts for the next call."""
        added = add_grant(effect, **fields)
        self.client.app.state.access.expire()  # type: ignore[attr-defined]
        return added
