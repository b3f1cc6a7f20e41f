"""May this caller make this change, by which grant, or why not?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.domain.change import Action
from app.domain.errors import DomainError, InvalidInput, Reason, RightMissing, TokenNotFound
from app.domain.names import lineage, normalize
from app.domain.ownership import OwnedRRset, decide
from app.domain.permissions import Asked, Caller, Decision, Grants, Principal, Right
from app.domain.rdata import RecordType
from app.domain.views import Views
from app.domain.zone_choice import AskedZone, choose_zone
from app.domain.zone_settings import ZoneSettings
from app.services.access.grants import grant_of
from app.services.access.identify import principal_of
from app.store import grants, records, tokens, zones


@dataclass(frozen=True, slots=True)
class Question:
    """A change, the account in whose name it would be asked for, and the token that would ask."""

    action: Action
    domain: str
    record_type: RecordType
    account_id: str | None = None  # None: the only one of who would ask
    zone: str | None = None  # None: the one that a request for the name would be in
    view: str | None = None
    token: str | None = None  # its prefix; None: that of the caller


class Explanation(NamedTuple):
    """Who would ask, for which change, and what would become of it."""

    principal: Principal
    asked: Asked
    decision: Decision
    owner: str | None  # of the RRset, where the caller may know


def explain(session: Session, caller: Caller, question: Question) -> Explanation:
    """Decide about a change that nobody has asked for, by the grants that are stored.

    Raises InvalidInput; for another one's token RightMissing, TokenNotFound.
    """
    principal = _principal(session, caller, question.token)
    account = question.account_id or principal.only_account
    reasons: list[Reason] = []
    if account is None:
        reasons.append(Reason(("account_id",), "missing", "say in whose name: there is not one account only"))
    name = zone = ""
    served: Mapping[str, ZoneSettings] = {}
    try:
        name = normalize(question.domain)
    except DomainError as error:
        reasons.append(error.reason("domain"))
    else:
        served = zones.serving(session, lineage(name))
        zone, against = _zone(name, question, served)
        reasons += against
    if reasons or account is None:
        raise InvalidInput(reasons)
    asked = Asked(account, question.action, zone, name, question.record_type.value)
    found = (grant_of(row) for row in grants.list_known(session))
    stored = Grants(grant for grant in found if grant is not None)
    owner = records.owners(session, [name]).get(OwnedRRset(zone, name, question.record_type.value))
    decision = decide(Caller(principal, stored), asked, served[zone].rights, owner)
    return Explanation(principal, asked, decision, owner if owner and caller.principal.reads(owner) else None)


def _principal(session: Session, caller: Caller, prefix: str | None) -> Principal:
    if prefix is None:
        return caller.principal
    if not caller.principal.has(Right.READ_ACCESS):
        raise RightMissing(Right.READ_ACCESS)
    token = tokens.get(session, prefix)
    if token is None:
        raise TokenNotFound
    return principal_of(token)


def _zone(name: str, question: Question, served: Mapping[str, ZoneSettings]) -> tuple[str, list[Reason]]:
    asked = AskedZone(question.zone, question.view)
    zone, reasons = choose_zone(question.action, name, question.record_type, asked, Views(served))
    if zone or reasons:
        return zone or "", [reason._replace(loc=(reason.loc[-1],)) for reason in reasons]
    words = f"{name} is in none of the zones that are served here"
    return "", [Reason(("domain",), "zone_unknown", words)]
