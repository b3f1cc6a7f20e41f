"""Pages of a long list, with an opaque cursor from each to the next."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.domain.errors import DomainError, InvalidFilter
from app.domain.names import normalize

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list, and the cursor of the next page; None: this page is the last."""

    items: Sequence[Item]
    next_cursor: str | None


def encode_cursor(position: object) -> str:
    """Return the position of a page's last item, which JSON can hold, as a cursor."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Any:
    """Return the position that a cursor stands for. Raises InvalidFilter."""
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii"))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise invalid_cursor() from error


def invalid_cursor() -> InvalidFilter:
    """Return the error for a cursor that the service has not given out."""
    return InvalidFilter("cursor", "cursor_invalid", "this cursor was not given out here")


def normalize_name(parameter: str, name: str | None) -> str | None:
    """Return the name that a query parameter holds in canonical form. Raises InvalidFilter."""
    try:
        return normalize(name) if name is not None else None
    except DomainError as error:
        raise InvalidFilter(parameter, error.code, error.message) from error
