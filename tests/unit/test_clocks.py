"""What one process has stored is compared with the database's clock, not with that of another process."""

import ast
from collections.abc import Iterator

import pytest

from stack.paths import ROOT

APP = ROOT / "app"
FOLDERS = [APP / "services", APP / "store"]
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("time", "time")}

# These functions read their host's clock all the same. One that is mended leaves the list.
SHOWN_OR_SIGNED = {
    "services/access/audit.py:note",
    "services/access/quotas.py:set_quota",
    "services/access/refusals.py:_count",
    "services/access/tokens.py:revoke_token",
    "services/access/transfers.py:_close",
    "services/stats.py:_id_before",
    "services/stats.py:_stats",
    "services/webhooks/deliver.py:_post",
    "services/webhooks/log.py:test",
    "services/webhooks/registry.py:change",
    "services/webhooks/registry.py:disable",
    "services/zones/check_orders.py:Check",
    "services/zones/overview.py:find_zones",
    "services/zones/watch.py:_changed_states",
}
COMPARED_WITH_ITS_OWN = {
    "services/drain/run_log.py:_store",
    "services/stats_history.py:_read",
    "services/stats_history.py:look",
}
# Times that were asked for, and what an API lets in: docs/explanation/reliability.md says what follows.
OF_AN_API = {
    "services/access/identify.py:why_unusable",
    "services/access/oidc/access_tokens.py:__init__",
    "services/access/sessions.py:begin_session",
    "services/access/sessions.py:find_session",
    "services/access/tokens.py:_reasons_against",
    "services/access/tokens.py:has_ended",
    "services/access/transfers.py:_status",
    "services/access/transfers.py:offer",
    "services/plan/from_records.py:plan_from_records",
    "services/plan/groups.py:is_groupable",
    "services/plan/groups.py:require_groupable",
    "services/plan/rollback.py:plan_rollback",
    "services/requests/place.py:place_in_zone",
    "services/requests/submit.py:_insist_on_all",
    "services/requests/undo.py:undo_request",
    "services/requests/usage.py:_count_lately",
    "services/requests/validate.py:_read_shape",
    "store/quotas.py:_time_of",
}
WITHOUT_THE_DATABASE = {"services/orders.py:_now"}
KNOWN = SHOWN_OR_SIGNED | COMPARED_WITH_ITS_OWN | OF_AN_API | WITHOUT_THE_DATABASE


def test_nothing_else_goes_by_the_clock_of_its_host() -> None:
    files = (file for folder in FOLDERS for file in folder.rglob("*.py"))
    found = {f"{file.relative_to(APP)}:{name}" for file in files for name in readers(file.read_text())}
    assert found - KNOWN == set(), "read the database's: `clock_timestamp()`, `store.upkeep.read_time`"
    assert found == KNOWN, "take what is mended off the list"


def readers(source: str) -> Iterator[str]:
    """Yield the functions, and classes for what stands in none, that read the host's clock."""

    def visit(node: ast.AST, name: str) -> Iterator[str]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=attr) if (module, attr) in CLOCKS:
                yield name
        for child in ast.iter_child_nodes(node):
            yield from visit(child, name)

    return visit(ast.parse(source), "")


@pytest.mark.parametrize(
    "source",
    [
        "def old(): return datetime.now(UTC)",
        "async def old(): return time.time()",
        "class old:\n    at: datetime = field(default_factory=lambda: datetime.now(UTC))",
    ],
)
def test_every_reader_is_found(source: str) -> None:
    assert list(readers(source)) == ["old"]
