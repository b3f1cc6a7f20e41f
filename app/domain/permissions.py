"""Who may do what: roles, the rights that calls need, and grants, which decide about each change."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import product
from typing import NamedTuple
from unicodedata import normalize

from app.domain.change import Action
from app.domain.errors import InvalidName
from app.domain.name_patterns import NamePatterns, relative_name
from app.domain.names import normalize as normalize_name
from app.domain.read_zone import read_zone_key
from app.domain.zone_key import AT, dns_name

ANY = "*"  # every zone, every type, every action; and every view, where it stands for one
EVERY_NAME = "**"
_EVERY_VIEW = AT + ANY


class Role(StrEnum):
    """What a principal is there for."""

    ADMIN = "admin"  # everything
    OPERATOR = "operator"  # zones, backends, and what becomes of anybody's requests
    REQUESTER = "requester"  # asks for changes
    APPROVER = "approver"  # approves or rejects what others have asked for
    AUDITOR = "auditor"  # reads everything
    GATEWAY = "gateway"  # submits for any account, as the consumer does


class Right(StrEnum):
    """What a call needs its caller to have a right to."""

    KNOW_ONESELF = "know_oneself"  # what one is and may do
    READ = "read"  # requests and records of accounts that one reads; the zones
    READ_ALL = "read_all"  # those of every account; backends, and what was done to an RRset
    SUBMIT = "submit"  # whether a change may be made, its grants decide
    APPROVE = "approve"  # whose requests, the approvers of the zone decide (domain/approval.py)
    STEER = "steer"  # cancel and retry requests of one's own accounts
    WEBHOOKS = "webhooks"  # have events delivered that one may read
    TRANSFER = "transfer"  # offer what one's own accounts own, and accept what they are offered
    STEER_MANY = "steer_many"  # those of every account, by a filter
    ROLL_BACK = "roll_back"  # plan a rollback: to apply it, grants decide
    MANAGE_ZONES = "manage_zones"
    READ_ACCESS = "read_access"  # tokens, which are shown without their secrets, and grants
    MANAGE_ACCESS = "manage_access"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.OPERATOR: frozenset(
        {
            Right.KNOW_ONESELF,
            Right.READ,
            Right.READ_ALL,
            Right.STEER,
            Right.STEER_MANY,
            Right.WEBHOOKS,
            Right.ROLL_BACK,
            Right.MANAGE_ZONES,
        }
    ),
    Role.REQUESTER: frozenset(
        {
            Right.KNOW_ONESELF,
            Right.READ,
            Right.SUBMIT,
            Right.STEER,
            Right.APPROVE,
            Right.WEBHOOKS,
            Right.TRANSFER,
        }
    ),
    Role.APPROVER: frozenset({Right.KNOW_ONESELF, Right.READ, Right.APPROVE}),
    Role.AUDITOR: frozenset({Right.KNOW_ONESELF, Right.READ, Right.READ_ALL, Right.READ_ACCESS}),
    Role.GATEWAY: frozenset({Right.KNOW_ONESELF, Right.SUBMIT}),
}
_FOR_ANYBODY = frozenset({Role.ADMIN, Role.GATEWAY})  # who asks for changes in any account's name


@lru_cache(64)
def _rights_of(roles: frozenset[Role]) -> frozenset[Right]:
    return frozenset().union(*(RIGHTS[role] for role in roles))


# What nobody sees in a text (Unicode's Default_Ignorable_Code_Point), as far as persons may have it.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_MADE_BY = "made by "  # a mark of identities


def _folded(person: str) -> str:
    """Return what persons are compared by: two spellings must not make two people, who approve each other."""
    return _UNSEEN.sub("", normalize("NFKC", normalize("NFKC", person).casefold()))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: by which name the log knows him, for which accounts he may speak, in which roles."""

    name: str
    accounts: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()
    person: str | None = None  # who stands behind him: an address, or a name
    made_by: frozenset[str] = frozenset()  # those who have made his token over HTTP, and may have kept it

    @property
    def own_identities(self) -> frozenset[str]:
        """By what he is known again: his name, and the person behind him, whatever that one calls with."""
        own = {f"name:{self.name}"}
        if self.person is not None:
            own.add(f"person:{_folded(self.person)}")
        return frozenset(own)

    @property
    def identities(self) -> frozenset[str]:
        """By what he is known again where he approves something.

        If one of these is among those that something was `asks_as`, the same person may stand behind both:
        by another token, by one that he has made for the other, or by one that the other has made for him.
        That somebody else has made both tokens is nothing against it.
        """
        return self.own_identities | {_MADE_BY + each for each in self.made_by}

    @property
    def asks_as(self) -> frozenset[str]:
        """Who may stand behind what he asks for, to be compared with the `identities` of who approves it."""
        own = self.own_identities
        return own | self.made_by | {_MADE_BY + each for each in own}

    def has(self, right: Right) -> bool:
        """Return whether one of the roles has the right."""
        return right in _rights_of(self.roles)

    def speaks_for(self, account: str) -> bool:
        """Return whether he may ask for changes in the account's name."""
        return account in self.accounts or self.speaks_for_any

    def speaks_for_all(self, accounts: Collection[str | None]) -> bool:
        """Return whether he may speak for each of these, of which there is one at least; None is nobody's."""
        return self.speaks_for_any or (bool(accounts) and self.accounts.issuperset(accounts))

    def steers(self, account: str) -> bool:
        """Return whether he may cancel and retry the account's requests."""
        return account in self.accounts or self.has(Right.STEER_MANY)

    def reads(self, account: str) -> bool:
        """Return whether he may see the account's requests and records."""
        return account in self.accounts or self.has(Right.READ_ALL)

    @property
    def reads_in_full(self) -> bool:
        """Whether he sees what servers and Ansible have said, which is not only about one account."""
        return self.has(Right.READ_ALL)

    @property
    def speaks_for_any(self) -> bool:
        """Whether he may ask for changes in the name of every account."""
        return not self.roles.isdisjoint(_FOR_ANYBODY)

    @property
    def only_account(self) -> str | None:
        """The account that is meant where none is named; None where there are several, or none."""
        return next(iter(self.accounts)) if len(self.accounts) == 1 else None


class Effect(StrEnum):
    """What a grant says of the changes that it is about; a later one of these beats an earlier one."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"


_STRENGTH = {effect: strength for strength, effect in enumerate(Effect)}


@dataclass(frozen=True, slots=True)
class Grant:
    """What an account, or whoever has a role, may do to which names of which zone.

    `zone` is the key of a zone, `name@*`: those of that name in every view, or `*`: every zone. `names` is a
    canonical pattern (domain/name_patterns.py), relative to the zone. No types mean every type, no
    actions every action.
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
        zone = "every zone" if self.zone == ANY else self.zone.replace(_EVERY_VIEW, " in every view")
        return f"{self.effect} {whom}: {what} on {types} at {self.names} in {zone}"


def read_granted_zone(text: str) -> str:
    """Return in canonical form which zones a grant is about. Raises InvalidName."""
    if text == ANY:
        return ANY
    if text.endswith(_EVERY_VIEW):
        key = normalize_name(text.removesuffix(_EVERY_VIEW)) + _EVERY_VIEW
    else:
        key = read_zone_key(text)
    if key.startswith("*"):  # it would never match, and a denial deny nothing
        message = "no zone is called so: * stands for every zone, and name@* for that zone in every view"
        raise InvalidName("name_invalid", message)
    return key


class Asked(NamedTuple):
    """The change about which is decided: the zone's key, and names, are normalized."""

    account: str
    action: Action
    zone: str
    name: str
    type: str


class Decision(NamedTuple):
    """What becomes of a change, and the grant that says so; None: no grant is about it.

    `words` say what has decided where no grant has (domain/ownership.py), `code` is that of a denied change.
    """

    effect: Effect
    grant: Grant | None
    asked: Asked
    principal: Principal
    code: str = "not_allowed"
    words: str | None = None

    @property
    def why(self) -> str:
        """Why it is decided so, in words."""
        asked = self.asked
        if self.words is not None:
            return self.words
        if self.grant is not None:
            return f"grant {self.grant.id}: {self.grant}"
        if self.effect is Effect.ALLOW:
            return "admins, and the zone's owner, may make every change that no grant denies"
        if self.effect is Effect.REVIEW:
            return f"no grant is about it, and the zone {asked.zone} has such changes reviewed"
        if not self.principal.speaks_for(asked.account):
            return f"{self.principal.name} may not speak for {asked.account}"
        change = f"{asked.action} {asked.name} {asked.type} in the zone {asked.zone}"
        return f"no grant lets {asked.account} {change}"


# What grants are looked up by is plain text: to hash a word of an enumeration takes five times as long.
_Subject = tuple[str | None, str | None]  # an account, or a role
_Kind = tuple[str, str]  # type and action


class Grants:
    """All grants, arranged so that a decision looks at few of them, however many there are."""

    def __init__(self, grants: Iterable[Grant] = ()) -> None:
        self.all: Sequence[Grant] = tuple(grants)
        self._by_zone: dict[tuple[_Subject, str], dict[_Kind, _ByName]] = {}
        for grant in self.all:
            subject = (grant.account, str(grant.role) if grant.role else None)
            kinds = self._by_zone.setdefault((subject, grant.zone), {})
            for kind in product(grant.types or (ANY,), map(str, grant.actions or (ANY,))):
                kinds.setdefault(kind, _ByName()).add(grant)
        for by_name in [each for kinds in self._by_zone.values() for each in kinds.values()]:
            by_name.arrange()

    def decide(
        self,
        principal: Principal,
        asked: Asked,
        *,
        owns_zone: bool = False,
        ungranted: Effect = Effect.DENY,
    ) -> Decision:
        """Decide about a change that the principal asks for in the name of an account.

        Deny beats review, review beats allow, and what no grant is about has the effect `ungranted`, but is
        allowed to admins, and to the account that owns the zone.
        """
        if not principal.speaks_for(asked.account):
            return Decision(Effect.DENY, None, asked, principal)
        strongest = max(self._matching(principal, asked), key=_strength, default=None)
        if strongest is not None:
            return Decision(strongest.effect, strongest, asked, principal)
        allowed = owns_zone or Role.ADMIN in principal.roles
        return Decision(Effect.ALLOW if allowed else ungranted, None, asked, principal)

    def covers(self, principal: Principal, zone: str, name: str, record_type: str) -> bool:
        """Return whether one of the principal's accounts may do something to the RRset, or ask for it."""
        return any(
            self.decide(principal, Asked(account, action, zone, name, record_type)).effect is not Effect.DENY
            for account in principal.accounts
            for action in Action
        )

    def concerning(self, principal: Principal) -> list[Grant]:
        """Return the grants to the principal's accounts and roles."""
        accounts, roles = principal.accounts, principal.roles
        return [each for each in self.all if each.account in accounts or each.role in roles]

    def _matching(self, principal: Principal, asked: Asked) -> Iterator[Grant]:
        relative = relative_name(asked.name, asked.zone)
        subjects: list[_Subject] = [(asked.account, None), *((None, str(role)) for role in principal.roles)]
        zones: tuple[str, ...] = (asked.zone, ANY)
        if AT in asked.zone:
            zones = (asked.zone, dns_name(asked.zone) + _EVERY_VIEW, ANY)
        action = str(asked.action)
        kinds = ((asked.type, action), (asked.type, ANY), (ANY, action), (ANY, ANY))
        for subject in subjects:
            for zone in zones:
                found = self._by_zone.get((subject, zone))
                if found is not None:
                    for kind in kinds:
                        if kind in found:
                            yield from found[kind].matching(relative)


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


def stronger(one: Effect, other: Effect) -> bool:
    """Return whether the one beats the other."""
    return _STRENGTH[one] > _STRENGTH[other]


def _strength(grant: Grant) -> int:
    return _STRENGTH[grant.effect]


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal, and the grants that decide about what he asks for."""

    principal: Principal
    grants: Grants
    unrestricted: bool = False  # there is nothing to decide about
    address: str | None = None  # from which he calls, for the audit


EVERYBODY = Caller(Principal("everybody", roles=frozenset({Role.ADMIN})), Grants(), unrestricted=True)
"""Who calls while nobody has to say who he is (`AUTH=off`)."""

SERVICE = Caller(Principal("service", roles=frozenset({Role.ADMIN})), Grants(), unrestricted=True)
"""The service itself, where it makes a change that follows from one that was allowed."""
