"""Every error that leaves the part where it is raised, drawn once.

    Error
    ├── InvalidInput            422  what was sent can't be accepted; carries all the reasons
    │   ├── InvalidFilter       422  the same, of query parameters
    │   ├── BatchRefused        422  an atomic batch has bad items
    │   │   ├── BatchKeysReused 409  its idempotency keys are all that is wrong with it
    │   │   └── BatchNotAllowed 403  its caller may not make some of its changes
    │   ├── MassChange          422  a batch changes more of a zone than its thresholds allow
    │   └── NotApprovable       409  what is to be approved would fail
    ├── DomainError                  one thing that DNS, or this service, does not allow; becomes a Reason
    │   ├── InvalidName
    │   └── InvalidRdata
    ├── Forbidden               403
    │   ├── RightMissing             the role of the caller has no right to such calls
    │   ├── NotAllowed               the caller may not make this change
    │   ├── NoApprover               the caller does not decide about such changes
    │   └── FourEyes                 the caller may have asked for it himself
    ├── QuotaExceeded           429  the account has used what it may: again after `retry_after` seconds
    │   ├── OpenRequestsExceeded
    │   ├── RecordsExceeded
    │   └── RequestsExceeded
    ├── TooManyFollowers        429  those who call for the account follow as many requests as they may
    ├── NotFound                404
    │   ├── BatchNotFound
    │   ├── GrantNotFound
    │   ├── QuotaNotFound
    │   ├── PlanNotFound
    │   ├── RequestNotFound
    │   ├── TokenNotFound
    │   ├── TransferNotFound
    │   ├── WebhookNotFound
    │   ├── DeliveryNotFound
    │   └── ZoneNotFound
    ├── Conflict                409
    │   ├── IdempotencyKeyReused
    │   ├── RequestRunning
    │   ├── RequestSettled
    │   ├── RequestNotRetryable
    │   ├── RequestNotUndoable
    │   ├── UndoneAlready
    │   ├── NothingToUndo
    │   ├── StateUnknown
    │   ├── UndoConflict
    │   ├── PlanStale
    │   ├── ReviewStale
    │   ├── NotAwaitingApproval
    │   ├── RequesterDenied
    │   ├── PlanUnreadable
    │   ├── NothingToTransfer
    │   ├── TransferClosed
    │   ├── TransferStale
    │   ├── TransferTooLarge
    │   ├── TooManyOffers
    │   ├── TooManyWebhooks
    │   ├── ZoneNotServed
    │   ├── ImportRunning
    │   ├── ZoneExists
    │   ├── ZoneInUse
    │   ├── ZoneNotImported
    │   └── NothingDrifted
    ├── Unavailable             503  passes by itself: the client may try again after `retry_after` seconds
    │   ├── Overloaded
    │   ├── BacklogFull
    │   ├── IssuerUnavailable        nobody can tell whether an OIDC access token is good
    │   └── ServersNotAsked
    │       └── AnswerUnreadable
    ├── LeaseLost                    another worker drains the zone; this and those below reach no client
    └── InventoryError               the inventory can't be used
        └── UnknownBackend

`code` is stable and meant for programs, the text for people. `status` is what an HTTP door answers, by one
handler for all of them. An error that never leaves its own folder is defined there.
"""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import ClassVar, NamedTuple

from app.domain.change import RRsetKey, RRsetState

HIDDEN_CODE = "hidden"  # in check mode: what is there, which decides about the change, no server shows

_MAX_QUOTED = 60  # characters of a requester's text that a message repeats


class Reason(NamedTuple):
    """One reason why something can't be accepted: its place, a stable code, and words for a person."""

    loc: tuple[str | int, ...]
    code: str
    message: str
    told: str | None = None  # to requesters, where the words have names of others in them


class Error(Exception):
    """The root of the tree."""

    code: str = "internal"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    retry_after: int | None = None  # seconds, where it passes by itself


class InvalidInput(Error):
    """What a client sent can't be accepted. `where` is the part of the call: body, query, or header."""

    code = "invalid_input"
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, reasons: Iterable[Reason], where: str = "body") -> None:
        self.reasons: Sequence[Reason] = tuple(
            reason._replace(loc=(where, *reason.loc)) for reason in reasons
        )
        super().__init__("; ".join(reason.message for reason in self.reasons))

    def also(self, other: "InvalidInput") -> "InvalidInput":
        """Return this error with the other's reasons behind its own."""
        both = InvalidInput(())
        both.reasons = (*self.reasons, *other.reasons)
        return both


class InvalidFilter(InvalidInput):
    """A query parameter can't be used."""

    def __init__(self, parameter: str, code: str, message: str) -> None:
        super().__init__([Reason((parameter,), code, message)], "query")


class BatchRefused(InvalidInput):
    """An atomic batch has items that can't be accepted; nothing of it was stored."""


class BatchKeysReused(BatchRefused):
    """A batch's key was used with another body, or items' keys are all that is wrong with an atomic one."""

    code = "idempotency_key_reused"
    status = HTTPStatus.CONFLICT


class BatchNotAllowed(BatchRefused):
    """The caller may not make some of an atomic batch's changes, which is all that is wrong with it."""

    code = "not_allowed"
    status = HTTPStatus.FORBIDDEN


class MassChange(InvalidInput):
    """A batch changes more of a zone than its thresholds allow; nothing of it was stored."""


class NotApprovable(InvalidInput):
    """As the servers are now, some of what is to be approved would fail, or nobody knows."""

    code = "not_approvable"
    status = HTTPStatus.CONFLICT


class DomainError(Error, ValueError):
    """One thing that DNS, or this service, does not allow. `code` differs from one error to the next."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message

    def reason(self, *loc: str | int) -> Reason:
        """Return the error as the reason against what stands at `loc`."""
        return Reason(loc, self.code, self.message)


class InvalidName(DomainError):
    """Not a name that a zone could hold."""


class InvalidRdata(DomainError):
    """Not a value that a record of this type could hold."""


class Forbidden(Error):
    """The caller is known, and may not do this."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN


class RightMissing(Forbidden):
    """None of the caller's roles has a right to such calls."""

    code = "right_missing"

    def __init__(self, right: str) -> None:
        super().__init__(f"none of your roles has the right that this call needs: {right}")


class NotAllowed(Forbidden):
    """The caller may not make this change."""

    code = "not_allowed"

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.code = reason.code


class NoApprover(Forbidden):
    """The caller is none of those who approve changes of the zone."""

    code = "no_approver"

    def __init__(self, zones: Iterable[str]) -> None:
        super().__init__(f"you are no approver of {', '.join(sorted(zones))}")


class FourEyes(Forbidden):
    """Nobody approves, or rejects, what he may have asked for himself."""

    code = "four_eyes"


# Codes of reasons that are about who asks, and not about what is asked for.
NOT_ALLOWED_CODES = frozenset({"not_allowed", "not_owner", "name_reserved"})


class QuotaExceeded(Error):
    """An account has, or has asked for, as much as it may."""

    code = "quota_exceeded"
    status = HTTPStatus.TOO_MANY_REQUESTS


class OpenRequestsExceeded(QuotaExceeded):
    """More requests of the account are open, or are scheduled, than may be."""

    code = "quota_open"
    retry_after = 10

    def __init__(self, account: str, number: int, limit: int, state: str = "open") -> None:
        super().__init__(f"{number} requests of {account} are {state}, {limit} may be; try again later")


class RecordsExceeded(QuotaExceeded):
    """The account owns as many RRsets as it may, or will when what is open has been applied."""

    code = "quota_records"

    def __init__(self, account: str, number: int, still_open: int, limit: int, given: int = 0) -> None:
        self.retry_after = 10 if still_open else 60  # what is open may make fewer than it could
        waiting = f", and {still_open} requests of it are open" if still_open else ""
        refused = f"{given} more are too many" if given else "no new one"
        super().__init__(f"{account} owns {number} RRsets{waiting}: {refused}, {limit} are the most")


class RequestsExceeded(QuotaExceeded):
    """As many requests of the account were accepted within the last minute as may be."""

    code = "quota_requests"

    def __init__(self, account: str, limit: int, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"{limit} requests of {account} may be accepted within a minute: again in {retry_after} seconds"
        )


class TooManyFollowers(Error):
    """Those who call for the same accounts follow as many requests as they may at the same time."""

    code = "too_many_followers"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retry_after = 10

    def __init__(self) -> None:
        super().__init__("as many requests are followed for your accounts as may be at the same time")


class NotFound(Error):
    """There is nothing of that name or id."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class RequestNotFound(NotFound):
    """There is no request of that id."""

    code = "request_unknown"

    def __init__(self) -> None:
        super().__init__("there is no such request")


class BatchNotFound(NotFound):
    """There is no batch of that id."""

    code = "batch_unknown"

    def __init__(self) -> None:
        super().__init__("there is no such batch")


class QuotaNotFound(NotFound):
    """The account has no quota of its own."""

    code = "quota_unknown"

    def __init__(self) -> None:
        super().__init__("this account has no quota of its own: the defaults count")


class RunNotFound(NotFound):
    """There is no run of that id."""

    code = "run_unknown"

    def __init__(self) -> None:
        super().__init__("there is no such run")


class DeadLetterNotFound(NotFound):
    """There are no dead letters at such offsets."""

    code = "dead_letter_unknown"

    def __init__(self) -> None:
        super().__init__("there are no such dead letters any more: look at the list again")


class TokenNotFound(NotFound):
    """There is no token with that prefix."""

    code = "token_unknown"

    def __init__(self) -> None:
        super().__init__("there is no such token")


class TransferNotFound(NotFound):
    """There is no transfer of that id, or it is between others."""

    code = "transfer_unknown"

    def __init__(self) -> None:
        super().__init__("there is no such transfer")


class WebhookNotFound(NotFound):
    """There is no webhook of that id, or it is another account's."""

    code = "webhook_unknown"

    def __init__(self) -> None:
        super().__init__("there is no such webhook")


class DeliveryNotFound(NotFound):
    """There is no delivery of that id to the webhook, or not any more."""

    code = "delivery_unknown"

    def __init__(self) -> None:
        super().__init__("there is no such delivery to this webhook; they are kept for a while")


class GrantNotFound(NotFound):
    """There is no grant of that id."""

    code = "grant_unknown"

    def __init__(self) -> None:
        super().__init__("there is no such grant")


class PlanNotFound(NotFound):
    """There is no plan of that id, or not any more."""

    code = "plan_unknown"

    def __init__(self) -> None:
        super().__init__("there is no such plan; one is kept for an hour, unless many are made after it")


class ZoneNotFound(NotFound):
    """The zone is not served."""

    code = "zone_unknown"

    def __init__(self, zone: str, in_views: Sequence[str] = ()) -> None:
        others = f"its name is served as {', '.join(in_views)}" if in_views else None
        where = others or "GET /api/v1/zones lists those that there are"
        super().__init__(f"there is no zone {quoted(zone)}: {where}")


class RRsetNotFound(NotFound):
    """Nothing is recorded of the RRset."""

    code = "rrset_unknown"

    def __init__(self, zone: str, key: RRsetKey) -> None:
        super().__init__(f"nothing is recorded of {key} in {zone}")


class Conflict(Error):
    """It does not fit what is stored."""

    code = "conflict"
    status = HTTPStatus.CONFLICT


class IdempotencyKeyReused(Conflict):
    """The idempotency key was used with another body."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("this idempotency key was used with another body")


class IdempotencyKeySpent(IdempotencyKeyReused):
    """The request that the idempotency key stands for is no longer kept."""

    code = "idempotency_key_spent"

    def __init__(self) -> None:
        Conflict.__init__(
            self, "this idempotency key was used before; what became of its request is no longer kept"
        )


class RequestRunning(Conflict):
    """A worker applies the request now: nobody can cancel it."""

    code = "request_running"

    def __init__(self) -> None:
        super().__init__("a worker applies this request now; try again when it has ended")


class RequestSettled(Conflict):
    """The request has ended already."""

    code = "request_settled"

    def __init__(self, status: str) -> None:
        super().__init__(f"this request has {status} already: there is nothing left to cancel")


class RequestNotRetryable(Conflict):
    """Only a request that has failed, or was cancelled, can be retried."""

    code = "request_not_retryable"

    def __init__(self, status: str, *, just_ended: bool = False) -> None:
        this = f"{'has' if status == 'succeeded' else 'is'} {status}"
        hint = " since this moment: retry it again" if just_ended else ""
        super().__init__(f"only a failed or a cancelled request can be retried; this one {this}{hint}")


class RequestNotUndoable(Conflict):
    """Only a request that has succeeded can be undone."""

    code = "request_not_undoable"

    def __init__(self, status: str) -> None:
        this = f"{'has' if status == 'failed' else 'is'} {status}"
        super().__init__(f"only a request that has succeeded can be undone; this one {this}")


class UndoneAlready(Conflict):
    """Another request takes this one back, or has done so."""

    code = "undone_already"

    def __init__(self, undone_by: object, status: str, taken_back_by: object | None = None) -> None:
        if status != "succeeded":
            now = f"is {status}; while it waits it can be cancelled, and undone when it has succeeded"
        elif taken_back_by is not None:
            now = f"has succeeded; the request {taken_back_by}, which takes that back, is not settled yet"
        else:
            now = "has succeeded, and can be undone itself"
        super().__init__(f"the request {undone_by} undoes this one already: it {now}")


class NothingToUndo(Conflict):
    """The request has changed nothing."""

    code = "unchanged"

    def __init__(self) -> None:
        super().__init__("this request has changed nothing: the RRset was so before")


class StateUnknown(Conflict):
    """Nobody has told what was there before the request, or after it."""

    code = "state_unknown"

    def __init__(self) -> None:
        super().__init__("what was there before this request, or after it, is not known")


class UndoConflict(Conflict):
    """The RRset is not the one that the request has made: it was changed since."""

    code = "undo_conflict"

    def __init__(self, zone: str, key: RRsetKey, changed_by: object | None = None) -> None:
        by = f", last by the request {changed_by}" if changed_by else ""
        super().__init__(
            f"the RRset was changed since this request{by}: to undo it would take that back, too;"
            f" GET /api/v1/zones/{zone}/rrsets/{key.name}/{key.type}/history shows what requests have done"
        )


class ImportRunning(Conflict):
    """The zone is being imported."""

    code = "import_running"

    def __init__(self, zone: str) -> None:
        super().__init__(f"{zone} is being imported: GET /api/v1/zones/{zone}/import shows how far that is")


class MovedRRset(NamedTuple):
    """An RRset that is not any more as a plan has seen it."""

    zone: str
    key: RRsetKey
    before: RRsetState  # as the plan has it
    now: RRsetState


class PlanStale(Conflict):
    """What a plan is based on has changed since; nothing of it was stored."""

    code = "plan_stale"

    def __init__(self, moved: Sequence[MovedRRset]) -> None:
        self.moved = moved
        have = "1 RRset has" if len(moved) == 1 else f"{len(moved)} RRsets have"
        super().__init__(f"{have} changed since this was planned: plan it again")


class PreconditionFailed(Error):
    """The RRset is not the one that the call expects; nothing was stored."""

    code = "precondition_failed"
    status = HTTPStatus.PRECONDITION_FAILED

    def __init__(self, zone: str, key: RRsetKey) -> None:
        super().__init__(f"{key} in {zone} is recorded otherwise than the call expects: read it again")


class ReviewStale(Conflict):
    """What the servers have is not what the approver has seen; nothing was approved."""

    code = "plan_stale"

    def __init__(self) -> None:
        super().__init__("what would change is not what you have seen: look at the review again")


class NotAwaitingApproval(Conflict):
    """There is nothing to approve or reject: it is decided, or never had to be approved."""

    code = "not_awaiting_approval"

    def __init__(self, status: str) -> None:
        super().__init__(f"this request does not wait for an approval: its status is {status}")


class RequesterDenied(Conflict):
    """A grant denies by now what was asked for."""

    code = "requester_denied"

    def __init__(self, why: str) -> None:
        super().__init__(f"who has asked for this may not make the change any more: {why}")


class PlanUnreadable(Conflict):
    """A plan was kept in a form that this API does not know: by another release."""

    code = "plan_unreadable"

    def __init__(self) -> None:
        super().__init__("this plan was kept by another release and can't be read here: plan it again")


class NothingToTransfer(Conflict):
    """The account owns nothing of what is to be offered; the text says what."""

    code = "nothing_to_transfer"


class TransferClosed(Conflict):
    """The offer was accepted, declined or withdrawn, or has expired."""

    code = "transfer_closed"

    def __init__(self, status: str) -> None:
        this = "has" if status == "expired" else "was"
        super().__init__(f"this offer {this} {status}")


class TransferStale(Conflict):
    """What was offered is not the offerer's any more."""

    code = "transfer_stale"

    def __init__(self) -> None:
        super().__init__("what was offered is not the account's any more that has offered it")


class TransferTooLarge(Conflict):
    """More RRsets would be transferred than can be at once."""

    code = "transfer_too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most} RRsets: offer them in parts, by narrower patterns or types")


class TooManyWebhooks(Conflict):
    """The account has as many webhooks as it may."""

    code = "too_many_webhooks"

    def __init__(self, most: int) -> None:
        super().__init__(f"there may be {most} webhooks of one account: remove one first")


class TooManyOffers(Conflict):
    """The account offers as much as it may at a time."""

    code = "too_many_offers"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} offers of this account are waiting already: withdraw some")


class ZoneNotServed(Conflict):
    """The request's zone is not served any more."""

    code = "zone_not_served"

    def __init__(self, zone: str) -> None:
        super().__init__(f"the zone {zone} is not served any more")


class ZoneExists(Conflict):
    """The zone is served already."""

    code = "zone_exists"

    def __init__(self, zone: str, backend: str) -> None:
        super().__init__(f"the zone {zone} is served already, by {backend}")
        self.zone = zone
        self.backend = backend


class ZoneInUse(Conflict):
    """Requests for the zone are not settled yet."""

    code = "zone_in_use"

    def __init__(self) -> None:
        super().__init__(
            "requests for this zone are not settled yet: ?cancel_open=true cancels those that wait;"
            " those that are running end by themselves"
        )


class ZoneNotImported(Conflict):
    """The zone is not known as a whole."""

    code = "zone_not_imported"

    def __init__(self, zone: str) -> None:
        super().__init__(
            f"the zone {zone} was not imported, so it is not known as a whole:"
            f" POST /api/v1/zones/{zone}/import does it"
        )


class NothingDrifted(Conflict):
    """What is to be adopted or restored has not drifted, or has no more."""

    code = "nothing_drifted"

    def __init__(self, zone: str) -> None:
        super().__init__(
            f"nothing of this in the zone {zone} has drifted, or requests restore it already:"
            " what has is in GET …/drift"
        )


class Unavailable(Error):
    """Something that is needed does not answer now."""

    code = "unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class Overloaded(Unavailable):
    """More of something is in hand than may be: submissions for the database, say."""

    code = "overloaded"
    retry_after = 2

    def __init__(self, words: str = "more requests wait to be stored than may wait; try again") -> None:
        super().__init__(words)


class BacklogFull(Unavailable):
    """More requests are open in all than may be; how many, is about everybody, and told to nobody."""

    code = "backlog_full"
    retry_after = 10

    def __init__(self, whose: str, limit: int) -> None:
        super().__init__(f"as many requests are {whose} as may be, {limit}; try again later")


class IssuerUnavailable(Unavailable):
    """The OIDC issuer's keys are not known, or were read too long ago; the log says why."""

    code = "issuer_unavailable"
    retry_after = 10

    def __init__(self) -> None:
        super().__init__(
            "the keys of the OIDC issuer can't be had now: its tokens can't be checked; try again"
        )


class ServersNotAsked(Unavailable):
    """No worker has asked the DNS servers; the text says why."""

    code = "servers_not_asked"


class AnswerUnreadable(ServersNotAsked):
    """A worker has answered in a form that this API does not know: it is of another release."""

    code = "answer_unreadable"

    def __init__(self) -> None:
        super().__init__(
            "a worker has answered in a form that this API can't read: try again when all processes have"
            " the same release; a plan by the records needs no worker"
        )


class LeaseLost(Error):
    """Another worker holds the zone: what this one knows about its requests is out of date."""

    code = "lease_lost"


class InventoryError(Error):
    """The inventory, or what it says of a backend, can't be used; the text says why."""

    code = "inventory_unusable"


class UnknownBackend(InventoryError):
    """The inventory has no host of that name."""

    code = "backend_unknown"


def quoted(text: str) -> str:
    """Return `text` in quotes for a message: shortened, as it is but for unprintable characters."""
    shown = shortened(text, _MAX_QUOTED)
    mark = '"' if "'" in shown and '"' not in shown else "'"
    return mark + "".join(each if each.isprintable() else repr(each)[1:-1] for each in shown) + mark


def shortened(text: str, limit: int) -> str:
    """Return `text`, cut to `limit` characters and an ellipsis where it is longer."""
    return text if len(text) <= limit else text[:limit] + "…"
