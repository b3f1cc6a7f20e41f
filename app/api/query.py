"""Query parameters that several calls have."""

from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from app.schemas.request import LINE


def require_digits(value: object) -> object:
    """Refuse what pydantic takes for a whole number, but nobody writes so: 5.0, +5, 1_000."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise PydanticCustomError("int_parsing", "Input should be a whole number, in digits")
    return value


def _require_truth_value(value: object) -> object:
    """Refuse what pydantic takes for a truth value besides true and false: yes, on, 1."""
    if isinstance(value, str) and value not in ("true", "false"):
        raise PydanticCustomError("bool_parsing", "Input should be true or false")
    return value


Flag = Annotated[bool, BeforeValidator(_require_truth_value)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=LINE)]
Limit = Annotated[int, Query(ge=1, le=1000), BeforeValidator(require_digits)]
ShortLimit = Annotated[int, Query(ge=1, le=100), BeforeValidator(require_digits)]  # of large items
Cursor = Annotated[Text | None, Query(description="`next_cursor` of the page before")]
