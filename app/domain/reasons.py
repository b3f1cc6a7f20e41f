"""Bounds for reasons: a small bad input never makes a large answer."""

from collections.abc import Sequence

from app.domain.errors import Reason

MAX_REASONS = 100  # that are given against one change, or one call's parameters
MAX_BATCH_REASONS = 1_000  # that are given against all the items of a batch together

MORE = "more_reasons"  # the code of the reason that says how many others are not given


def at_most(limit: int, reasons: Sequence[Reason], left_out: int = 0) -> list[Reason]:
    """Return at most `limit` reasons, and one more that says how many others there are.

    `left_out` is how many the caller has not even made. What was limited before can be limited again.
    """
    given = [reason for reason in reasons if reason.code != MORE]
    left_out += sum(_number(reason) for reason in reasons if reason.code == MORE)
    left_out += max(0, len(given) - limit)
    if not left_out:
        return given
    return [*given[:limit], Reason((), MORE, f"and {left_out} more")]


def number_of(reasons: Sequence[Reason]) -> int:
    """Return how many reasons there are, with those that were left out."""
    return sum(_number(reason) if reason.code == MORE else 1 for reason in reasons)


def share(total: int, wanted: Sequence[int]) -> list[int]:
    """Divide `total` reasons among items that have so many each: one for each first, then in their order."""
    left = total - sum(wanted)
    if left >= 0:
        return list(wanted)
    left = total - sum(1 for number in wanted if number)
    shares: list[int] = []
    for number in wanted:
        extra = min(max(left, 0), max(number - 1, 0))
        left -= extra
        shares.append(min(1, number) + extra)
    return _first(total, shares)


def _first(total: int, shares: Sequence[int]) -> list[int]:
    """Return the shares with nothing for what comes after the first `total` reasons."""
    kept: list[int] = []
    for number in shares:
        kept.append(min(number, total))
        total -= kept[-1]
    return kept


def _number(more: Reason) -> int:
    return int(more.message.split()[1])
