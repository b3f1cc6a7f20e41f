"""The images of docker-compose.yml together, with its variables and volumes: a record reaches BIND.

Prometheus of the profile `observability` reads what they show. Its image can't be had here: Debian's program
stands in, with the place, the arguments, the user and the volumes of its own.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
import yaml  # type: ignore[import-untyped]

from app.core.config import ROOT
from stack.embedded import Stack
from stack.ports import HOST, Ports
from tests.support import http
from tests.support.builders import body
from tests.support.compose import SERVICES, command, environment, published
from tests.support.eventually import eventually
from tests.support.images import BASES, Images
from tests.support.own_network import in_own_network
from tests.support.prometheus import CONFIG, Prometheus, installed, quick_config
from tests.support.user import User

pytestmark = pytest.mark.timeout(900)  # where nothing has been built beforehand

BIND_USER = 10053
WORKER_USER = 10001
NOBODY = 65534
# The entry point and the command of the image prom/prometheus
PROMETHEUS = (
    "/bin/prometheus",
    "--config.file=/etc/prometheus/prometheus.yml",
    "--storage.tsdb.path=/prometheus",
)
WRITABLE_BY_ALL = ("/tmp", "/var/tmp", "/run/lock")  # of the base: nobody else's file is nobody's to write


def test_a_record_reaches_bind_and_prometheus_sees_it(engine: Images, hosts: str, tmp_path: Path) -> None:
    program = installed() / "prometheus"
    engine.build("app", ROOT, target="app")
    engine.build("worker", ROOT, target="worker")
    engine.build("bind", ROOT / "deploy" / "bind")
    in_own_network(lambda: _walk(engine, hosts, program, tmp_path))


def _walk(engine: Images, hosts: str, program: Path, directory: Path) -> None:
    stores = {name: _folder(directory / name, BIND_USER) for name in ("dns-keys", "zones")}
    with _foreign_services(directory / "stack"), ExitStack() as running:
        with engine.run("bind", command("tsig-key"), volumes=_volumes("tsig-key", stores)) as create_key:
            assert create_key.wait(timeout=60) == 0
        assert (stores["dns-keys"] / "orchestrator.key").stat().st_mode & 0o7 == 0
        running.enter_context(engine.run("bind", volumes=_volumes("bind", stores)))
        running.enter_context(engine.run("app", command("api"), environment("api"), [hosts]))
        [group] = SERVICES["worker"]["group_add"]
        worker = engine.run(
            "worker",
            command("worker"),
            environment("worker"),
            [hosts, *_volumes("worker", stores)],
            user=f"{WORKER_USER}:{group}",
        )
        running.enter_context(worker)
        running.enter_context(engine.run("app", command("consumer"), environment("consumer"), [hosts]))
        running.enter_context(_prometheus(engine, hosts, program, directory))
        _submit_and_dig()
        prometheus = Prometheus(int(published("prometheus")))
        prometheus.expect_all({f"dns-orchestrator-{name}" for name in ("api", "worker", "consumer")})
        assert http.get(SERVICES["prometheus"]["healthcheck"]["test"][-1]).status_code == 200
        eventually(lambda: prometheus.number("sum(dns_orchestrator_requests_settled_total)") == 1)


def _prometheus(
    engine: Images, hosts: str, program: Path, directory: Path
) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    """The service `prometheus`, which scrapes each second: else each part would be seen after 15 of them."""
    service = SERVICES["prometheus"]
    assert service["read_only"]
    stores = {"prometheus": _folder(directory / "prometheus", NOBODY)}
    config = directory / "prometheus.yml"
    config.write_text(yaml.safe_dump(quick_config()))
    empty = _folder(directory / "empty", NOBODY)
    volumes = [
        *(each.replace(str(CONFIG), str(config)) for each in _volumes("prometheus", stores)),
        *(f"{empty}:{path}:ro" for path in WRITABLE_BY_ALL),
        f"{program}:{PROMETHEUS[0]}:ro",
        hosts,
    ]
    return engine.run(BASES[1], command("prometheus") or PROMETHEUS, volumes=volumes, user=service["user"])


def _submit_and_dig() -> None:
    user = User({"API_URL": f"http://{HOST}:8000/api/v1/dns/create", "DNS_SERVER": f"{HOST}:1053"})
    user.wait_until_ready()
    [request] = user.submit_and_wait(body("example.test", target="192.0.2.77"))
    assert request["status"] == "succeeded", request
    assert user.dig("www.example.test", "A") == {"192.0.2.77"}
    user.api.close()


def _folder(path: Path, owner: int) -> Path:
    """A volume, as it is in the image: of the user who runs there."""
    path.mkdir(mode=0o750)
    os.chown(path, owner, owner)
    return path


def _volumes(service: str, stores: Mapping[str, Path]) -> list[str]:
    """The volumes of a service; those that have names are folders."""
    mounts = (mount.partition(":") for mount in SERVICES[service]["volumes"])
    return [f"{stores.get(outside) or ROOT / outside}:{inside}" for outside, _, inside in mounts]


@contextmanager
def _foreign_services(directory: Path) -> Iterator[None]:
    """What stands in for the images of others: servers with the passwords and ports of docker-compose.yml."""
    kafka = int(environment("consumer")["KAFKA_BROKER_URL"].rpartition(":")[2])
    ports = Ports(postgres=5432, valkey=6379, kafka=kafka)
    password = urlsplit(environment("worker")["DATABASE_URL"]).password
    with Stack(directory, ("postgres", "valkey", "kafka"), ports=ports) as stack:
        with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as superuser:
            superuser.execute(f"CREATE ROLE dns LOGIN PASSWORD '{password}'")
            superuser.execute("ALTER DATABASE dns OWNER TO dns")
            superuser.execute("ALTER SCHEMA public OWNER TO dns")
        secret = urlsplit(environment("worker")["CELERY_BROKER_URL"]).password
        redis.Redis(HOST, ports.valkey).config_set("requirepass", secret or "")
        yield
