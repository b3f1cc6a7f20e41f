"""What services return of a row: the values for which their own types have fields."""

from dataclasses import fields
from typing import Any


def values_for(kind: type[Any], row: object) -> dict[str, Any]:
    """Return the row's values for the fields of a dataclass, by their names."""
    return {field.name: getattr(row, field.name) for field in fields(kind)}
