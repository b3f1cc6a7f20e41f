"""Which requests wait for an approval, and which of them are reviewed together."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import settings
from app.domain.change import Via
from app.domain.permissions import Caller
from app.domain.zone_settings import ZoneSettings
from app.services.requests.authorise import NeedsReview, merge_needs
from app.services.requests.draft import ValidChange
from app.store import reviews, zones
from app.store.models import Request, Review
from app.store.requests import NewRequest
from app.store.reviews import NewReview


def put_under_review(
    changes: Sequence[ValidChange], new: Sequence[NewRequest], *, as_one: bool, of_batch: bool
) -> list[NewReview]:
    """Note in the new requests which review they wait for; return the reviews.

    Of a batch those of one zone are reviewed together; where the batch is all or none (`as_one`), also those
    that nobody would have to approve. The consumer's batch is no one's: each of its messages is a call.
    """
    needs = [change.review for change in changes]
    if not any(needs):
        return []
    if as_one:
        needs = [merge_needs(filter(None, needs))] * len(needs)
    found: dict[object, tuple[UUID, list[NeedsReview], ZoneSettings]] = {}
    for change, request, need in zip(changes, new, needs, strict=True):
        if need is not None:
            together = change.zone if of_batch and change.via is not Via.KAFKA else request.id
            review_id, all_needs, _ = found.setdefault(together, (uuid7(), [], change.settings))
            all_needs.append(need)
            request.review_id = review_id
    return [new_review(review_id, merge_needs(needs), zone) for review_id, needs, zone in found.values()]


def review_again(
    session: Session, waiting: Iterable[Request], needs: Mapping[UUID, NeedsReview], caller: Caller
) -> None:
    """Put requests that were retried, and wait for an approval, under review again.

    Those that were reviewed together are so again; `needs` are what their requester needs by now. Neither he
    nor who retries may decide it.
    """
    by_review: dict[UUID, list[Request]] = {}
    for row in waiting:
        by_review.setdefault(row.review_id or row.id, []).append(row)
    new: dict[UUID, NewReview] = {}
    for earlier_id, rows in by_review.items():
        earlier = reviews.get(session, earlier_id)
        found = [needs[row.id] for row in rows if row.id in needs]
        if earlier is not None:
            found.append(NeedsReview(earlier.why, frozenset(earlier.zones), caller.principal))
        settings = zones.existing(session, [rows[0].zone])
        review = new_review(uuid7(), merge_needs(found), settings[rows[0].zone], earlier)
        new |= dict.fromkeys((row.id for row in rows), review)
    if new:
        reviews.add(session, new)


def new_review(
    review_id: UUID, need: NeedsReview, zone: ZoneSettings, earlier: Review | None = None
) -> NewReview:
    """Return a review for what is needed; who has asked at an `earlier` one has asked at this one, too."""
    seconds = zone.approval_timeout or settings().approval_timeout
    principal = need.principal
    return NewReview(
        id=review_id,
        zones=sorted(need.zones),
        why=need.why,
        principal=principal.name,
        roles=sorted({*principal.roles, *(earlier.roles if earlier else ())}),
        asks_as=sorted({*principal.asks_as, *(earlier.asks_as if earlier else ())}),
        seconds=seconds,
    )
