"""docker-compose.yml, the images and the inventory fit together, and confine what they run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from sqlalchemy.engine import make_url

from app.core.config import Settings
from app.core.stopping import END_TIMEOUT
from stack.paths import ROOT
from tests.support.compose import COMPOSE, SERVICES, default, environment, mounts

BIND = ROOT / "deploy" / "bind"
OURS = ("api", "worker", "consumer")
KEY = "tsig-key"  # the service that makes the TSIG key and ends
NO_ROOT_INSIDE = ("kafka",)  # its image names a user of its own


def inventory() -> dict[str, dict[str, Any]]:
    hosts = yaml.safe_load((ROOT / "deploy" / "inventory" / "hosts.yml").read_text())["dns"]["hosts"]
    assert isinstance(hosts, dict)
    return hosts


def bootstrap_zones() -> dict[str, str]:
    return Settings.model_validate({"bootstrap_zones": environment("api")["BOOTSTRAP_ZONES"]}).bootstrap_zones


def test_the_file_follows_the_compose_specification() -> None:
    check = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_the_loopback_address_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_services_are_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {KEY}))
def test_services_come_back_and_are_watched(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_as_root(name: str) -> None:
    service = SERVICES[name]
    if "build" not in service:
        assert service.get("user", "root") != "root" or name in NO_ROOT_INSIDE
        return
    users = re.findall(r"^USER (\d+):\d+$", dockerfile(name).read_text(), re.MULTILINE)
    assert users
    assert all(int(user) > 0 for user in users)


@pytest.mark.parametrize("name", [*OURS, "bind", KEY])
def test_our_containers_cannot_change_their_own_files(name: str) -> None:
    assert SERVICES[name]["read_only"] is True


def test_the_services_wait_for_what_they_need_and_for_nothing_in_a_circle() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    for needed in (item for needs in waits.values() for item in needs.items()):
        expected = "service_completed_successfully" if needed[0] == KEY else "service_healthy"
        assert needed[1] == {"condition": expected}
    started: set[str] = set()
    while ready := [name for name in waits if name not in started and started.issuperset(waits[name])]:
        started.update(ready)
    assert started == set(SERVICES)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    assert set(environment(name)) <= {field.upper() for field in Settings.model_fields}


@pytest.mark.parametrize(
    ("name", "part", "field"),
    [
        ("api", "postgres", "database_url"),
        ("worker", "postgres", "database_url"),
        ("api", "redis", "celery_broker_url"),
        ("worker", "redis", "celery_broker_url"),
        *((name, "api", "api_url") for name in OURS),
    ],
)
def test_a_process_on_the_host_finds_the_same_part_without_any_setting(
    name: str, part: str, field: str
) -> None:
    address = Settings.model_fields[field].default
    plain = address if isinstance(address, str) else address.get_secret_value()
    inside = make_url(environment(name)[field.upper()])
    outside = make_url(plain).set(host=part)
    if part == "redis":  # which has a password here, says its page; a plain one has none
        outside = outside.set(username=inside.username, password=inside.password)
    assert inside == outside
    port = make_url(plain).port
    assert default(SERVICES[part]["ports"][0]) == f"127.0.0.1:{port}:{port}"


@pytest.mark.parametrize("name", OURS)
def test_they_have_as_long_to_stop_as_with_systemd(name: str) -> None:
    unit = (ROOT / "deploy" / "systemd" / f"dns-orchestrator-{name}.service").read_text()
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert SERVICES[name]["stop_grace_period"] == f"{seconds}s"
    assert int(seconds) > Settings.model_fields["stop_timeout"].default + END_TIMEOUT


def test_the_worker_where_doctor_runs_knows_kafka_as_the_consumer_does() -> None:
    assert environment("worker")["KAFKA_BROKER_URL"] == environment("consumer")["KAFKA_BROKER_URL"]


def test_kafka_tells_containers_and_the_host_each_an_address_that_they_can_reach() -> None:
    inside = environment("consumer")["KAFKA_BROKER_URL"]
    outside = default(SERVICES["kafka"]["ports"][0]).rpartition(":")[0]
    advertised = environment("kafka")["KAFKA_ADVERTISED_LISTENERS"]
    assert advertised == f"CONTAINERS://{inside},HOST://{outside}"


def test_the_zones_are_served_by_the_server_that_the_inventory_names() -> None:
    configured = re.findall(r'^zone "([^"]+)"', (BIND / "named.conf").read_text(), re.MULTILINE)
    assert set(bootstrap_zones()) == set(configured)
    assert {path.name.removesuffix(".zone") for path in (BIND / "zones").iterdir()} == set(configured)
    assert set(bootstrap_zones().values()) == set(inventory())


def test_the_inventory_reaches_the_server_in_its_container() -> None:
    (port,) = set(re.findall(r"listen-on(?:-v6)? port (\d+)", (BIND / "named.conf").read_text()))
    host = inventory()["bind"]
    servers = [(host["dns_server"], host["dns_port"])]
    servers += [(server["address"], server["port"]) for server in host["dns_verify_servers"]]
    assert set(servers) == {("bind", int(port))}
    published = {default(item).partition("/")[0].rpartition(":")[2] for item in SERVICES["bind"]["ports"]}
    assert published == {port}
    assert environment("worker")["INVENTORY"] in mounts("worker")


def test_only_bind_and_the_worker_can_read_the_tsig_key() -> None:
    folder = str(Path(inventory()["bind"]["dns_tsig_key_file"]).parent)
    volume = mounts(KEY)[folder]
    assert {name for name in SERVICES if volume in mounts(name).values()} == {"bind", "worker", KEY}
    assert mounts("bind")[folder] == mounts("worker")[folder] == volume
    (group,) = SERVICES["worker"]["group_add"]
    assert f"USER {group}:{group}" in dockerfile("bind").read_text()


def test_the_images_get_only_what_is_named() -> None:
    first, *rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] != "#"]
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    assert first == "*"
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile("api").read_text(), re.MULTILINE)
    sources = [source for copy in copies for source in copy.split()]
    assert sorted(sources) == sorted(allowed)
    assert all((ROOT / source).exists() for source in sources)


def dockerfile(service: str) -> Path:
    build = SERVICES[service]["build"]
    return ROOT / build / "Dockerfile" if isinstance(build, str) else ROOT / "Dockerfile"


def test_prometheus_scrapes_what_shows_metrics() -> None:
    """By the names of the services, at the ports at which they listen."""
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())[
        "scrape_configs"
    ]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in scraped}
    listen = {name: environment(name)["METRICS_LISTEN"].rpartition(":")[2] for name in ("worker", "consumer")}
    ports = {"api": default(SERVICES["api"]["ports"][0]).rpartition(":")[2], **listen}
    assert targets == {f"dns-orchestrator-{name}": [f"{name}:{port}"] for name, port in ports.items()}


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_who_only_looks_on_is_started_when_asked_for(name: str) -> None:
    assert SERVICES[name]["profiles"] == ["observability"]
    outside = [path for path in mounts(name).values() if path.startswith("./")]
    assert outside
    assert all((ROOT / path).exists() for path in outside)
