"""Pages of a long list, with a cursor from each to the next.

A cursor is sealed: where a page ends, another account's record may stand, or a number that counts
everybody's work. So nobody reads a cursor but the service, and nobody makes one.
"""

import base64
import binascii
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, InvalidFilter
from app.domain.names import normalize
from app.domain.read_zone import read_zone_key
from app.store.pages import cursor_key

Item = TypeVar("Item")

_NONCE = 12  # bytes: what AES-GCM takes


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list, and the cursor of the next page; None: this page is the last."""

    items: Sequence[Item]
    next_cursor: str | None


def encode_cursor(session: Session, position: object) -> str:
    """Return the position of a page's last item, which JSON can hold, as a cursor."""
    [cursor] = encode_cursors(session, [position])
    return cursor


def encode_cursors(session: Session, positions: Iterable[object]) -> list[str]:
    """Return a cursor for each of the positions."""
    cipher = AESGCM(cursor_key(session))
    cursors = []
    for position in positions:
        nonce = os.urandom(_NONCE)
        sealed = cipher.encrypt(nonce, json.dumps(position).encode(), None)
        cursors.append(base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("="))
    return cursors


def decode_cursor(session: Session, cursor: str) -> Any:
    """Return the position that a cursor stands for. Raises InvalidFilter."""
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return json.loads(AESGCM(cursor_key(session)).decrypt(sealed[:_NONCE], sealed[_NONCE:], None))
    except (binascii.Error, ValueError, InvalidTag) as error:
        raise invalid_cursor() from error


def invalid_cursor() -> InvalidFilter:
    """Return the error for a cursor that the service has not given out."""
    return InvalidFilter("cursor", "cursor_invalid", "this cursor was not given out here")


def normalize_zone(parameter: str, zone: str | None) -> str | None:
    """Return the key of a zone that a query parameter holds in canonical form. Raises InvalidFilter."""
    try:
        return read_zone_key(zone) if zone is not None else None
    except DomainError as error:
        raise InvalidFilter(parameter, error.code, error.message) from error


def normalize_name(parameter: str, name: str | None) -> str | None:
    """Return the name that a query parameter holds in canonical form. Raises InvalidFilter."""
    try:
        return normalize(name) if name is not None else None
    except DomainError as error:
        raise InvalidFilter(parameter, error.code, error.message) from error
