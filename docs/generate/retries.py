"""The tables of what is tried again, and when, as app/domain/retry_policy.py has it."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from app.core.migrations import LOCK_PAUSES
from app.domain import retry_policy
from app.domain.retry_policy import RESULTS, RUN_STOPPED, Kind, Pauses, Policy

_STATUSES = [status for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST]


def tables() -> str:
    """Return the tables: of changes, of the consumer's messages, and of the service's own work."""
    return "\n".join([*_of_changes(), "", *_of_messages(), "", *_of_own_work()])


def _of_changes() -> Iterator[str]:
    yield "## Changes"
    yield "| code | kind | circuit that opens | the try counts | the request fails |"
    yield "|---|---|---|---|---|"
    for policy in dict.fromkeys(RESULTS.values()):
        codes = ", ".join(f"`{code}`" for code, own in RESULTS.items() if own == policy)
        yield _row(codes, policy)
    yield _row("none: its worker was stopped in the middle of the run", RUN_STOPPED)
    yield _row("every other", retry_policy.of_result("refused"))


def _row(codes: str, policy: Policy) -> str:
    alone = "none: it waits alone, with what is behind it in its RRset"
    circuit = f"the {policy.opens}'s" if policy.opens else alone if policy.waits_alone else "none"
    counts = "yes" if policy.is_strike else "no"
    return f"| {codes} | {policy.kind} | {circuit} | {counts} | {policy.limit.value} |"


def _of_messages() -> Iterator[str]:
    yield "## Messages of Kafka"
    yield "| kind | a call that the API answers with | an item that it answers with |"
    yield "|---|---|---|"
    for kind in Kind:
        calls = [status for status in _STATUSES if retry_policy.of_call(status) is kind]
        items = [status for status in _STATUSES if retry_policy.of_item(status) is kind]
        call_words = (
            "every other status; or it can't be reached" if kind is Kind.TRANSIENT else _numbers(calls)
        )
        item_words = "every other status" if kind is Kind.PERMANENT else _numbers(items)
        none = "; or nothing, though it can be reached" if kind is Kind.UNKNOWN else ""
        yield f"| {kind} | {call_words}{none} | {item_words} |"


def _numbers(statuses: Sequence[HTTPStatus]) -> str:
    return ", ".join(f"`{status.value}`" for status in statuses)


def _of_own_work() -> Iterator[str]:
    yield "## The service's own work"
    yield "| what | pauses, in seconds | meanwhile |"
    yield "|---|---|---|"
    for retry in retry_policy.RETRIES:
        yield f"| {retry.what} | {_pauses(retry.pauses)} | {retry.meanwhile} |"
    yield (
        f"| migrate a table that others use | {_pauses(LOCK_PAUSES)} |"
        " the others go on; the API that starts is not ready |"
    )


def _pauses(pauses: Pauses | tuple[float, float]) -> str:
    first, longest = pauses[:2]
    return f"{first:g}" if first == longest else f"{first:g}, doubled up to {longest:g}"
