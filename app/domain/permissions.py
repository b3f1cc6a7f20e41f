"""Who may do what: roles, the rights that calls need, and grants, which decide about each change."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import NamedTuple

from app.domain.change import Action
from app.domain.name_patterns import NamePatterns, relative_name

ANY = "*"  # every zone, every type, every action
EVERY_NAME = "**"


class Role(StrEnum):
    """What a principal is there for."""

    ADMIN = "admin"  # everything
    OPERATOR = "operator"  # zones, backends, and what becomes of anybody's requests
    REQUESTER = "requester"  # asks for changes
    AUDITOR = "auditor"  # reads everything
    GATEWAY = "gateway"  # submits for any account, as the consumer does


class Right(StrEnum):
    """What a call needs its caller to have a right to."""

    KNOW_ONESELF = "know_oneself"  # what one is and may do
    READ = "read"
    SUBMIT = "submit"  # whether a change may be made, its grants decide
    STEER = "steer"  # cancel and retry requests of one's own accounts
    STEER_MANY = "steer_many"  # those of every account, by a filter
    MANAGE_ZONES = "manage_zones"
    READ_ACCESS = "read_access"  # tokens, which are shown without their secrets, and grants
    MANAGE_ACCESS = "manage_access"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.OPERATOR: frozenset(
        {Right.KNOW_ONESELF, Right.READ, Right.STEER, Right.STEER_MANY, Right.MANAGE_ZONES}
    ),
    Role.REQUESTER: frozenset({Right.KNOW_ONESELF, Right.READ, Right.SUBMIT, Right.STEER}),
    Role.AUDITOR: frozenset({Right.KNOW_ONESELF, Right.READ, Right.READ_ACCESS}),
    Role.GATEWAY: frozenset({Right.KNOW_ONESELF, Right.SUBMIT}),
}
_FOR_ANYBODY = frozenset({Role.ADMIN, Role.GATEWAY})  # who asks for changes in any account's name
_OF_ANYBODY = frozenset({Role.ADMIN, Role.OPERATOR})  # who cancels and retries requests of any account


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: by which name the log knows him, for which accounts he may speak, in which roles."""

    name: str
    accounts: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()

    def has(self, right: Right) -> bool:
        """Return whether one of the roles has the right."""
        return any(right in RIGHTS[role] for role in self.roles)

    def speaks_for(self, account: str) -> bool:
        """Return whether he may ask for changes in the account's name."""
        return account in self.accounts or not self.roles.isdisjoint(_FOR_ANYBODY)

    def steers(self, account: str) -> bool:
        """Return whether he may cancel and retry the account's requests."""
        return account in self.accounts or not self.roles.isdisjoint(_OF_ANYBODY)

    @property
    def only_account(self) -> str | None:
        """The account that is meant where none is named; None where there are several, or none."""
        return next(iter(self.accounts)) if len(self.accounts) == 1 else None


EVERYBODY = Principal("everybody", roles=frozenset({Role.ADMIN}))
"""Who calls while nobody has to say who he is (`AUTH=off`)."""

SERVICE = Principal("service", roles=frozenset({Role.ADMIN}))
"""The service itself, where it makes a change that follows from one that was allowed."""


class Effect(StrEnum):
    """What a grant says of the changes that it is about; a later one of these beats an earlier one."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"


_STRENGTH = {effect: strength for strength, effect in enumerate(Effect)}


@dataclass(frozen=True, slots=True)
class Grant:
    """What an account, or whoever has a role, may do to which names of which zone.

    `zone` is a normalized name, or `*`: every zone. `names` is a canonical pattern (domain/name_patterns.py),
    relative to the zone. No types mean every type, no actions every action.
    """

    id: str
    effect: Effect
    account: str | None = None  # either this, or the role
    role: Role | None = None
    zone: str = ANY
    names: str = EVERY_NAME
    types: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()

    def __str__(self) -> str:
        whom = f"account {self.account}" if self.role is None else f"role {self.role}"
        what = ", ".join(sorted(self.actions)) or "every action"
        types = ", ".join(sorted(self.types)) or "every type"
        zone = "every zone" if self.zone == ANY else self.zone
        return f"{self.effect} {whom}: {what} on {types} at {self.names} in {zone}"


class Asked(NamedTuple):
    """The change about which is decided; names are normalized."""

    account: str
    action: Action
    zone: str
    name: str
    type: str


class Decision(NamedTuple):
    """What becomes of a change, the grant that says so (None: no grant is about it), and why, in words."""

    effect: Effect
    grant: Grant | None
    why: str


_Subject = tuple[str | None, Role | None]  # an account, or a role
_Kind = tuple[str, str]  # type and action


class Grants:
    """All grants, arranged so that a decision looks at few of them, however many there are."""

    def __init__(self, grants: Iterable[Grant] = ()) -> None:
        self._by_zone: dict[tuple[_Subject, str], dict[_Kind, _ByName]] = {}
        for grant in grants:
            kinds = self._by_zone.setdefault(((grant.account, grant.role), grant.zone), {})
            for kind in product(grant.types or (ANY,), grant.actions or (ANY,)):
                kinds.setdefault(kind, _ByName()).add(grant)
        for by_name in [each for kinds in self._by_zone.values() for each in kinds.values()]:
            by_name.arrange()

    def decide(self, principal: Principal, asked: Asked) -> Decision:
        """Decide about a change that the principal asks for in the name of an account.

        Deny beats review, review beats allow, and what no grant is about is denied, but to admins.
        """
        if not principal.speaks_for(asked.account):
            return Decision(Effect.DENY, None, f"{principal.name} may not speak for {asked.account}")
        strongest = max(self._matching(principal, asked), key=_strength, default=None)
        if strongest is not None:
            return Decision(strongest.effect, strongest, f"grant {strongest.id}: {strongest}")
        if Role.ADMIN in principal.roles:
            return Decision(Effect.ALLOW, None, "admins may make every change that no grant denies")
        change = f"{asked.action} {asked.name} {asked.type} in the zone {asked.zone}"
        return Decision(Effect.DENY, None, f"no grant lets {asked.account} {change}")

    def _matching(self, principal: Principal, asked: Asked) -> Iterator[Grant]:
        relative = relative_name(asked.name, asked.zone)
        subjects: Sequence[_Subject] = [(asked.account, None), *((None, role) for role in principal.roles)]
        kinds = list(product((asked.type, ANY), (asked.action, ANY)))
        for key in product(subjects, (asked.zone, ANY)):
            if found := self._by_zone.get(key):
                for kind in kinds:
                    if by_name := found.get(kind):
                        yield from by_name.matching(relative)


class _ByName:
    """The grants to one subject, in one zone, of one type and one action: the strongest of each pattern."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}
        self._patterns = NamePatterns()

    def add(self, grant: Grant) -> None:
        known = self._grants.get(grant.names)
        if known is None or _strength(grant) > _strength(known):
            self._grants[grant.names] = grant

    def arrange(self) -> None:
        self._patterns = NamePatterns(self._grants)

    def matching(self, relative: str) -> Iterator[Grant]:
        return map(self._grants.__getitem__, self._patterns.matching(relative))


def _strength(grant: Grant) -> int:
    return _STRENGTH[grant.effect]
