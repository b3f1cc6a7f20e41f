"""Who may approve a change that somebody else has asked for: two people have to want it."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple

from app.domain.permissions import Principal, Role


class Verdict(StrEnum):
    """What has become of a review."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"  # nobody has decided in time
    WITHDRAWN = "withdrawn"  # all of its requests were cancelled


class Deciders(NamedTuple):
    """Who decides in one zone: accounts, for which an approver speaks, or whoever does."""

    approvers: Collection[str]
    owners: Collection[str] = ()  # of every RRset that is to be changed


class Reviewed(NamedTuple):
    """What is reviewed: whose approval it needs, and who has asked for it."""

    deciders: Iterable[Deciders]  # in each zone in which somebody has to approve
    asks_as: Collection[str]  # who may stand behind the principal that has asked
    accounts: Collection[str]  # in whose names it is asked for


def is_approver(principal: Principal, reviewed: Reviewed) -> bool:
    """Return whether the principal is one of those who approve such changes, whoever asks for them.

    Those are admins; and who decides in each zone that is concerned: as an approver that speaks for one of
    its approvers, or for the account that owns the RRset.
    """
    if Role.ADMIN in principal.roles:
        return True
    own, is_one = principal.accounts, Role.APPROVER in principal.roles
    return all(
        (is_one and not own.isdisjoint(each.approvers)) or not own.isdisjoint(each.owners)
        for each in reviewed.deciders
    )


def why_not_another(principal: Principal, reviewed: Reviewed) -> str | None:
    """Return why the principal is not surely somebody else than who has asked (four eyes); None: he is."""
    if not principal.identities.isdisjoint(reviewed.asks_as):
        return "you have asked for this yourself, or with a token that you have made: somebody else decides"
    if own := principal.accounts.intersection(reviewed.accounts):
        return f"you speak for {min(own)}, which asks for this: somebody else decides"
    return None
