"""Runs, over HTTP and as pages."""

from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from app.core.database import transaction
from app.store import runs
from app.store.runs import NewLine

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def run(
    zone: str, rc: int | None = 0, why: str | None = None, output: str = "", *, ended: bool = True
) -> UUID:
    """Record a run."""
    run_id = uuid7()
    with transaction() as session:
        runs.start(session, run_id, zone, "bind", [uuid4()])
        runs.add_events(session, run_id, [NewLine(0.0, HOSTILE, None, None)])
        if ended:
            runs.finish(session, run_id, rc, why, {"bind": {"ok": 2}}, output, {})
    return run_id


def test_runs_are_listed_by_zone_and_status(client: TestClient, new_zone: str) -> None:
    well, failed, lost = run(new_zone), run(new_zone, 2), run(new_zone, None, "lost")
    running, elsewhere = run(new_zone, ended=False), run("elsewhere.test")

    def listed(**wanted: str) -> list[str]:
        found = client.get("/api/v1/runs", params=wanted).raise_for_status().json()
        return [item["id"] for item in found["items"]]

    assert listed() == list(map(str, (elsewhere, running, lost, failed, well)))
    assert listed(zone=new_zone.upper(), status="failed") == [str(lost), str(failed)]
    assert listed(zone=new_zone, status="well") == [str(well)]
    assert listed(status="running", backend="bind") == [str(running)]
    assert listed(backend="other") == []
    first = client.get("/api/v1/runs", params={"zone": new_zone, "limit": 2}).json()
    rest = client.get("/api/v1/runs", params={"zone": new_zone, "cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in rest["items"]] == [str(failed), str(well)]
    for wrong in ({"cursor": "x"}, {"status": "lost"}, {"zone": "a..b"}):
        assert client.get("/api/v1/runs", params=wrong).status_code == 422


def test_a_run_is_shown_with_the_end_of_what_it_said(client: TestClient, new_zone: str) -> None:
    run_id = run(new_zone, 0, None, "begin" + "x" * 300_000 + HOSTILE)
    shown = client.get(f"/api/v1/runs/{run_id}").raise_for_status().json()
    assert (shown["status"], shown["rc"], shown["stats"]) == ("well", 0, {"bind": {"ok": 2}})
    assert [line["message"] for line in shown["log"]] == [HOSTILE]
    assert (len(shown["output"]), shown["output"].endswith(HOSTILE)) == (256 * 1024, True)
    assert client.get(f"/api/v1/runs/{UUID(int=1)}").json()["code"] == "run_unknown"
    assert client.get("/api/v1/runs/nonsense").status_code == 422


def test_the_console_shows_runs_and_nothing_of_them_works(client: TestClient, new_zone: str) -> None:
    run_id = run(new_zone, 3, None, HOSTILE)
    page = client.get("/console/runs", params={"zone": new_zone, "status": "failed"})
    assert f"/console/runs/{run_id}" in page.text
    shown = client.get(f"/console/runs/{run_id}").text
    assert "exit status 3" in shown
    assert "<script>alert" not in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\u202e" in shown
    assert client.get(f"/console/runs/{UUID(int=1)}").status_code == 404
