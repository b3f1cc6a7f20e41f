"""The tables."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.domain.approval import Verdict
from app.domain.change import Action, Via
from app.domain.checks import Checks
from app.domain.lifecycle import OPEN, Status
from app.domain.origin import DriftKind, ImportState, Origin
from app.domain.permissions import Effect
from app.domain.transfer import TransferStatus
from app.domain.webhook import DeliveryStatus, WhyDisabled


def _word(words: type[StrEnum], length: int = 16) -> Enum:
    """Return a column type for one of the words as text; a constraint of the table refuses any other."""
    return Enum(
        words, native_enum=False, length=length, values_callable=lambda kind: [str(word) for word in kind]
    )


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


class Base(DeclarativeBase):
    """The base of all tables. Every constraint has a name, which migrations need."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: DateTime(timezone=True),
        str: Text(),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
        bytes: LargeBinary(),
    }


class Zone(Base):
    """A zone that is served, and the backend that serves it."""

    __tablename__ = "dns_zones"

    name: Mapped[str] = mapped_column(primary_key=True)  # its key, as everywhere: domain/zone_key.py
    backend: Mapped[str]  # a host of the inventory
    checks: Mapped[Checks] = mapped_column(_word(Checks), server_default=Checks.WARN.value)
    # The other settings, in the shape of the API: those that were set (domain/zone_settings.py).
    settings: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    __table_args__ = (
        CheckConstraint(_one_of("checks", tuple(Checks)), name="checks"),
        Index("ix_dns_zones_dns_name", text("split_part(name, '@', 1)")),
    )


class Backend(Base):
    """A DNS service that some worker's inventory names, or that was unavailable at some time."""

    __tablename__ = "dns_backends"

    name: Mapped[str] = mapped_column(primary_key=True)  # a host of the inventory
    seen_at: Mapped[datetime | None]  # when a worker last found it in its inventory
    failures: Mapped[int] = mapped_column(server_default="0")  # in a row
    failing_since: Mapped[datetime | None]
    fault_code: Mapped[str | None]
    fault: Mapped[str | None]  # in words, for operators
    paused_until: Mapped[datetime | None]
    probed_by: Mapped[str | None]  # the zone that probes the backend, while it is leased
    max_runs: Mapped[int | None]  # at the same time, as the workers' inventory says; None: any number
    # The conditions of changes that its playbook honours, as a worker has found it last; None: not known
    honours: Mapped[list[str] | None]


class ZoneLease(Base):
    """Who drains a zone now, and how long the zone rests after a failure.

    A table of its own, so that a drain does not write to `dns_zones`, which every request reads.
    """

    __tablename__ = "dns_zone_leases"

    zone: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[int] = mapped_column(BigInteger)  # the fencing token: grows with every holder
    nonce: Mapped[UUID | None]  # of the holder: a standby may give a token out a second time
    holder: Mapped[str]
    expires_at: Mapped[datetime]
    claimed_from: Mapped[int | None] = mapped_column(BigInteger)  # the range of `seq` that was claimed last
    claimed_to: Mapped[int | None] = mapped_column(BigInteger)
    # No open request of the zone has a `seq` below the floor: settled ones, which a long snapshot keeps in
    # the index, are passed over. The next floor takes its place when it is old enough (store/queue_floor.py).
    seq_floor: Mapped[int] = mapped_column(BigInteger, server_default="0")
    next_floor: Mapped[int | None] = mapped_column(BigInteger)
    next_floor_at: Mapped[datetime | None]
    # The number of the transaction that has noted it, itself, and the place behind what was claimed then
    # (store/queue_floor.py): an older release leaves them as they are
    next_floor_seen: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    next_account: Mapped[str | None]  # of several that wait, whose requests come first in the next run
    kicked_at: Mapped[datetime | None]  # by a sweep, since the last holder
    kicks: Mapped[int] = mapped_column(server_default="0")  # how often
    failures: Mapped[int] = mapped_column(server_default="0")  # in a row
    failing_since: Mapped[datetime | None]
    fault_code: Mapped[str | None]
    fault: Mapped[str | None]  # in words, for operators
    paused_until: Mapped[datetime | None]


# From one `seq` to the next: those of a group are given what is between, and so stand together in the queue.
SEQ_STEP = 1_024

# Scheduled requests have a `seq` from this one on. They keep the order of acceptance among themselves, and
# stand behind every queue: who looks for work ends there. One that is due gets a place in its zone's queue.
SCHEDULED_FROM = 2**62
SCHEDULED = f"finished_at IS NULL AND seq >= {SCHEDULED_FROM}"

# Those that nobody has approved stand before every queue: theirs is negative, and grows, too.
UNAPPROVED_FROM = -(2**62)
UNAPPROVED = "seq < 0"  # also when it was rejected or cancelled
AWAITING = f"finished_at IS NULL AND {UNAPPROVED}"

QUEUED = f"finished_at IS NULL AND seq >= 0 AND seq < {SCHEDULED_FROM}"  # in the queue of the zone

# PostgreSQL leaves out the partitions below :open_from, which is what store/open_floor.py reads. In these
# words that is no condition for an index: by ids, whose statistics may be old, it would find too much.
SINCE_FLOOR = "(id >= :open_from OR id = :open_from)"
SINCE_FLOOR_OF_REQUEST = "(request.id >= :open_from OR request.id = :open_from)"
OPEN_ONLY = f"finished_at IS NULL AND {SINCE_FLOOR}"
# Whether nobody has lowered that floor since it was read: a request that was opened again may stand before
# what a statement finds. Who keeps to the order then takes nothing.
SEES_ALL = "(:open_from <= coalesce((SELECT floor FROM dns_open_floor), :open_from))"

# What is true of cancelled requests only, without their status: claims change that.
CANCELLED = "finished_at IS NOT NULL AND error_code IS NULL AND verified_at IS NULL"


class Request(Base):
    """One asked-for change, from acceptance until it is settled."""

    __tablename__ = "dns_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # version 7: grows with time
    # The order of acceptance. One that is retried, due or approved gets a new one: the end of the queue.
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=False, increment=SEQ_STEP))
    batch_id: Mapped[UUID | None]
    # The group of those that are all or none: each `seq` follows on the one before, and nobody's is between
    atomic_id: Mapped[UUID | None]
    action: Mapped[Action] = mapped_column(_word(Action))
    status: Mapped[Status] = mapped_column(_word(Status, 32), server_default=Status.PENDING.value)
    account_id: Mapped[str]
    source: Mapped[str]  # what the client says it comes from
    via: Mapped[Via] = mapped_column(_word(Via), server_default=Via.API.value)  # the door
    resource: Mapped[dict[str, Any]]  # as it was asked for
    zone: Mapped[str]
    name: Mapped[str]  # the owner name in canonical form
    record_type: Mapped[str]
    ttl: Mapped[int]  # seconds
    rdata: Mapped[list[str]]  # canonical; empty for "the whole RRset"
    # The RRset that must be there for the change to be applied: {"ttl": seconds or null, "rdata": […]}
    expect: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    # The RRset before and after it, in the same form; NULL where that is not known
    before: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    after: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    # What each server has answered last: domain/server_answers.py; NULL while none was asked
    answers: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True), deferred=True)
    undoes: Mapped[UUID | None]  # the request that it takes back
    undone_by: Mapped[UUID | None]  # the last request that was to take it back
    ptr_of: Mapped[UUID | None]  # the request that has the address of which it keeps the PTR
    review_id: Mapped[UUID | None]  # the last review that it was part of
    reason: Mapped[str | None]  # why it is asked for, in the words of who asks
    ticket: Mapped[str | None]  # where more is said about it
    traceparent: Mapped[str | None]  # the span in which it was accepted, where traces are made
    idempotency_key: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="0")  # runs that it was part of
    lost_runs: Mapped[int] = mapped_column(server_default="0")  # those whose outcome stayed unknown
    run_id: Mapped[UUID | None]
    lease_token: Mapped[int | None] = mapped_column(BigInteger)
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]  # and of one that is open: what keeps it from going on
    not_before: Mapped[datetime | None]  # as it was asked for: also a time that had passed already
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    verify_by: Mapped[datetime | None]  # the deadline of verification
    check_at: Mapped[datetime | None]  # when to ask the servers again, or to try it again
    verified_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(_one_of("status", tuple(Status)), name="status"),
        CheckConstraint(_one_of("action", tuple(Action)), name="action"),
        CheckConstraint(_one_of("via", tuple(Via)), name="via"),
        CheckConstraint("ttl BETWEEN 0 AND 2147483647", name="ttl"),
        CheckConstraint(f"({_one_of('status', OPEN)}) = (finished_at IS NULL)", name="open"),
        CheckConstraint(
            f"({_one_of('status', (Status.FAILED, Status.REJECTED))}) = (error_code IS NOT NULL)",
            name="failed",
        ),
        CheckConstraint(
            f"(status = '{Status.AWAITING_APPROVAL}') = ({AWAITING})"
            f" AND (status <> '{Status.AWAITING_APPROVAL}' OR review_id IS NOT NULL)",
            name="awaiting",
        ),
        CheckConstraint(f"(status = '{Status.CANCELLED}') = ({CANCELLED})", name="cancelled"),
        CheckConstraint(
            f"(status = '{Status.SCHEDULED}') = ({SCHEDULED})"
            f" AND (seq < {SCHEDULED_FROM} OR not_before IS NOT NULL)",
            name="scheduled",
        ),
        # The status is in no index: a claim then changes none, as long as the row's page has room (heap-only
        # tuples).
        Index("ix_dns_requests_open", "zone", "seq", postgresql_where=text("finished_at IS NULL")),
        # For one account after the other, where several wait (store/shares.py). Their order is the one in
        # which Python sorts them.
        Index(
            "ix_dns_requests_shares",
            "zone",
            text('account_id COLLATE "C"'),
            "seq",
            postgresql_where=text(QUEUED),
        ),
        Index("ix_dns_requests_verifying", "zone", "name", postgresql_where=text("verify_by IS NOT NULL")),
        Index("ix_dns_requests_open_id", "id", postgresql_where=text("finished_at IS NULL")),
        Index("ix_dns_requests_ptr", "ptr_of", postgresql_where=text("ptr_of IS NOT NULL")),
        Index("ix_dns_requests_ptr_target", "rdata", postgresql_where=text("ptr_of IS NOT NULL")),
        Index("ix_dns_requests_atomic", "atomic_id", postgresql_where=text("atomic_id IS NOT NULL")),
        # Nothing is written to these two by a request that is not scheduled.
        Index("ix_dns_requests_scheduled", "not_before", "seq", postgresql_where=text(SCHEDULED)),
        Index("ix_dns_requests_scheduled_id", "id", postgresql_where=text(SCHEDULED)),
        # Nor to these by one that needs no approval.
        Index("ix_dns_requests_awaiting", "id", postgresql_where=text(AWAITING)),
        Index("ix_dns_requests_review", "review_id", postgresql_where=text("review_id IS NOT NULL")),
        Index("ix_dns_requests_failed", "id", postgresql_where=text("error_code IS NOT NULL")),
        Index("ix_dns_requests_failed_zone", "zone", "id", postgresql_where=text("error_code IS NOT NULL")),
        Index(
            "ix_dns_requests_failed_account",
            "account_id",
            "id",
            postgresql_where=text("error_code IS NOT NULL"),
        ),
        Index(
            "ix_dns_requests_failed_code", "error_code", "id", postgresql_where=text("error_code IS NOT NULL")
        ),
        Index("ix_dns_requests_cancelled", "id", postgresql_where=text(CANCELLED)),
        Index("ix_dns_requests_account", "account_id", "id"),
        Index("ix_dns_requests_zone", "zone", "id"),
        Index("ix_dns_requests_name", "name", "id"),
        {"postgresql_partition_by": "RANGE (id)"},  # each partition has a fillfactor of 50
    )


class IdempotencyKey(Base):
    """A key, and the request that it stands for: the first one that was sent with it."""

    __tablename__ = "dns_idempotency_keys"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[UUID]  # its time is the key's age


class OpenFloor(Base):
    """One row: no request below the floor is open, so older partitions are not looked at for open work."""

    __tablename__ = "dns_open_floor"

    id: Mapped[int] = mapped_column(primary_key=True)
    floor: Mapped[UUID]
    next_floor: Mapped[UUID | None]  # becomes the floor when it is a day old: store/open_floor.py
    next_floor_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class Review(Base):
    """Requests of one call, for one zone, which wait to be approved or rejected together."""

    __tablename__ = "dns_reviews"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    zones: Mapped[list[str]]  # whose approvers have to approve: also that of a PTR
    why: Mapped[str]  # they are reviewed, in words
    principal: Mapped[str]  # who has asked
    roles: Mapped[list[str]]  # his
    asks_as: Mapped[list[str]]  # who may stand behind him (domain/permissions.py)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    verdict: Mapped[Verdict | None] = mapped_column(_word(Verdict))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]  # a principal
    comment: Mapped[str | None]  # his

    __table_args__ = (
        CheckConstraint(_one_of("verdict", tuple(Verdict)), name="verdict"),
        CheckConstraint("(verdict IS NULL) = (decided_at IS NULL)", name="decided"),
        Index("ix_dns_reviews_undecided", "expires_at", postgresql_where=text("decided_at IS NULL")),
    )


class Batch(Base):
    """Many requests that came in one call. Others' ids may lie between the first one's and the last one's."""

    __tablename__ = "dns_batches"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    first_request_id: Mapped[UUID]
    last_request_id: Mapped[UUID]
    digest: Mapped[bytes | None]  # of its body, where the batch has an idempotency key
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Plan(Base):
    """A plan, which can be applied until it expires."""

    __tablename__ = "dns_plans"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    account_id: Mapped[str | None]  # of all its items; None where they have several
    batch_id: Mapped[UUID | None]  # what it has become when it was applied
    content: Mapped[bytes]  # compressed JSON: services/plan/keep.py


class RequestEvent(Base):
    """A line of a request's log: every change of its status, and why."""

    __tablename__ = "dns_request_events"

    # No foreign key: an event is written by the statement that writes its request. To check (and lock) each
    # request again would cost a quarter of storing it.
    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    run_id: Mapped[UUID | None]  # the run that the change of status belongs to
    status: Mapped[Status] = mapped_column(_word(Status, 32))
    message: Mapped[str]  # for operators
    told: Mapped[str | None]  # the same for requesters; None: they are told the status only
    changes_status: Mapped[bool] = mapped_column(server_default=true())  # or says more of the same one


class EventListener(Base):
    """Who is told of each change of a request's status: Kafka, or webhooks.

    Whoever writes to a request's log reads it (the trigger `fill_outbox`): it is written to only when a
    listener is switched on or off.
    """

    __tablename__ = "dns_event_listeners"

    name: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(server_default=func.now())


class OutboxEvent(Base):
    """An event that a listener has not got yet: a change of a request's status, and the request as it was.

    Written by a trigger on the log of requests, in the transaction that changes the status.
    """

    __tablename__ = "dns_outbox"

    listener: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]  # the same for all listeners
    request_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(BigInteger)  # grows from one event of a request to the next
    at: Mapped[datetime]
    status: Mapped[str]
    told: Mapped[str | None]
    action: Mapped[str]
    account_id: Mapped[str]
    source: Mapped[str]
    via: Mapped[str]
    zone: Mapped[str]
    resource: Mapped[dict[str, Any]]
    ttl: Mapped[int]
    not_before: Mapped[datetime | None]
    batch_id: Mapped[UUID | None]
    error_code: Mapped[str | None]
    traceparent: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class PublisherLease(Base):
    """Which worker publishes a listener's events."""

    __tablename__ = "dns_publisher_leases"

    listener: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[UUID]  # made anew by each process
    expires_at: Mapped[datetime]
    # No event that is not published has a smaller id (services/events/floor.py)
    floor: Mapped[int] = mapped_column(BigInteger, server_default="0")
    wanted_at: Mapped[datetime | None]  # when a worker last said that it is to be published to


class Record(Base):
    """An RRset as the authoritative servers last answered it, which requests changed or an import found."""

    __tablename__ = "dns_records"

    zone: Mapped[str] = mapped_column(primary_key=True)  # a name can be in two: NS at a zone cut
    name: Mapped[str] = mapped_column(primary_key=True)
    record_type: Mapped[str] = mapped_column(primary_key=True)
    ttl: Mapped[int]
    rdata: Mapped[list[str]]
    account_id: Mapped[str | None]  # whose request changed it last; None: no request did
    owner: Mapped[str | None]  # the account whose request has made it; None: nobody knows of one
    request_id: Mapped[UUID | None]
    origin: Mapped[Origin] = mapped_column(_word(Origin), server_default=Origin.REQUEST.value)
    comment: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint(_one_of("origin", tuple(Origin)), name="origin"),
        Index("ix_dns_records_name", "name", "record_type"),
        Index("ix_dns_records_account", "account_id", "zone", "name", "record_type"),
        Index(
            "ix_dns_records_owner",
            "owner",
            "zone",
            "name",
            "record_type",
            postgresql_where=text("owner IS NOT NULL"),
        ),
    )


class ZoneState(Base):
    """What is known of a zone as a whole: its import, and its serials on the servers.

    A table of its own, as that of the leases: requests read `dns_zones`, the watcher writes here.
    """

    __tablename__ = "dns_zone_states"

    zone: Mapped[str] = mapped_column(primary_key=True)
    import_state: Mapped[ImportState | None] = mapped_column(_word(ImportState))  # of the last import
    import_from: Mapped[str | None]  # what it reads: services/zones/imports.py
    import_wanted_at: Mapped[datetime | None]
    import_started_at: Mapped[datetime | None]
    import_finished_at: Mapped[datetime | None]
    import_rrsets: Mapped[int | None]  # how many it has read so far
    import_code: Mapped[str | None]  # why it failed
    import_error: Mapped[str | None]  # the same in words, for operators
    import_result: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # what it has found
    imported_at: Mapped[
        datetime | None
    ]  # when an import last succeeded; None: the zone is not known as a whole
    # The serial of the primary up to which the records are true, and the SOA record that it had then
    known_serial: Mapped[int | None] = mapped_column(BigInteger)
    soa_ttl: Mapped[int | None]
    soa: Mapped[str | None]  # RDATA
    # By server: {"serial", "since", "error"}. Written only when something of it has changed
    servers: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    checked_at: Mapped[datetime | None]
    full_compare_at: Mapped[datetime | None]  # when the whole zone was last compared with the records
    compare_wanted_at: Mapped[datetime | None]  # when somebody has asked for that; None: nobody has since
    watch_error: Mapped[str | None]  # why its changes can't be read, for operators
    last_check: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # services/zones/check_orders.py

    __table_args__ = (
        CheckConstraint(_one_of("import_state", tuple(ImportState)), name="import_state"),
        Index(
            "ix_dns_zone_states_importing",
            "zone",
            postgresql_where=text(f"import_state IN ('{ImportState.WANTED}', '{ImportState.RUNNING}')"),
        ),
    )


class WatchLease(Base):
    """Which worker watches the zones of a backend: it asks for their serials every few seconds."""

    __tablename__ = "dns_watch_leases"

    backend: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[UUID]  # made anew by each process
    expires_at: Mapped[datetime]
    looked_at: Mapped[datetime | None]  # when its servers were last asked, to within a lease


class PostedZone(Base):
    """A master file that was posted for an import, until a worker has read it."""

    __tablename__ = "dns_zone_imports"

    zone: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes]  # compressed: services/zones/imports.py
    posted_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Drift(Base):
    """An RRset that the primary has otherwise than it is recorded; a candidate until it is confirmed."""

    __tablename__ = "dns_drift"

    zone: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    record_type: Mapped[str] = mapped_column(primary_key=True)
    # {"ttl": seconds, "rdata": […]}; NULL: there is no such RRset
    recorded: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    found: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    kind: Mapped[DriftKind | None] = mapped_column(_word(DriftKind))  # None: it is a candidate yet
    confirmed: Mapped[bool] = mapped_column(server_default="false")
    serial: Mapped[int | None] = mapped_column(BigInteger)  # of the primary when it was found
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # When it became a candidate last. What was `found` then is known if it has a serial.
    candidate_at: Mapped[datetime] = mapped_column(server_default=func.now())
    restored_by: Mapped[UUID | None]  # the last request that was to restore what is recorded

    __table_args__ = (
        CheckConstraint(_one_of("kind", tuple(DriftKind)), name="kind"),
        CheckConstraint("NOT confirmed OR kind IS NOT NULL", name="confirmed"),
        Index("ix_dns_drift_candidates", "zone", postgresql_where=text("NOT confirmed")),
    )


class Run(Base):
    """One Ansible execution of one batch."""

    __tablename__ = "ansible_runs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    zone: Mapped[str]
    backend: Mapped[str]
    changes: Mapped[int]  # how many it was given
    # RRsets that were there: store/runs.py
    before: Mapped[list[Any] | None] = mapped_column(JSONB, deferred=True)
    # What it says of its requests
    results: Mapped[list[Any] | None] = mapped_column(JSONB, deferred=True)
    # And of what was there before: store/runs.py
    said_before: Mapped[list[Any] | None] = mapped_column(JSONB, deferred=True)
    first_request_id: Mapped[UUID | None]  # others' ids may lie between these
    last_request_id: Mapped[UUID | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    rc: Mapped[int | None]
    why: Mapped[str | None]  # timeout, cancelled or lost, when it did not end by itself
    stats: Mapped[dict[str, Any] | None]  # per host
    output: Mapped[str | None] = mapped_column(deferred=True)

    __table_args__ = (Index("ix_ansible_runs_zone_id", "zone", "id"),)


class RunEvent(Base):
    """A line of a run's log: of one request, or shared by all of its batch."""

    __tablename__ = "ansible_run_events"

    # No foreign key: runs and their lines are dropped one partition at a time
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    message: Mapped[str]  # for operators
    told: Mapped[str | None]  # the same for requesters; None: it is not for them
    request_id: Mapped[UUID | None]  # the one that it is about, and that it is shown to; None: all


class LiveListener(Base):
    """A process that is told of new lines in the logs: while nobody is there, nobody notifies."""

    __tablename__ = "live_listeners"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # made anew by each process
    expires_at: Mapped[datetime]


class AccessToken(Base):
    """What a client authenticates with. Nobody can make the token from what is stored of it."""

    __tablename__ = "access_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(unique=True)  # of the token: by which it is named and looked up
    digest: Mapped[bytes]  # SHA-256 of the whole token
    comment: Mapped[str | None]
    accounts: Mapped[list[str]]  # for which it speaks
    roles: Mapped[list[str]]
    networks: Mapped[list[str]]  # from which it may be used; none: from anywhere
    person: Mapped[str | None]  # whose it is: an address, or a name
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str]  # a principal
    made_by: Mapped[list[str]] = mapped_column(server_default="{}")  # identities: who may have kept it
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]  # to within a minute or so


class AccessGrant(Base):
    """What an account, or whoever has a role, may do (domain/permissions.py)."""

    __tablename__ = "access_grants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    effect: Mapped[Effect] = mapped_column(_word(Effect))
    account_id: Mapped[str | None]
    role: Mapped[str | None]  # a later release may know more of them, and more actions
    zone: Mapped[str]
    names: Mapped[str]
    types: Mapped[list[str]]
    actions: Mapped[list[str]]
    comment: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str]  # a principal

    __table_args__ = (
        CheckConstraint(_one_of("effect", tuple(Effect)), name="effect"),
        CheckConstraint("(account_id IS NULL) <> (role IS NULL)", name="subject"),
    )


class AccountQuota(Base):
    """What an account may have and ask for, where that is not the default; 0: any number."""

    __tablename__ = "access_quotas"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    open_requests: Mapped[int | None]
    records: Mapped[int | None]
    requests_per_minute: Mapped[int | None]
    comment: Mapped[str | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_by: Mapped[str]  # a principal


class ConsoleSession(Base):
    """Somebody who is logged in at the console. Nobody can make the cookie from what is stored of it."""

    __tablename__ = "console_sessions"

    digest: Mapped[bytes] = mapped_column(primary_key=True)  # SHA-256 of the cookie
    holder: Mapped[str]  # the name of the principal
    token: Mapped[str | None]  # the prefix of the token that it was begun with, or else
    claims: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # of an OIDC issuer
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    last_seen_at: Mapped[datetime | None]  # to within a minute or so

    __table_args__ = (
        CheckConstraint("(token IS NULL) <> (claims IS NULL)", name="holder"),
        Index(None, "holder", "created_at"),
    )


class AccessTransfer(Base):
    """What an account offers to another one: RRsets, and maybe the zone itself."""

    __tablename__ = "access_transfers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[TransferStatus] = mapped_column(_word(TransferStatus))
    zone: Mapped[str]
    names: Mapped[str]  # a pattern
    types: Mapped[list[str]]  # none: every type
    whole_zone: Mapped[bool]
    from_account: Mapped[str | None]  # None: what nobody owns
    to_account: Mapped[str]
    offered_for: Mapped[str | None]  # the same or, for what nobody owns, the account that owns the zone
    comment: Mapped[str | None]
    rrsets: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(_one_of("status", tuple(TransferStatus)), name="status"),
        Index(None, "offered_for", "id"),
        Index(None, "to_account", "id"),
    )


class AccessVersion(Base):
    """One row, which has another value after each change of tokens, grants or quotas."""

    __tablename__ = "access_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[UUID]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class CursorKey(Base):
    """One row: the key that every API process seals cursors with."""

    __tablename__ = "cursor_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(
        server_default=text("sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))")
    )

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class Webhook(Base):
    """An address to which events are delivered, and how that has gone of late."""

    __tablename__ = "webhooks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    account_id: Mapped[str | None]  # whose events; None: those of every account that its holder reads
    event_types: Mapped[list[str]]  # none: every type
    comment: Mapped[str | None]
    secret: Mapped[bytes]
    old_secret: Mapped[bytes | None]  # signs beside it
    old_secret_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str]  # a principal
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Who answers for it: it gets what this principal may read, who has made, changed or enabled it last
    holder: Mapped[str]
    holder_token: Mapped[str | None]  # the prefix of the token that he has, or else
    holder_accounts: Mapped[list[str]]  # as they were then: workers see no tokens
    holder_roles: Mapped[list[str]]
    holds_until: Mapped[datetime | None]
    disabled: Mapped[WhyDisabled | None] = mapped_column(_word(WhyDisabled))
    disabled_at: Mapped[datetime | None]
    disabled_noted: Mapped[bool] = mapped_column(server_default="true")  # in the audit: an API does that
    # How it has gone: written by who delivers
    failures: Mapped[int] = mapped_column(server_default="0")  # in a row
    failing_since: Mapped[datetime | None]
    last_code: Mapped[str | None]  # of the last failure
    last_error: Mapped[str | None]  # in words
    paused_until: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]  # when it last took something
    due_at: Mapped[datetime | None]  # when there may be something to deliver; None: nothing waits
    server: Mapped[UUID | None]  # the process that delivers to it
    served_until: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(_one_of("disabled", tuple(WhyDisabled)), name="disabled"),
        CheckConstraint("(disabled IS NULL) = (disabled_at IS NULL)", name="disabled_at"),
        {"postgresql_with": {"fillfactor": 50}},
    )


class Delivery(Base):
    """An event that is delivered to a webhook, until it is forgotten."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # version 7: grows with time
    seq: Mapped[int] = mapped_column(
        BigInteger, Identity(always=True)
    )  # those of one request keep this order
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey(Webhook.id, ondelete="CASCADE"))
    event_id: Mapped[UUID]
    event_type: Mapped[str]
    request_id: Mapped[UUID | None]  # None: it is a test
    account_id: Mapped[str | None]
    body: Mapped[bytes]  # as it is signed
    replay_of: Mapped[UUID | None]  # an earlier delivery of the same event
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    status: Mapped[DeliveryStatus] = mapped_column(
        _word(DeliveryStatus), server_default=DeliveryStatus.PENDING.value
    )
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    failing_since: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]  # last
    finished_at: Mapped[datetime | None]
    status_code: Mapped[int | None]  # of the last answer
    answer: Mapped[str | None]  # its beginning
    code: Mapped[str | None]  # of the last failure
    error: Mapped[str | None]  # in words
    took: Mapped[float | None]  # seconds

    __table_args__ = (
        CheckConstraint(_one_of("status", tuple(DeliveryStatus)), name="status"),
        CheckConstraint(f"(status = '{DeliveryStatus.PENDING}') = (finished_at IS NULL)", name="finished"),
        Index("ix_webhook_deliveries_webhook", "webhook_id", "seq"),
        Index(
            "ix_webhook_deliveries_failed",
            "webhook_id",
            "seq",
            postgresql_where=text(f"status = '{DeliveryStatus.FAILED}'"),
        ),
        Index(
            "ix_webhook_deliveries_due",
            "webhook_id",
            "next_try_at",
            "seq",
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(
            "ix_webhook_deliveries_order",
            "webhook_id",
            "request_id",
            "seq",
            postgresql_where=text("finished_at IS NULL"),
        ),
    )


class AuditEntry(Base):
    """A privileged act. Rows are only added; each has the hash of the row before it."""

    __tablename__ = "access_audit"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)  # without gaps
    at: Mapped[datetime]
    principal: Mapped[str]
    address: Mapped[str | None]  # from which it was asked for
    act: Mapped[str]
    subject: Mapped[str]  # what it was done to
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    previous: Mapped[bytes]
    hash: Mapped[bytes]
