"""Zones that are frozen or not loaded: an absence, whatever is asked, and no refusal of a change."""

import subprocess
from pathlib import Path

import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.key_file import read_key

from app.domain.change import RRsetKey
from app.domain.retry_policy import Kind, Scope, codes_of
from app.domain.server import Server
from app.nameservers.probe import ProbeFailed, ask_serial, try_transfer
from app.nameservers.resolver import ask
from stack.knot import Knot
from stack.nameserver import KEY_NAME, create_key, empty_zone
from stack.paths import PACKAGES
from stack.ports import HOST
from tests.support.free_port import free_port
from tests.support.own_servers import own_bind, own_knot
from tests.support.zones import APPLIED, ZoneUnderTest

BROKEN = "broken.test"


class OwnZone(ZoneUnderTest):
    """A zone on a server of a test's own."""

    def __init__(self, name: str, port: int, key_file: Path) -> None:
        self.name = name
        self.target = Target(HOST, port, 3, 10)
        self.key = read_key(key_file)
        self.outcomes = Outcomes()


def knotc(home: Path, *command: str) -> None:
    knot = Knot(home / "state", 0, PACKAGES)
    program = Path(knot.command()[0]).with_name("knotc")
    subprocess.run(
        [program, "-s", "knot.sock", "--blocking", *command],
        cwd=home,
        env=knot.environment(),
        check=True,
        capture_output=True,
    )


def test_a_zone_that_knot_has_frozen(tmp_path: Path) -> None:
    key_file, port, home = tmp_path / "a.key", free_port(), tmp_path / "knot"
    secret = create_key(key_file)
    home.mkdir()
    (home / "frozen.test").write_text(empty_zone("frozen.test"))
    text = (
        f"key:\n  - id: {KEY_NAME}\n    algorithm: hmac-sha256\n    secret: {secret}\n"
        f"acl:\n  - id: updates\n    key: {KEY_NAME}\n    action: update\n"
        "zone:\n  - domain: frozen.test\n    storage: .\n    file: frozen.test\n    acl: updates\n"
    )
    with own_knot(home, text, port):
        zone = OwnZone("frozen.test", port, key_file)
        assert zone.do("create", "a", "A", "192.0.2.1") == APPLIED
        knotc(home, "zone-freeze", "frozen.test")
        changes = [zone.change("create", owner, "A", "192.0.2.1") for owner in ("b", "c")]
        said = zone.apply(*changes)
        assert {each.code for each in said} <= codes_of(Kind.TRANSIENT, Scope.ZONE), said
        asked = RRsetKey("a.frozen.test", "A")
        assert ask(Server(HOST, port), [asked], timeout=5)[asked].rdata == {"192.0.2.1"}
        knotc(home, "zone-thaw", "frozen.test")
        assert zone.apply(*changes) == [APPLIED] * 2


def test_a_zone_that_bind_can_not_load(tmp_path: Path) -> None:
    key_file, port, home = tmp_path / "a.key", free_port(), tmp_path / "bind"
    create_key(key_file)
    home.mkdir()
    (home / BROKEN).write_text("nonsense")
    text = (
        f'include "{key_file}"; zone "{BROKEN}" {{ type primary; file "{BROKEN}"; notify no;'
        f' allow-update {{ key "{KEY_NAME}"; }}; allow-transfer {{ key "{KEY_NAME}"; }}; }};'
    )
    with own_bind(home, text, port):
        zone = OwnZone(BROKEN, port, key_file)
        (said,) = {zone.do("create", "a", "A", "192.0.2.1"), zone.do("delete", "a", "A")}
        assert said.code in codes_of(Kind.TRANSIENT, Scope.ZONE)
        key = RRsetKey(f"a.{BROKEN}", "A")
        signed = Server(HOST, port, key_file)
        assert ask(signed, [key], timeout=5)[key].error is not None
        for look in (try_transfer, ask_serial):
            with pytest.raises(ProbeFailed) as refused:
                look(signed, BROKEN, 5)
            assert refused.value.code == "zone_not_loaded"
