"""docs/reference/settings.md lists every setting with its default."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from app.core.config import ROOT, Settings

TABLE = (ROOT / "docs" / "reference" / "settings.md").read_text()
LISTED = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? ?\|", TABLE, re.MULTILINE))


def test_the_table_has_every_setting_and_no_other() -> None:
    assert set(LISTED) == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_default_is_right(name: str) -> None:
    assert LISTED[name.upper()] == written(Settings.model_fields[name].get_default(call_default_factory=True))


def written(default: object) -> str:
    assert default is not PydanticUndefined
    match default:
        case None:
            return ""
        case SecretStr():
            return default.get_secret_value()
        case Path():
            return str(default.relative_to(ROOT))
        case float():
            return f"{default:g}"
        case dict() | tuple():
            return ",".join(default)
        case None:
            return ""
    return str(default)
