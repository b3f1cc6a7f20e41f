"""Which right a call, or a page, needs its caller to have: said where it is defined."""

from collections.abc import Callable
from typing import Any, TypeVar

from app.domain.permissions import Right

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_rights: dict[Callable[..., Any], Right | None] = {}


def needs(right: Right) -> Callable[[Endpoint], Endpoint]:
    """Declare which right the callers of an endpoint need."""
    return _declare(right)


def open_to_all(endpoint: Endpoint) -> Endpoint:
    """Declare that an endpoint answers everybody, known or not."""
    return _declare(None)(endpoint)


def right_for(endpoint: Callable[..., Any]) -> Right | None:
    """Return the right that callers need, None for none. Raises LookupError if the endpoint says nothing."""
    return _rights[endpoint]


def _declare(right: Right | None) -> Callable[[Endpoint], Endpoint]:
    def declare(endpoint: Endpoint) -> Endpoint:
        _rights[endpoint] = right
        return endpoint

    return declare
