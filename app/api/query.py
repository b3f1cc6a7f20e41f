"""Query parameters that several calls have."""

from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints

from app.schemas.request import LINE

Text = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=LINE)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[Text | None, Query(description="`next_cursor` of the page before")]
