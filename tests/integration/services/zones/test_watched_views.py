"""Two zones of one name, in views that the key chooses: each drifts by itself."""

from pathlib import Path
from threading import Event

import dns.query
import dns.rcode
import dns.update
import pytest
from fastapi.testclient import TestClient

from app.nameservers.key_file import read_key
from app.services.zones.imports import import_wanted
from app.services.zones.watch import Watcher
from stack.inventory import write_backend
from tests.support.settings import SetSettings
from tests.support.views import VIEWS, ZONE, Views, bind_with_views


def change_beside(views: Views, view: str) -> None:
    """Change the zone in one view."""
    update = dns.update.UpdateMessage(ZONE)
    update.use_tsig(read_key(views.key_file(view)))
    update.add("new", 300, "A", "192.0.2.77")
    reply = dns.query.tcp(update, views.server.address, port=views.server.port, timeout=30)
    assert reply.rcode() == dns.rcode.NOERROR


@pytest.mark.thorough
def test_what_is_changed_in_one_view_is_drift_there(
    client: TestClient, watcher: Watcher, set_settings: SetSettings, tmp_path: Path
) -> None:
    home, inventory = tmp_path / "bind", tmp_path / "inventory"
    home.mkdir()
    with bind_with_views(home) as views:
        set_settings(INVENTORY=str(inventory))
        for view in VIEWS:
            key = str(views.key_file(view))
            keys = {"dns_tsig_key_file": key, "dns_verify_key_file": key}
            write_backend(inventory, view, views.server.address, views.server.port, **keys)
            served = {"name": ZONE, "view": view, "backend": view}
            client.post("/api/v1/zones", json=served, params={"check": "false"}).raise_for_status()
            client.post(f"/api/v1/zones/{ZONE}@{view}/import").raise_for_status()
        import_wanted(Event())
        change_beside(views, "inside")
        watcher.look()
        found = {view: client.get(f"/api/v1/zones/{ZONE}@{view}/drift").json() for view in VIEWS}
    assert [item["domain"] for item in found["inside"]["items"]] == [f"new.{ZONE}"]
    assert (found["outside"]["items"], found["outside"]["candidates"]) == ([], 0)
    assert found["inside"]["serial"] == found["outside"]["serial"] + 1
