"""The examples that are built on collections: real modules, on BIND and on moto's Route 53."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import httpx2
import pytest

from app.core.config import ROOT
from stack.embedded import Stack
from tests.support.builders import HOSTILE, change
from tests.support.eventually import eventually
from tests.support.runs import FinishedRun, execute
from tests.support.zones import ZoneUnderTest

EXAMPLES = ROOT / "examples"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "the-id-of-the-key", "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-key"}
AWS = "{https://route53.amazonaws.com/doc/2013-04-01/}"


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter of an environment that has the collections."""
    subprocess.run(["make", ".stack/examples/ready"], cwd=ROOT, check=True)
    return ROOT / ".stack" / "examples" / "bin" / "python"


@pytest.fixture(autouse=True)
def _collections(python: Path, monkeypatch: pytest.MonkeyPatch, warm: None) -> None:
    (packages,) = python.parent.parent.glob("lib/*/site-packages")
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(packages))


def template(folder: Path) -> str:
    """A text that leaves a mark when somebody takes it for a template."""
    return f"{{{{ lookup('pipe', 'touch {folder / 'pwned'}') }}}}"


# --- nsupdate


@pytest.fixture
def zone(infrastructure: Stack, new_zone: str) -> ZoneUnderTest:
    return ZoneUnderTest(infrastructure, new_zone)


def nsupdate(
    zone: ZoneUnderTest, folder: Path, key_file: Path, *changes: tuple[str, ...], check: bool = False
) -> FinishedRun:
    text = (EXAMPLES / "nsupdate" / "hosts.yml").read_text()
    for old, new in [
        ("192.0.2.53", zone.target.address),
        ("dns_port: 53", f"dns_port: {zone.target.port}"),
        ("/etc/dns-orchestrator/tsig.key", str(key_file)),
    ]:
        assert old in text
        text = text.replace(old, new)
    (folder / "hosts.yml").write_text(text)
    return execute(
        folder / "hosts.yml",
        *(change(*item, zone=zone.name, **HOSTILE) for item in changes),
        playbook=EXAMPLES / "nsupdate" / "provision.yml",
        backend="nsupdate",
        timeout=110,
        check=check,
    )


def test_nsupdate(infrastructure: Stack, zone: ZoneUnderTest, tmp_path: Path) -> None:
    key_file = infrastructure.key_file()
    evil = template(tmp_path)
    zone.do("create", "www", "A", "192.0.2.1", ttl=60)
    ended = nsupdate(
        zone,
        tmp_path,
        key_file,
        ("create", "www", "A", "192.0.2.2", "192.0.2.3"),
        ("delete", "www", "A", "192.0.2.1"),
        ("create", "bad", "A", evil),
        ("upsert", "txt", "TXT", '"one" "two"', r'"a \" quote"', f'"{evil}"'),
    )
    assert ended.outcomes == [
        ("applied", None),
        ("applied", None),
        ("failed", "nsupdate_failed"),
        ("applied", None),
    ]
    assert ended.result.rc == 0
    assert zone.answer("www", "A") == (300, {"192.0.2.2", "192.0.2.3"})
    assert zone.values("txt", "TXT") == {'"one" "two"', r'"a \" quote"', f'"{evil}"'}
    assert not (tmp_path / "pwned").exists()
    (secret,) = re.findall(r'secret "(\S+)"', key_file.read_text())
    assert secret not in ended.everything


@pytest.mark.thorough
def test_nsupdate_where_something_is_there_or_nothing(
    infrastructure: Stack, zone: ZoneUnderTest, tmp_path: Path
) -> None:
    zone.do("create", "www", "A", "192.0.2.2")
    zone.do("create", "alias", "CNAME", "a.example.org.")
    zone.do("create", "four", "PTR", "one.example.org.")
    zone.do("create", "txt", "TXT", '"one"')
    ended = nsupdate(
        zone,
        tmp_path,
        infrastructure.key_file(),
        ("create", "www", "A", "192.0.2.2"),
        ("update", "missing", "A", "192.0.2.1"),
        ("create", "alias", "CNAME", "b.example.org."),
        ("create", "four", "PTR", "two.example.org."),
        ("create", "txt", "CNAME", "a.example.org."),  # BIND ignores it, and nsupdate does not notice
    )
    assert ended.outcomes == [
        ("unchanged", None),
        ("failed", "rrset_missing"),
        ("failed", "cname_exists"),
        ("applied", None),
        ("applied", None),
    ]
    assert zone.values("txt", "CNAME") == set()
    assert zone.values("alias", "CNAME") == {"a.example.org."}
    assert zone.values("four", "PTR") == {"one.example.org.", "two.example.org."}


@pytest.mark.thorough
def test_nsupdate_in_check_mode(infrastructure: Stack, zone: ZoneUnderTest, tmp_path: Path) -> None:
    asked = [("create", "www", "A", "192.0.2.1"), ("update", "missing", "A", "192.0.2.1")]
    ended = nsupdate(zone, tmp_path, infrastructure.key_file(), *asked, check=True)
    assert ended.outcomes == [("applied", None), ("failed", "rrset_missing")]
    assert zone.values("www", "A") == set()


@pytest.mark.thorough
def test_nsupdate_with_a_key_that_is_refused(zone: ZoneUnderTest, tmp_path: Path) -> None:
    key_file = tmp_path / "tsig.key"
    key_file.write_text('key "orchestrator" { algorithm hmac-sha256; secret "bm90IHRoZSBzZWNyZXQ="; };')
    ended = nsupdate(zone, tmp_path, key_file, ("create", "www", "A", "192.0.2.1"))
    assert ended.outcomes == [("failed", "tsig_refused")]
    assert "TSIG" in str(ended.result.results)


@pytest.mark.thorough
def test_nsupdate_in_a_zone_that_is_frozen(
    infrastructure: Stack, zone: ZoneUnderTest, tmp_path: Path
) -> None:
    with infrastructure.frozen(zone.name):
        ended = nsupdate(zone, tmp_path, infrastructure.key_file(), ("create", "www", "A", "192.0.2.1"))
    assert ended.outcomes == [("failed", "zone_refuses_updates")]


@pytest.mark.thorough
def test_nsupdate_on_a_server_that_is_down(
    infrastructure: Stack, zone: ZoneUnderTest, tmp_path: Path
) -> None:
    zone.target = zone.target._replace(port=1)
    ended = nsupdate(zone, tmp_path, infrastructure.key_file(), ("create", "www", "A", "192.0.2.1"))
    assert ended.outcomes == [("failed", "server_unreachable")]


# --- Route 53


class Route53:
    """A hosted zone on moto's server."""

    def __init__(self, url: str, zone: str) -> None:
        self.zone = zone
        us = "AWS4-HMAC-SHA256 Credential=id/20260101/us-east-1/route53/aws4_request"  # says which service
        self._api = httpx2.Client(base_url=f"{url}/2013-04-01", headers={"Authorization": us})
        ask = f'<CreateHostedZoneRequest xmlns="{AWS[1:-1]}"><Name>{zone}.</Name></CreateHostedZoneRequest>'
        created = self._api.post("/hostedzone", content=ask).raise_for_status()
        found = ElementTree.fromstring(created.text).findtext(f"{AWS}HostedZone/{AWS}Id")
        self._id = str(found).rpartition("/")[2]

    def answer(self, owner: str, rdtype: str) -> tuple[int | None, set[str]]:
        listing = self._api.get(f"/hostedzone/{self._id}/rrset").raise_for_status().text
        for found in ElementTree.fromstring(listing).iter(f"{AWS}ResourceRecordSet"):
            place = found.findtext(f"{AWS}Name"), found.findtext(f"{AWS}Type")
            if place == (f"{owner}.{self.zone}.", rdtype):
                values = {str(value.text) for value in found.iter(f"{AWS}Value")}
                return int(str(found.findtext(f"{AWS}TTL"))), values
        return None, set()

    def add_alias(self, owner: str, target: str) -> None:
        """Add an A record set that is an alias of another one."""
        ask = f"""
            <ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action>
            <ResourceRecordSet><Name>{owner}.{self.zone}.</Name><Type>A</Type><AliasTarget>
            <HostedZoneId>{self._id}</HostedZoneId><DNSName>{target}.{self.zone}.</DNSName>
            <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>
            </Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"""
        self._api.post(f"/hostedzone/{self._id}/rrset/", content=ask).raise_for_status()

    def close(self) -> None:
        self._api.close()


@contextmanager
def moto(python: Path, log: Path) -> Iterator[str]:
    """moto's server, as a process of its own."""
    command = [str(python), "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:

        def started() -> re.Match[str] | None:
            assert process.poll() is None, log.read_text()
            return re.search(r"Running on (http://[\d.]+:\d+)", log.read_text())

        yield eventually(started, limit=60)[1]
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def moto_url(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(python, tmp_path_factory.mktemp("moto") / "log") as url:
        yield url


@pytest.fixture
def hosted(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Route53]:
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": moto_url}.items():
        monkeypatch.setenv(name, value)
    zone = Route53(moto_url, f"t-{os.urandom(4).hex()}.test")
    yield zone
    zone.close()


def route53(
    hosted: Route53, folder: Path, python: Path, *changes: tuple[str, ...], check: bool = False
) -> FinishedRun:
    text = (EXAMPLES / "route53" / "hosts.yml").read_text()
    (folder / "hosts.yml").write_text(text.replace("{{ ansible_playbook_python }}", str(python)))
    return execute(
        folder / "hosts.yml",
        *(change(*item, zone=hosted.zone, **HOSTILE) for item in changes),
        playbook=EXAMPLES / "route53" / "provision.yml",
        backend="route53",
        timeout=110,
        environment=[*CREDENTIALS, "AWS_ENDPOINT_URL"],
        check=check,
    )


@pytest.mark.thorough
def test_route53(hosted: Route53, tmp_path: Path, python: Path) -> None:
    hosted.add_alias("alias", "www")
    evil = template(tmp_path)
    ended = route53(
        hosted,
        tmp_path,
        python,
        ("create", "www", "A", "192.0.2.1"),
        ("create", "www", "A", "192.0.2.2"),
        ("create", "www", "A", "192.0.2.1"),
        ("update", "missing", "A", "192.0.2.1"),
        ("create", "bad", "AFSDB", evil),
        ("upsert", "*", "MX", "10 mx1.example.org."),
        ("update", "*", "MX", "20 mx2.example.org."),
        ("delete", "www", "A", "192.0.2.1"),
        ("delete", "sub", "NS"),
        ("create", "txt", "TXT", r'"\195\188"'),
        ("create", "evil", "TXT", f'"{evil}"'),
        ("delete", "alias", "A"),
    )
    assert ended.outcomes == [
        ("applied", None),
        ("applied", None),
        ("unchanged", None),
        ("failed", "rrset_missing"),
        ("failed", "route53_failed"),
        ("applied", None),
        ("applied", None),
        ("applied", None),
        ("unchanged", None),
        ("failed", "text_unsupported"),
        ("applied", None),
        ("failed", "alias_or_policy"),
    ]
    assert ended.result.rc == 0
    assert hosted.answer("www", "A") == (300, {"192.0.2.2"})
    assert hosted.answer("*", "MX")[1] == {"20 mx2.example.org."}
    assert hosted.answer("evil", "TXT")[1] == {f'"{evil}"'}
    assert not (tmp_path / "pwned").exists()
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in ended.everything


@pytest.mark.thorough
def test_route53_in_check_mode(hosted: Route53, tmp_path: Path, python: Path) -> None:
    ended = route53(hosted, tmp_path, python, ("create", "www", "A", "192.0.2.1"), check=True)
    assert ended.outcomes == [("applied", None)]
    assert hosted.answer("www", "A") == (None, set())
