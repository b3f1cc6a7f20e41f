"""What a call needs before it is looked at: a right, and a query without parameters that it does not know."""

from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from app.api.auth import require_right, right_for
from app.domain.errors import Reason


class StrictRoute(APIRoute):
    """A route that insists on the right that its endpoint declares, and on parameters that it knows."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route. Raises LookupError where its right is not declared."""
        right = right_for(self.endpoint)
        handle = self.get_strict_handler()

        async def handle_if_allowed(request: Request) -> Response:
            require_right(request, right)
            return await handle(request)

        return handle_if_allowed

    def get_strict_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles an allowed call. It gives all that is wrong with the parameters at once."""
        handle = super().get_route_handler()
        fields = list(_query_fields(self.dependant))
        known = {field.alias for field in fields}

        async def handle_strictly(request: Request) -> Response:
            if request.scope["query_string"] and (reasons := reasons_against(request, known)):
                _, errors = request_params_to_args(fields, request.query_params)
                raise RequestValidationError([*map(_as_error, reasons), *errors])
            return await handle(request)

        return handle_strictly


def reasons_against(request: Request, known: Collection[str]) -> list[Reason]:
    """Return a reason for each parameter that is not known, or that is given twice."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    return [*_unknown(given, known), *_repeated(given, known)]


def _query_fields(dependant: Dependant) -> Iterator[Any]:
    yield from dependant.query_params
    for dependency in dependant.dependencies:
        yield from _query_fields(dependency)


def _unknown(given: Iterable[str], known: Collection[str]) -> Iterable[Reason]:
    words = f"this call takes {', '.join(sorted(known))}" if known else "this call takes none"
    for name in given:
        if name not in known:
            yield Reason((name,), "unknown_parameter", f"there is no such parameter; {words}")


def _repeated(given: Counter[str], known: Collection[str]) -> Iterable[Reason]:
    for name, number in given.items():
        if number > 1 and name in known:
            yield Reason((name,), "parameter_repeated", "this parameter may be given once")


def _as_error(reason: Reason) -> dict[str, Any]:
    return {"loc": ("query", *reason.loc), "type": reason.code, "msg": reason.message}
