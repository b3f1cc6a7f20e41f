"""When something is tried again, and when not: one table by the kind of its error, which all parts ask.

What an error says of that which failed decides. Where nobody has looked and nothing was sent it says
nothing, and what waits is tried until that has passed; see decision 45.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple


class Kind(StrEnum):
    """What an error says of that which was tried."""

    TRANSIENT = "transient"  # nothing: something else is away. It is tried until that is back
    UNKNOWN = "unknown"  # it may have been done: first one looks, then it is tried again, a number of times
    PERMANENT = "permanent"  # the same again would end the same: it is not tried again


class Scope(StrEnum):
    """How far a fault reaches: whose circuit opens. Nothing is sent there until a probe has got through."""

    BACKEND = "backend"
    ZONE = "zone"


class Limit(StrEnum):
    """After which tries a request fails."""

    NONE = "never"
    BLAMED = "after `MAX_ATTEMPTS` tries, the last of them alone in its run, while others get through"
    ATTEMPTS = "after `MAX_ATTEMPTS` tries"
    FIRST = "at once"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done about an error of a change."""

    kind: Kind
    opens: Scope | None = None  # the circuit
    is_strike: bool = False  # the try counts
    waits_alone: bool = False  # the request pauses, with what is behind it in its RRset; its zone goes on
    limit: Limit = Limit.NONE

    def is_last(self, tries: int, most: int, *, blamable: bool) -> bool:
        """Return whether the request fails after so many tries that count."""
        if self.limit is Limit.BLAMED and not blamable:
            return False
        return self.limit is Limit.FIRST or (self.limit is not Limit.NONE and tries >= most)


_BACKEND_AWAY = Policy(Kind.TRANSIENT, Scope.BACKEND)
_ZONE_AWAY = Policy(Kind.TRANSIENT, Scope.ZONE)
_RUN_LOST = Policy(Kind.UNKNOWN, Scope.ZONE, is_strike=True, limit=Limit.BLAMED)
_RUN_FAILED = Policy(Kind.UNKNOWN, Scope.BACKEND, is_strike=True, limit=Limit.BLAMED)
_CHANGE_FAILED = Policy(Kind.UNKNOWN, is_strike=True, waits_alone=True, limit=Limit.ATTEMPTS)
_REFUSED = Policy(Kind.PERMANENT, limit=Limit.FIRST)

OUTCOME_UNKNOWN = "outcome_unknown"
# No code has this: the worker was to end, and hands back the requests of a run that it has stopped.
RUN_STOPPED = Policy(Kind.UNKNOWN)

# By the codes of results; every other code, also those that only an operator's playbook knows, is a refusal.
RESULTS: Mapping[str, Policy] = {
    "server_unreachable": _BACKEND_AWAY,  # no connection, or closed before anything was sent
    "backend_unknown": _BACKEND_AWAY,  # the inventory does not say how to reach it
    "tsig_refused": _BACKEND_AWAY,  # the key, its secret, or a clock (RFC 8945 5.2)
    "kerberos_refused": _BACKEND_AWAY,  # the principals, the keytab, or a clock (RFC 3645)
    "kdc_unreachable": _BACKEND_AWAY,  # no ticket is to be had
    "auth_refused": _BACKEND_AWAY,  # the API key
    "key_unusable": _BACKEND_AWAY,  # the file of a key
    "run_not_started": _BACKEND_AWAY,  # no space, no playbook, no process
    "zone_not_loaded": _ZONE_AWAY,  # the server has no such zone now
    "zone_refuses_updates": _ZONE_AWAY,  # frozen, or the key may not change it at all
    "zone_failed": _ZONE_AWAY,  # the server fails at whatever is asked of the zone
    "playbook_failed": _RUN_FAILED,  # the run ended without a result for anybody
    OUTCOME_UNKNOWN: _RUN_LOST,  # the run was killed, or has left no result for it
    "no_answer": _RUN_LOST,  # sent, and not answered
    "server_failed": _CHANGE_FAILED,  # the server fails at this change, and takes others
    "changed_meanwhile": _CHANGE_FAILED,  # somebody else changed the RRset at each try
}


def of_result(code: str) -> Policy:
    """Return what is done about a result with this code."""
    return RESULTS.get(code, _REFUSED)


def codes_of(kind: Kind, opens: Scope | None = None) -> frozenset[str]:
    """Return the codes of results of this kind, or of those that open such a circuit."""
    return frozenset(
        code
        for code, policy in RESULTS.items()
        if policy.kind is kind and (opens is None or policy.opens is opens)
    )


# What the statuses of the API say of the consumer's messages. A call that is refused as a whole is halved
# until it is known for which of them. A wrong token, or a wrong address, says nothing of any.
_OF_CALLS: Mapping[int, Kind] = {
    HTTPStatus.BAD_REQUEST: Kind.PERMANENT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Kind.PERMANENT,
    HTTPStatus.UNPROCESSABLE_ENTITY: Kind.PERMANENT,
    HTTPStatus.INTERNAL_SERVER_ERROR: Kind.UNKNOWN,
    HTTPStatus.BAD_GATEWAY: Kind.UNKNOWN,  # the API may have died of it
    HTTPStatus.GATEWAY_TIMEOUT: Kind.UNKNOWN,
}
_FAILED = HTTPStatus.INTERNAL_SERVER_ERROR
_PASSING_ITEMS = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS))


def of_call(status: int) -> Kind:
    """Return what the status of a call that has no results says of its messages."""
    return _OF_CALLS.get(status, Kind.TRANSIENT)


def of_item(status: int) -> Kind:
    """Return what the status of an item that was not accepted says of its message."""
    if status == _FAILED:
        return Kind.UNKNOWN
    return Kind.TRANSIENT if status > _FAILED or status in _PASSING_ITEMS else Kind.PERMANENT


class MessageLimits(NamedTuple):
    """When a message is to blame for that the API fails on, or dies of, calls that hold it."""

    before_halving: int = 3  # failures in a row of a call, until it is halved to find the one to blame
    in_a_row: int = 4  # calls that may fail until the next pause
    alone: int = 6  # failures in a row by itself, once the API has decided on others: it is put aside
    alone_of_all: int = 60  # the same while the API fails on everything, which is its own fault, most likely


MESSAGES = MessageLimits()
LONGEST_RETRY_AFTER = 300.0  # seconds: a longer `Retry-After` is cut to it


class Pauses(NamedTuple):
    """Pauses between tries, in seconds: the first one, doubled with each failure in a row up to the longest.

    Each is shortened at random by up to the share `jitter`.
    """

    first: float
    longest: float
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class Retry:
    """How work of the service's own is tried again: until it succeeds, with these pauses."""

    what: str
    pauses: Pauses
    meanwhile: str


SUBMIT_BATCH = Retry(
    "submit messages of Kafka to the API, produce dead letters",
    Pauses(0.5, 30, jitter=0.5),
    "nothing of the batch is committed; a `Retry-After` of the API counts",
)
COMMIT_OFFSETS = Retry("commit offsets", Pauses(0.5, 30, jitter=0.5), "no batch is started")
READ_ZONE = Retry(
    "read by transfer what has changed in a zone",
    Pauses(5, 300, jitter=0.25),
    "what is recorded stays as it is; other zones are read",
)
PUBLISH_EVENTS = Retry(
    "publish events", Pauses(0.5, 10, jitter=0.2), "they wait in the outbox; so do the later ones"
)
DELIVER_TO_WEBHOOK = Retry(
    "deliver to a webhook",
    Pauses(5, 1_800, jitter=0.25),
    "what is behind it waits, other webhooks do not; a `Retry-After` of the receiver counts, and after"
    " `WEBHOOK_GIVE_UP` it is disabled",
)
START_FORK_SERVER = Retry("start a fork server", Pauses(10, 600), "each run starts Ansible itself")
LISTEN = Retry(
    "listen to PostgreSQL for new lines of logs",
    Pauses(1, 30, jitter=0.2),
    "who follows a request looks each second",
)
COUNT_DEAD_LETTERS = Retry("count the dead letters", Pauses(60, 600), "the number is not shown")
TAKE_ORDERS = Retry("take plans and checks from Redis", Pauses(2, 2), "callers are told to try again")
READ_STREAM = Retry("read on for a stream of events", Pauses(1, 1), "the stream stays open")
READ_ISSUER = Retry("read what the OIDC issuer publishes", Pauses(10, 10), "what was read last counts")
RETRIES = (
    SUBMIT_BATCH,
    COMMIT_OFFSETS,
    READ_ZONE,
    PUBLISH_EVENTS,
    DELIVER_TO_WEBHOOK,
    START_FORK_SERVER,
    LISTEN,
    COUNT_DEAD_LETTERS,
    TAKE_ORDERS,
    READ_STREAM,
    READ_ISSUER,
)

# What settings decide: a circuit stays open for RETRY_PAUSE, then twice as long each time, up to
# RETRY_PAUSE_MAX; so long waits a request that waits alone.
REST_JITTER = 0.25
SHRINK_BATCH = 22  # with each lost run of its requests after the first: 10,000, 454, 20, 1
# What some server does not answer yet is asked for again after VERIFY_PAUSE, then after this share of the
# time that has gone by, up to RETRY_PAUSE_MAX.
VERIFY_SHARE = 0.25
# What the primary has taken and contradicts is asked for again at once: so long in all, or by the next drain.
ASK_PRIMARY = Pauses(0.1, 3.0)
# Seconds between two kicks of a zone that nobody takes up; they grow from SWEEP_INTERVAL on.
LONGEST_KICK_PAUSE = 30.0
