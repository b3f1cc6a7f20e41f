"""Fixtures of the Kafka tests: brokers of both kinds, the API, a sandbox for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.embedded import Stack
from tests.conftest import temporary_database
from tests.support.kafka import apache
from tests.support.kafka.apache import ApacheKafka
from tests.support.kafka.broker import Broker
from tests.support.kafka.fake_api import FakeApi, fake_api
from tests.support.kafka.processes import Api
from tests.support.kafka.sandbox import ZONE, KafkaSandbox
from tests.support.kafka.tansu import Tansu

# The brokers end with the last test of this package: an idle one would take processor time from other tests.


@pytest.fixture(scope="package")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    """Tansu, the broker of the embedded stack."""
    broker = Tansu(tmp_path_factory.mktemp("tansu"))
    yield broker.start()
    broker.remove()


@pytest.fixture(scope="package")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """Apache Kafka, on which everything is shown; skipped where it can't run, but not on CI."""
    if reason := apache.why_not():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    broker = ApacheKafka(tmp_path_factory.mktemp("apache"))
    yield broker.start()
    broker.remove()


@pytest.fixture
def sandbox(apache_kafka: Broker, tmp_path: Path) -> Iterator[KafkaSandbox]:
    """A topic, a group and an account that no other test uses."""
    sandbox = KafkaSandbox(apache_kafka, tmp_path)
    yield sandbox
    sandbox.stop_all()


@pytest.fixture
def tansu_sandbox(tansu: Broker, tmp_path: Path) -> Iterator[KafkaSandbox]:
    """The same on Tansu."""
    sandbox = KafkaSandbox(tansu, tmp_path)
    yield sandbox
    sandbox.stop_all()


@pytest.fixture(params=["tansu", "apache_kafka"])
def any_sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KafkaSandbox]:
    """The same on each kind of broker, for the few things in which they differ."""
    sandbox = KafkaSandbox(request.getfixturevalue(request.param), tmp_path)
    yield sandbox
    sandbox.stop_all()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """A stand-in for the API."""
    with fake_api() as running:
        yield running


@pytest.fixture(scope="package")
def api_env(infrastructure: Stack, migrated_database: str) -> Iterator[dict[str, str]]:
    """The environment of an API that serves the zone `kafka.test`, on a database of its own."""
    redis = infrastructure.env["CELERY_BROKER_URL"].rpartition("/")[0]
    with temporary_database(infrastructure, migrated_database) as url:
        yield {
            **infrastructure.env,
            "DATABASE_URL": url,
            "CELERY_BROKER_URL": f"{redis}/9",  # no worker looks there: the requests stay pending
            "BOOTSTRAP_ZONES": f"{ZONE}=bind",
        }


@pytest.fixture(scope="package")
def kafka_api(api_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The real API."""
    api = Api(api_env, tmp_path_factory.mktemp("api"))
    api.start()
    yield api
    api.stop()
