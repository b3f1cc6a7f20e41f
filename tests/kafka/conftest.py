"""Fixtures of the Kafka tests: brokers of both kinds, the API, a lane for each test."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from stack.embedded import Stack
from tests.kafka import apache
from tests.kafka.apache import ApacheKafka
from tests.kafka.broker import Broker
from tests.kafka.lane import ZONE, Lane
from tests.kafka.processes import Api
from tests.kafka.tansu import Tansu


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    """Tansu, running for the session."""
    broker = Tansu(tmp_path_factory.mktemp("tansu"))
    yield broker.start()
    broker.remove()


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """Apache Kafka, running for the session; skipped where it can't run, but not on CI."""
    if reason := apache.why_not():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    broker = ApacheKafka(tmp_path_factory.mktemp("apache"))
    yield broker.start()
    broker.remove()


@pytest.fixture(scope="session", params=["tansu", "apache_kafka"])
def kafka_broker(request: pytest.FixtureRequest) -> Broker:
    """A running broker: a test that asks for it runs on Tansu and on Apache Kafka."""
    broker: Broker = request.getfixturevalue(request.param)
    return broker


@pytest.fixture
def lane(kafka_broker: Broker, tmp_path: Path) -> Iterator[Lane]:
    """A topic, a group and an account that no other test uses, on each kind of broker."""
    lane = Lane(kafka_broker, tmp_path)
    yield lane
    lane.stop_all()


@pytest.fixture
def apache_lane(apache_kafka: Broker, tmp_path: Path) -> Iterator[Lane]:
    """The same, on Apache Kafka only."""
    lane = Lane(apache_kafka, tmp_path)
    yield lane
    lane.stop_all()


@pytest.fixture(scope="session")
def api_env(infrastructure: Stack) -> Iterator[dict[str, str]]:
    """The environment of an API that serves the zone `kafka.test`, on a database of its own."""
    url = infrastructure.env["DATABASE_URL"]
    name = f"kafka_{secrets.token_hex(6)}"
    redis = infrastructure.env["CELERY_BROKER_URL"].rpartition("/")[0]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        yield {
            **infrastructure.env,
            "DATABASE_URL": f"{url.rpartition('/')[0]}/{name}",
            "CELERY_BROKER_URL": f"{redis}/9",  # no worker looks there: the requests stay pending
            "BOOTSTRAP_ZONES": f"{ZONE}=bind",
        }
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(scope="session")
def kafka_api(api_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The real API, running for the session."""
    api = Api(api_env, tmp_path_factory.mktemp("api"))
    api.start()
    yield api
    api.stop()


@pytest.fixture
def absent_api(api_env: dict[str, str], tmp_path: Path) -> Iterator[Api]:
    """An API that does not run yet; its address is fixed already."""
    api = Api(api_env, tmp_path)
    yield api
    api.stop()
