"""Parameters of pages' addresses. A form sends a field that is left empty as an empty text: that is none."""

from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import BeforeValidator, StringConstraints

from app.schemas.request import LINE

Kind = TypeVar("Kind")


def _none_if_empty(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


OneOf = Annotated[Kind | None, BeforeValidator(_none_if_empty)]
_Line = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=LINE, strip_whitespace=True)]
FilterText = Annotated[OneOf[_Line], Query()]
Cursor = FilterText
