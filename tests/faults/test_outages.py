"""Outages of a whole backend or zone: no request fails for them, and all succeed by themselves afterwards.

`OUTAGE` (seconds), `REQUESTS` and `ZONES` in the environment make them longer and larger than by default.
"""

import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stack.embedded import Stack
from stack.inventory import write_backend
from stack.nameserver import create_key
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.name_servers import close_at_once, fail_always, serving
from tests.support.thoroughly import thoroughly
from tests.support.user import User

pytestmark = pytest.mark.thorough

OUTAGE = float(os.environ.get("OUTAGE", "1"))
REQUESTS = int(os.environ.get("REQUESTS", "10"))
ZONES = int(os.environ.get("ZONES", "2"))
RECOVERY = 90  # seconds

BACKEND = "mirror"


@pytest.fixture(scope="module")
def key(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key of the backend of these tests: a fault may change it, and the backend's inventory file."""
    copy = tmp_path_factory.mktemp("mirror") / "mirror.key"
    shutil.copy(stack.key_file(), copy)
    return copy


class Scene:
    """Zones on the backend of these tests."""

    def __init__(self, stack: Stack, user: User, key: Path) -> None:
        self.stack, self.user, self.key = stack, user, key
        self.account = f"team-{secrets.token_hex(4)}"
        self.zones = [f"t-{secrets.token_hex(4)}.test" for _ in range(ZONES)]
        if not self.file.exists():  # each change of the inventory has all processes read it again
            self.write()
        user.wait_for_backend(BACKEND)
        for zone in self.zones:
            stack.add_zone(zone)
            user.serve(zone, BACKEND)

    @property
    def file(self) -> Path:
        """The backend's inventory file."""
        return Path(self.stack.env["INVENTORY"]) / f"{BACKEND}.yml"

    def write(self, port: int | None = None, **variables: str) -> None:
        """Write the backend's inventory file."""
        host, _, own = self.stack.env["DNS_SERVER"].rpartition(":")
        more = {"dns_tsig_key_file": str(self.key), **variables}
        write_backend(self.file.parent, BACKEND, host, port or int(own), **more)

    def submit(self) -> None:
        """Ask for all changes in one batch."""
        items = [
            body(self.zones[n % ZONES], f"h{n}", target="192.0.2.1", account=self.account)
            for n in range(REQUESTS)
        ]
        self.user.submit(*items)

    def statuses(self) -> Counter[str]:
        """How many requests have which status."""
        with psycopg.connect(self.stack.env["DATABASE_URL"]) as connection:
            query = "SELECT status, count(*) FROM dns_requests WHERE account_id = %s GROUP BY status"
            return Counter(dict(connection.execute(query, [self.account]).fetchall()))

    def fault_codes(self) -> set[str]:
        """What `GET /backends` says is wrong with the backend or its zones."""
        (backend,) = (item for item in self.user.backends() if item["name"] == BACKEND)
        faults = [backend["fault"], *backend["resting_zones"]]
        return {fault["code"] for fault in faults if fault}


Outage = Callable[[Scene], Any]


@contextmanager
def playbook_exits_2(scene: Scene) -> Iterator[None]:
    scene.write(broken="true")
    yield
    scene.write()


@contextmanager
def accepts_and_closes(scene: Scene) -> Iterator[None]:
    with serving(close_at_once) as server:
        scene.write(server.port)
        yield
        scene.write()


@contextmanager
def servfail_to_everything(scene: Scene) -> Iterator[None]:
    with serving(fail_always) as server:
        scene.write(server.port)
        yield
        scene.write()


@contextmanager
def wrong_key(scene: Scene) -> Iterator[None]:
    right = scene.key.read_bytes()
    scene.key.unlink()
    create_key(scene.key)
    yield
    scene.key.write_bytes(right)


@contextmanager
def missing_key(scene: Scene) -> Iterator[None]:
    elsewhere = scene.key.with_suffix(".gone")
    scene.key.rename(elsewhere)
    yield
    elsewhere.rename(scene.key)


@contextmanager
def frozen_zones(scene: Scene) -> Iterator[None]:
    with ExitStack() as frozen:
        for zone in scene.zones:
            frozen.enter_context(scene.stack.frozen(zone))
        yield


@contextmanager
def no_room_for_files(scene: Scene) -> Iterator[None]:
    folder = Path(scene.stack.env["TMPDIR"])
    elsewhere = folder.with_name("tmp-elsewhere")
    folder.rename(elsewhere)
    folder.touch()
    yield
    folder.unlink()
    elsewhere.rename(folder)


@contextmanager
def not_in_the_inventory(scene: Scene) -> Iterator[None]:
    scene.file.unlink()
    yield
    scene.write()


@pytest.mark.parametrize(
    ("outage", "code"),
    [
        (playbook_exits_2, "playbook_failed"),
        thoroughly(accepts_and_closes, "server_unreachable"),  # as in test_backend_away.py
        thoroughly(servfail_to_everything, "zone_failed"),  # a zone rests, as with frozen ones
        (wrong_key, "tsig_refused"),
        thoroughly(missing_key, "key_unusable"),  # the backend rests, as with a wrong one
        (frozen_zones, "zone_refuses_updates"),
        thoroughly(no_room_for_files, "run_not_started"),  # a row of `make faults`
        (not_in_the_inventory, "backend_unknown"),
    ],
)
def test_nothing_fails_for_a_fault_of_the_whole(
    stack: Stack, user: User, key: Path, outage: Outage, code: str
) -> None:
    scene = Scene(stack, user, key)
    with outage(scene):
        scene.submit()
        eventually(lambda: code in scene.fault_codes(), limit=30, pause=0.4)
        time.sleep(OUTAGE)
        if outage is missing_key:
            eventually(lambda: unavailable(user) == {BACKEND: code}, limit=30)
        assert set(scene.statuses()) <= {"pending", "running"}
    done = {"succeeded": REQUESTS}
    eventually(lambda: scene.statuses() == done, limit=RECOVERY, pause=0.4)
    assert scene.fault_codes() == set()
    eventually(lambda: unavailable(user) == {}, limit=30)
    assert user.dig(f"h0.{scene.zones[0]}", "A") == {"192.0.2.1"}


def unavailable(user: User) -> Any:
    """What `/readyz` says of the backends."""
    answer = user.api.get(user.api.base_url.join("/readyz"))
    assert answer.status_code == 200
    return answer.json()["unavailable_backends"]


def test_a_request_that_breaks_every_run_fails_alone(stack: Stack, user: User, zone: str) -> None:
    owners = ["poison", *(f"h{number}" for number in range(5))]
    poison, *others = user.submit(*(body(zone, owner) for owner in owners))
    assert {request["status"] for request in user.wait_until_settled(others)} == {"succeeded"}
    (request,) = user.wait_until_settled([poison])
    assert (request["status"], request["error"]["code"]) == ("failed", "playbook_failed")
