"""What calls that change many requests have in common."""

from dataclasses import dataclass

MAX_AT_ONCE = 1_000  # requests that one transaction changes: the rows stay locked until it ends


@dataclass(frozen=True, slots=True)
class Changed:
    """How many requests a call has changed, and the cursor for the rest; None: there is no rest."""

    count: int
    next_cursor: str | None
