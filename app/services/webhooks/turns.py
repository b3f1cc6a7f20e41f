"""What is delivered to a webhook in one turn, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import metrics
from app.core.backoff import Backoff
from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.domain.permissions import Principal
from app.domain.retry_policy import DELIVER_TO_WEBHOOK
from app.domain.webhook import TEST_TYPE, DeliveryStatus, Target, WhyDisabled, read_url
from app.notify.webhook import Outcome
from app.services.events.holders import holders_of
from app.services.webhooks.floors import Floors
from app.services.webhooks.registry import disable
from app.store import deliveries
from app.store import webhooks as store
from app.store.deliveries import Due, Result
from app.store.models import Webhook
from app.store.upkeep import read_time

log = get_logger(__name__)

SERVICE_TIME = 120.0  # seconds that a webhook is kept: longer than a turn can last
LONGEST_PAUSE = DELIVER_TO_WEBHOOK.pauses.longest
_BACKOFF = Backoff(*DELIVER_TO_WEBHOOK.pauses)
_LONGEST_RETRY_AFTER = 3_600.0  # seconds that a receiver may ask for
_MOST = 64  # deliveries of a turn
_MOST_BYTES = 1024 * 1024  # of their bodies

Tried = Sequence[tuple[Due, Outcome]]


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be delivered to a webhook now, and how."""

    webhook_id: UUID
    target: Target
    secrets: Sequence[bytes]
    due: Sequence[Due]


def begin(server: UUID, webhook_id: UUID, floors: Floors) -> Turn | None:
    """Return what this process is to deliver now; None where nothing is due, and the webhook is left."""
    with transaction() as session:
        row = store.lock_as_server(session, webhook_id, server)
        if row is None:
            return None
        now = read_time(session)
        floor = _floor(session, row, now, floors)
        holder = holders_of([row], now).get(row.id)
        if holder is None and row.disabled is None:
            disable_saying(row, WhyDisabled.RIGHTS_LOST)
        due = _due(session, row, now, floor)
        if not due:
            _leave(session, row, floor)
            return None
        store.extend(row, now, SERVICE_TIME)
        allowed = _allowed(session, due, holder)
        return Turn(row.id, read_url(row.url), _secrets(row, now), allowed)


def settle(server: UUID, turn: Turn, tried: Tried, floors: Floors) -> bool:
    """Store what has come of a turn; False where the webhook is left, or another process serves it."""
    with transaction() as session:
        row = store.lock_as_server(session, turn.webhook_id, server)
        if row is None:
            log.warning(
                "what was delivered is not noted, and may come again: another process serves the webhook",
                webhook=str(turn.webhook_id),
            )
            return False
        now = read_time(session)
        results = [_result(due, outcome, now) for due, outcome in tried]
        if results:
            deliveries.settle(session, results)
        _judge(row, [each for each in tried if each[0].event_type != TEST_TYPE], now)
        _count(results)
        if row.disabled is not None or (row.paused_until is not None and row.paused_until > now):
            _leave(session, row, _floor(session, row, now, floors))
            return False
        store.extend(row, now, SERVICE_TIME)
        return True


def disable_saying(row: Webhook, why: WhyDisabled) -> None:
    """Disable a webhook, and say so; an API notes it in the audit."""
    disable(row, why)
    row.disabled_noted = False
    metrics.WEBHOOKS_DISABLED.inc(why=why)
    log.warning(
        "webhook disabled: nothing is delivered to it until somebody enables it again",
        webhook=str(row.id),
        url=read_url(row.url).origin,
        account=row.account_id,
        why=str(why),
        code=row.last_code,
        error=row.last_error,
    )


def _floor(session: Session, row: Webhook, now: datetime, floors: Floors) -> datetime:
    return floors.get(row.id, now, lambda since: deliveries.oldest(session, row.id, since))


def _due(session: Session, row: Webhook, now: datetime, floor: datetime) -> list[Due]:
    if tests := deliveries.list_tests(session, row.id):
        return tests
    if row.disabled is not None or (row.paused_until is not None and row.paused_until > now):
        return []
    return deliveries.list_due(session, row.id, floor, 1 if row.failures else _MOST, _MOST_BYTES)


def _allowed(session: Session, due: Sequence[Due], holder: Principal | None) -> list[Due]:
    """Return what its holder may read by now; the rest is not tried."""
    refused = [
        each.id
        for each in due
        if holder is None or (each.account_id is not None and not holder.reads(each.account_id))
    ]
    if refused:
        words = "who answers for the webhook may not read it any more"
        deliveries.give_up(session, refused, "not_allowed", words)
        metrics.WEBHOOK_DELIVERIES.inc(len(refused), outcome="given_up")
    return [each for each in due if each.id not in refused]


def _leave(session: Session, row: Webhook, floor: datetime) -> None:
    """Let the webhook be served again when there is something to try."""
    row.server = row.served_until = None
    following = None
    if row.disabled is None:
        following = deliveries.next_try(session, row.id, floor)
    row.due_at = max(following, row.paused_until or following) if following else None
    if deliveries.list_tests(session, row.id):
        row.due_at = read_time(session)


def _secrets(row: Webhook, now: datetime) -> list[bytes]:
    old = row.old_secret if row.old_secret_until is not None and row.old_secret_until > now else None
    return [row.secret] if old is None else [row.secret, old]


def _result(due: Due, outcome: Outcome, now: datetime) -> Result:
    status, pause = DeliveryStatus.DELIVERED, 0.0
    if not outcome.taken:
        status, pause = DeliveryStatus.PENDING, _pause(due.attempts, outcome)
        if due.event_type == TEST_TYPE or _is_over(due.failing_since, now):
            status = DeliveryStatus.FAILED
    return Result(
        id=due.id,
        status=status,
        pause=pause,
        status_code=outcome.status,
        answer=outcome.clip or None,
        code=outcome.code,
        error=outcome.words or None,
        took=outcome.took,
    )


def _judge(row: Webhook, tried: Tried, now: datetime) -> None:
    """Note how the webhook is: it fails where nothing at all was taken."""
    if not tried:
        return
    failed = [outcome for _, outcome in tried if not outcome.taken]
    if len(failed) < len(tried):
        _note_taken(row, failed, now)
    else:
        _note_failure(row, failed[-1], now)
    row.last_code, row.last_error = (failed[-1].code, failed[-1].words) if failed else (None, None)
    if any(each.status == HTTPStatus.GONE for each in failed):
        disable_saying(row, WhyDisabled.GONE)
    elif failed and _is_over(row.failing_since, now):
        disable_saying(row, WhyDisabled.FAILING)


def _note_taken(row: Webhook, failed: Sequence[Outcome], now: datetime) -> None:
    if row.failures:
        log.info("webhook takes deliveries again", webhook=str(row.id), failures=row.failures)
    asked = max((_asked_pause(each) for each in failed), default=0.0)  # it takes some, and asks for less
    row.paused_until = now + timedelta(seconds=asked) if asked else None
    row.failures, row.failing_since, row.delivered_at = 0, None, now


def _note_failure(row: Webhook, failed: Outcome, now: datetime) -> None:
    if not row.failures:
        log.warning(
            "webhook takes nothing; it is tried again with growing pauses",
            webhook=str(row.id),
            url=read_url(row.url).origin,
            code=failed.code,
            error=failed.words,
        )
    row.failing_since = row.failing_since or now
    row.paused_until = now + timedelta(seconds=_pause(row.failures, failed))
    row.failures += 1


def _pause(failures: int, outcome: Outcome) -> float:
    return max(_BACKOFF.pause(failures), _asked_pause(outcome))


def _asked_pause(outcome: Outcome) -> float:
    return min(outcome.retry_after or 0.0, _LONGEST_RETRY_AFTER)


def _is_over(failing_since: datetime | None, now: datetime) -> bool:
    return failing_since is not None and now - failing_since >= timedelta(seconds=settings().webhook_give_up)


def _count(results: Sequence[Result]) -> None:
    for each in results:
        outcome = "given_up" if each.status is DeliveryStatus.FAILED else "failed"
        metrics.WEBHOOK_DELIVERIES.inc(
            outcome="delivered" if each.status is DeliveryStatus.DELIVERED else outcome
        )
        metrics.WEBHOOK_SECONDS.observe(each.took)
