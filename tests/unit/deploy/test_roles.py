"""deploy/postgres/roles.sql keeps from the workers whatever decides who may do what."""

import re

from app.core.config import ROOT
from app.store.models import Base

SCRIPT = (ROOT / "deploy" / "postgres" / "roles.sql").read_text()


def test_every_table_of_tokens_grants_logins_and_the_audit_is_closed_to_the_workers() -> None:
    closed = set(re.findall(r"\('ALL', '(\w+)', :'worker'\)", SCRIPT))
    of_access = {name for name in Base.metadata.tables if name.startswith("access_")}
    assert closed == of_access | {"console_sessions", "cursor_key"}
