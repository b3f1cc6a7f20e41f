"""Who calls, by what his token says, as the operator wants it read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.domain.permissions import Principal, Role
from app.schemas.request import Account, Person
from app.services.access.identify import WhyNot

_ACCOUNT: TypeAdapter[str] = TypeAdapter(Account)
_PERSON: TypeAdapter[str] = TypeAdapter(Person)


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """Which claims are a person, accounts and roles. A claim within an object is named `object.claim`."""

    issuer: str
    person: str = "email"
    accounts: str = ""
    account_map: Sequence[tuple[str, str]] = ()  # none: the values of the claim are the accounts
    roles: str = ""
    role_map: Sequence[tuple[str, str]] = ()
    default_roles: frozenset[Role] = frozenset()


def principal_of_claims(claims: Mapping[str, Any], rules: ClaimRules) -> Principal | WhyNot:
    """Return who calls. What is no account is left out, and what stands in no map of roles is no role."""
    subject = _valid(_PERSON, claims.get("sub"))
    if subject is None:
        return WhyNot.SUBJECT
    groups = set(_texts(find_claim(claims, rules.accounts)))
    mapped = [account for value, account in rules.account_map if value in groups]
    words = find_claim(claims, rules.roles)
    words = set(words.split() if isinstance(words, str) else _texts(words))  # scopes are one text
    roles = {Role(role) for value, role in rules.role_map if value in words}
    return Principal(
        name=f"oidc {rules.issuer.partition('://')[2].rstrip('/')}/{subject}",
        accounts=frozenset(filter(_is_account, mapped if rules.account_map else groups)),
        roles=rules.default_roles | roles,
        person=_person(claims, rules.person),
    )


def find_claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim, or what it has at the path; None for none. Names of claims may have dots, too."""
    if path in claims:
        return claims[path]
    for at, letter in enumerate(path):
        inner = claims.get(path[:at]) if letter == "." else None
        if isinstance(inner, dict) and (found := find_claim(inner, path[at + 1 :])) is not None:
            return found
    return None


def _person(claims: Mapping[str, Any], path: str) -> str | None:
    """Return whose the token is. An address that its issuer has not verified may be anybody's."""
    if path == "email" and claims.get("email_verified") in (False, "false"):  # some issuers write it as text
        return None
    return _valid(_PERSON, find_claim(claims, path))


def _texts(value: Any) -> Iterator[str]:
    values = value if isinstance(value, list) else [value]
    return (each for each in values if isinstance(each, str))


def _is_account(text: str) -> bool:
    return _valid(_ACCOUNT, text) is not None


def _valid(kind: TypeAdapter[str], value: Any) -> str | None:
    try:
        return kind.validate_python(value, strict=True)
    except ValidationError:
        return None
