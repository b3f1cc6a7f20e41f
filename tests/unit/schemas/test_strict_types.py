"""No body and no query takes one type for another: "yes" is no truth value, 5 is no time, "5.0" no number."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from enum import Enum
from inspect import getmembers, isclass
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.schemas import request

VALUES: list[Any] = ["yes", "on", "1", "5", "5.0", "+5", "1_0", " 5", 0, 1, 5, 1.0, 5.5, True]
FROM_TEXT = (str, Enum, UUID, datetime)
NOT_NUMBERS = ["yes", "on", "TRUE", "5.0", "+5", "1_0", " 5", "1e2", "\u0665"]


def fields() -> Iterator[tuple[str, Any]]:
    for name, model in getmembers(request, lambda each: isclass(each) and issubclass(each, BaseModel)):
        for field, info in model.model_fields.items():
            yield f"{name}.{field}", info


def parameters() -> Iterator[tuple[str, Any]]:
    from app.main import create_app

    for route in iter_route_contexts(create_app().routes):
        if isinstance(route.original_route, APIRoute):
            for field in route.original_route.dependant.query_params:
                yield f"{route.path}?{field.alias}", field.field_info


def validated(info: Any, value: Any) -> Any:
    return TypeAdapter(Annotated[info.annotation, *(info.metadata or [None])]).validate_python(value)


@pytest.mark.parametrize(("name", "info"), list(fields()))
def test_a_field_of_a_body(name: str, info: Any) -> None:
    for value in VALUES:
        try:
            found = validated(info, value)
        except ValidationError:
            continue
        assert isinstance(found, FROM_TEXT) if isinstance(value, str) else type(found) is type(value), value
        assert not (isinstance(found, datetime) and not isinstance(value, datetime)), value


def test_the_parameters_of_every_query() -> None:
    taken = [
        (name, value, found)
        for name, info in parameters()
        for value in [*NOT_NUMBERS, "1"]
        for found in taken_for(info, value)
    ]
    assert [each for each in taken if isinstance(each[2], bool | datetime)] == []
    assert {value for _, value, found in taken if isinstance(found, int)} == {"1"}


def taken_for(info: Any, value: Any) -> Iterator[Any]:
    with suppress(ValidationError):
        yield validated(info, value)
