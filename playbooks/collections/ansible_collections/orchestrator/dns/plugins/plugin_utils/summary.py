"""What a task says about a batch: counts, and one line for a person."""

from typing import Any

from .ledger import Ledger


def summary(
    ledger: Ledger, problem: str | None, server: str, total: int, unit: str = "message"
) -> dict[str, Any]:
    """Return the task's result: a failure when a problem of the whole run let nothing be done at all."""
    line = _line(ledger, server, total, unit)
    counts = ledger.outcomes()
    done = counts["applied"] + counts["unchanged"]
    return {
        "msg": f"{problem}; {line}" if problem else line,
        "failed": problem is not None and not done,
        "changed": counts["applied"] > 0,
        "server": server,
        "messages": ledger.messages,
        "applied": counts["applied"],
        "unchanged": counts["unchanged"],
        "refused": counts["failed"],
        "unknown": total - len(ledger.results),
    }


def _line(ledger: Ledger, server: str, total: int, unit: str) -> str:
    outcomes = ledger.outcomes()
    counts = {what: outcomes[what] for what in ("applied", "unchanged", "failed")}
    counts["unknown"] = total - len(ledger.results)
    parts = [f"{number} {what}" for what, number in counts.items() if number]
    answers = f" ({', '.join(sorted(ledger.answers))})" if ledger.answers else ""
    sent = f"{_count(total, 'change')} to {server} in {_count(ledger.messages, unit)}"
    return f"{sent}: {', '.join(parts)}{answers}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
