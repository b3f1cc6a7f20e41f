"""How the console says what the services return: times, durations, and the words of codes."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from app.domain.errors import Reason
from app.services.requests.lookup import RequestState

# What a page says when something was done, by the word for it in the page's address (forms.done).
DONE: Mapping[str, str] = {
    "cancelled": "Cancelled.",
    "retried": "It runs again, behind what was accepted meanwhile.",
    "undoes": "This request takes the other one back.",
    "approved": "Approved.",
    "rejected": "Rejected.",
    "logged-out": "You are logged out.",
    "replayed": "The messages are on their way again.",
    "token-revoked": "The token is revoked: nobody can use it any more.",
    "grant-added": "The grant is added.",
    "grant-removed": "The grant is removed.",
    "quota-set": "The quota is set.",
    "quota-removed": "The defaults count for the account again.",
    "webhook-tested": "A test is on its way: it is the first delivery below.",
    "webhook-enabled": "It is delivered to again, what waits at once.",
    "webhook-disabled": "Nothing is delivered to it until it is enabled again.",
    "webhook-removed": "The webhook is removed.",
    "webhook-replayed": "The event is on its way again.",
    "undo-asked": "A request that takes it back is on its way.",
    "zone-added": "The zone is served.",
    "zone-changed": "The settings are changed.",
    "zone-removed": "The zone is served no more. What is on its servers stays.",
    "zone-checked": "The servers were asked for what the zone needs.",
    "submitted": "Submitted.",
    "adopted": "What was found is recorded.",
    "restoring": "Requests that restore what is recorded are on their way.",
    "comparison-asked": "The zone is compared with its primary soon.",
    "import-asked": "The import is on its way.",
}

FILTERS = (
    "clock",
    "word",
    "utc",
    "duration",
    "cut",
    "about",
    "segment",
    "as_json",
    "visible",
    "as_text",
    "as_hex",
)

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def word(text: str) -> str:
    """Return a word of the code as people read it: `awaiting_approval` as "awaiting approval"."""
    return text.replace("_", " ")


def cut(text: str, most: int) -> str:
    """Return the text, or so many characters of it."""
    return text if len(text) <= most else f"{text[:most]}…"


def about(reasons: Sequence[Reason], field: str) -> Reason | None:
    """Return the first reason that is about a field of a form."""
    return next((each for each in reasons if field in each.loc), None)


def visible(text: str) -> str:
    """Return a text from outside with what is not seen, or turns what is around it, by its number."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )


def as_text(raw: bytes, most: int) -> str:
    """Return the first bytes as text; what is none, by its numbers."""
    return visible(raw[:most].decode(errors="backslashreplace")) + ("…" if len(raw) > most else "")


def as_hex(raw: bytes, most: int) -> str:
    """Return the first bytes in hexadecimal, sixteen a line."""
    lines = [raw[start : start + 16].hex(" ") for start in range(0, min(len(raw), most), 16)]
    return "\n".join([*lines, *(["…"] if len(raw) > most else [])])


def as_json(value: object) -> str:
    """Return a value as JSON, for people."""
    return json.dumps(value, ensure_ascii=False, default=str)


def segment(text: str) -> str:
    """Return a name, of a zone say, as it stands in the path of an address."""
    return quote(text, safe="/@")


def utc(at: datetime) -> str:
    """Return a time, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(at: datetime) -> str:
    """Return a time to the millisecond, for lines that follow on each other."""
    in_utc = at.astimezone(UTC)
    return f"{in_utc:%m-%d %H:%M:%S}.{in_utc.microsecond // 1000:03}"


def asked_values(request: RequestState) -> list[str]:
    """Return the values that a request asks for, as they were written; none: the whole RRset."""
    target = request.resource.get("target")
    return [target] if isinstance(target, str) else list(target or ())


def duration(seconds: float) -> str:
    """Return how long something takes, in its two largest units: "1 h 5 min", "350 ms"."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        if number := whole // size:
            parts.append(f"{number} {unit}")
        whole %= size
    if whole and len(parts) < 2:
        parts.append(f"{whole} s")
    return " ".join(parts[:2])
