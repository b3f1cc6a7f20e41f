"""Who owns an RRset, and what that says of a change that another account asks for.

An RRset belongs to the account that has made it, while it exists. Of one that was there before, nobody knows
an owner until it is transferred to one.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.domain.change import Action, RRsetKey
from app.domain.name_patterns import NamePatterns, matches_all_below, matches_below, relative_name
from app.domain.permissions import Asked, Caller, Decision, Effect, Role, stronger
from app.domain.rdata import RecordType
from app.domain.zone_key import dns_name

MAKING = frozenset({Action.CREATE, Action.UPSERT})
"""The actions that make an RRset where there is none."""


_HIDING = frozenset({RecordType.NS, RecordType.DNAME})  # what is below such a record is served by others


class OwnedRRset(NamedTuple):
    """The RRset of a zone that somebody owns."""

    zone: str
    name: str
    type: str


class Reserved:
    """Names of a zone that are kept for accounts: whoever has one of the patterns that a name matches."""

    def __init__(self, accounts: Mapping[str, str] | None = None) -> None:
        self.accounts: Mapping[str, str] = accounts or {}
        self._patterns = NamePatterns(self.accounts)

    def __bool__(self) -> bool:
        return bool(self.accounts)

    def holders(self, name: str, zone: str) -> Mapping[str, str]:
        """Return the accounts that may touch the name, by their patterns; none: nobody has reserved it."""
        if not self.accounts:
            return {}
        matching = self._patterns.matching(relative_name(name, zone))
        return {pattern: self.accounts[pattern] for pattern in matching}

    def hidden_below(self, name: str, zone: str, account: str) -> str | None:
        """Return a pattern of names below that one which are others'; None: all are its own, or free."""
        relative = relative_name(name, zone)
        found = {each: who for each, who in self.accounts.items() if matches_below(each, relative)}
        if any(who == account and matches_all_below(each, relative) for each, who in found.items()):
            return None
        return next((each for each, who in found.items() if who != account), None)


class ZoneRights(NamedTuple):
    """What a zone says of who may change what in it."""

    owner: str | None = None  # an account
    others: Effect = Effect.ALLOW  # what other accounts may do to an RRset that somebody owns
    reserved: Reserved = Reserved()
    ungranted: Effect = Effect.DENY  # what becomes of a change that no grant is about: deny or review


FREE = ZoneRights()
"""The rights in a zone that says nothing."""


class Made(NamedTuple):
    """What one request of an RRset has done, in the order in which they were applied."""

    key: RRsetKey
    account: str
    action: Action
    found_nothing: bool  # where it is known what was there before


def decide(caller: Caller, asked: Asked, rights: ZoneRights = FREE, owner: str | None = None) -> Decision:
    """Decide about a change: by grants first, then by who has reserved the name, and who owns the RRset.

    To admins and to the zone's owner what others own is like their own; a reserved name is not, to its owner.
    """
    principal = caller.principal
    owns_zone = asked.account == rights.owner
    decision = caller.grants.decide(principal, asked, owns_zone=owns_zone, ungranted=rights.ungranted)
    if decision.effect is Effect.DENY or Role.ADMIN in principal.roles:
        return decision
    holders = rights.reserved.holders(asked.name, asked.zone)
    if holders and asked.account not in holders.values():
        words = f"{asked.name} is reserved for another account, by {next(iter(holders))} of {asked.zone}"
        return decision._replace(effect=Effect.DENY, code="name_reserved", words=words)
    if hidden := _hidden_from_others(asked, rights.reserved):
        words = f"{asked.type} at {asked.name} hides what is reserved below it, by {hidden} of {asked.zone}"
        return decision._replace(effect=Effect.DENY, code="name_reserved", words=words)
    if (
        owner is None
        or asked.account in (owner, rights.owner)
        or not stronger(rights.others, decision.effect)
    ):
        return decision
    whose = owner if principal.reads(owner) else "another account"
    denied = rights.others is Effect.DENY
    may = "let no other change it" if denied else "let others change it with an approval only"
    words = f"{asked.name} {asked.type} belongs to {whose}, and the settings of the zone {asked.zone} {may}"
    code = "not_owner" if denied else decision.code
    return decision._replace(effect=rights.others, code=code, words=words)


def _hidden_from_others(asked: Asked, reserved: Reserved) -> str | None:
    """Return a pattern of names that the change would hide from those for whom they are reserved."""
    is_apex_ns = asked.type == RecordType.NS and asked.name == dns_name(asked.zone)
    if not reserved or asked.type not in _HIDING or is_apex_ns or asked.action is Action.DELETE:
        return None
    return reserved.hidden_below(asked.name, asked.zone, asked.account)


def makers(made: Iterable[Made]) -> dict[RRsetKey, str]:
    """Return, of the RRsets that were made and stay, the accounts that have made them."""
    found: dict[RRsetKey, str] = {}
    for each in made:
        if each.found_nothing and each.action in MAKING:
            found[each.key] = each.account
    return found
