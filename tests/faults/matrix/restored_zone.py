"""A zone whose server has lost the last changes: it was restored from an older copy of its files.

What the orchestrator promises then, it promises of a zone that was imported: what is gone is told as drift,
and made again if its operator asks for that.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.domain.lifecycle import FINAL, Status
from tests.faults.matrix.http_lane import body_of
from tests.faults.matrix.journal import Item
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.seen import records_of
from tests.faults.matrix.servers import DIRECT
from tests.faults.matrix.system import ACCOUNTS
from tests.faults.matrix.zone_files import is_served, steps_of, whole_zone
from tests.support.eventually import eventually
from tests.support.zone_model import NOTHING, Asked, Key, RRset, ZoneModel

_APEX = Key("@", "NS")
_BEFORE = (
    Asked("create", "kept", "A", ("192.0.2.1",), 300),
    Asked("create", "changed", "A", ("192.0.2.1",), 300),
    Asked("create", "deleted", "A", ("192.0.2.1",), 300),
)
_SINCE = (
    Asked("upsert", "changed", "A", ("192.0.2.2",), 300),
    Asked("delete", "deleted", "A", (), 300),
    Asked("create", "new", "A", ("192.0.2.2",), 300),
)
_DRIFT = {"changed": "changed", "deleted": "added", "new": "missing"}


def restore_an_older_copy(scene: Scene) -> None:
    """Restore one, and have what is gone made again; note what is not as promised then."""
    zone = _ImportedZone(scene)
    zone.apply(_BEFORE)
    with zone.older_copy():
        zone.apply(_SINCE)
        eventually(zone.knows_its_serial)
    eventually(lambda: zone.drift() == _DRIFT)
    zone.call("POST", "/drift/restore", Prefer="wait=20")
    eventually(lambda: zone.drift() == {})
    scene.note(zone.differences())


class _ImportedZone:
    """A zone beside those of the load, known as a whole."""

    def __init__(self, scene: Scene) -> None:
        self._system, self.name = scene.system, f"imported.{scene.name}.test"
        self._model = ZoneModel({})
        servers = self._system.servers
        servers.add_zone(self.name)
        eventually(lambda: all(is_served(self.name, port) for port in servers.dns_ports.values()))
        self._api("POST", "/zones", {"name": self.name, "backend": DIRECT})
        self.call("POST", "/import")
        eventually(lambda: self.call("GET", "/import")["state"] == "done")

    def call(self, method: str, path: str, **headers: str) -> Any:
        """Call the API for this zone, as an operator."""
        return self._api(method, f"/zones/{self.name}{path}", **headers)

    def apply(self, changes: Sequence[Asked]) -> None:
        """Have changes made, and wait until all have succeeded."""
        for asked in changes:
            self._model.apply(asked)
        items = [body_of(Item("", self.name, asked), ACCOUNTS[0], in_batch=True) for asked in changes]
        for item in items:
            del item["idempotency_key"]
        results = self._api("POST", "/dns/batch", {"requests": items})["results"]
        for result in results:
            eventually(partial(self._has_succeeded, result["request"]["id"]))

    def _has_succeeded(self, request_id: str) -> bool:
        request = self._api("GET", f"/dns/requests/{request_id}")
        assert request["status"] not in set(FINAL) - {Status.SUCCEEDED}, request
        return bool(request["status"] == Status.SUCCEEDED)

    def knows_its_serial(self) -> bool:
        """Whether the orchestrator has seen the zone as the primary has it now."""
        servers = self._system.servers
        last = steps_of(self.name, servers.dns_ports["bind"], servers.bind.key_file)[-1]
        return bool(self.call("GET", "/drift")["serial"] == last.serial)

    @contextmanager
    def older_copy(self) -> Iterator[None]:
        """Copy the zone's files before the block, and restore them after it; then the secondary, too."""
        servers = self._system.servers
        folder = servers.bind.key_file.parent / "zones"
        with TemporaryDirectory() as copy:
            for path in _files(folder, self.name):
                shutil.copy(path, copy)
            yield
            self._system.kill("bind")
            for path in _files(folder, self.name):
                path.unlink()
            for path in Path(copy).iterdir():
                shutil.copy(path, folder)
        self._system.start("bind")
        servers.secondary.rndc("retransfer", self.name)

    def drift(self) -> dict[str, str]:
        """How each RRset has drifted, by its owner; its candidates count."""
        found = self.call("GET", "/drift")
        waiting = {"candidates": str(found["candidates"])} if found["candidates"] else {}
        return {item["domain"].partition(".")[0]: item["kind"] for item in found["items"]} | waiting

    def differences(self) -> Iterator[str]:
        """Yield what the servers and the records have otherwise than was asked for."""
        servers = self._system.servers
        with self._system.connect() as connection:
            found = {"dns_records": records_of(connection, [self.name])[self.name]}
        for server, port in servers.dns_ports.items():
            found[server] = whole_zone(self.name, port, servers.bind.key_file)
        for where, rrsets in found.items():
            if _but_apex(rrsets) != self._model.rrsets:
                yield f"{where} has {_but_apex(rrsets)} instead of {self._model.rrsets}"

    def _api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        url = f"{self._system.url('api-1')}/api/v1{path}"
        with self._system.client(self._system.admin, timeout=30) as client:
            return client.request(method, url, json=body, headers=headers).raise_for_status().json()


def _files(folder: Path, zone: str) -> list[Path]:
    """Return the zone's master file, and its journal."""
    return [path for path in (folder / zone, folder / f"{zone}.jnl") if path.exists()]


def _but_apex(rrsets: dict[Key, RRset]) -> dict[Key, RRset]:
    return {key: state for key, state in rrsets.items() if key.owner != "@" and state != NOTHING}
