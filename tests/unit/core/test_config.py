"""Bad settings are refused when a process starts: all at once, in plain words."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core.config import Settings, doubtful_settings, misspelt_settings
from app.core.setting_types import host_and_port
from tests.support.forked import API, CLI, CONSUMER, Ended, run_in_fork
from tests.support.settings import SetSettings

PAGE = "These settings can't be used:\n"
BAD = {
    "DATABASE_URL": ["localhost", "mysql://u:secret@h/d", "postgresql://u:secret@h", "postgresql://h:x/d"],
    "CELERY_BROKER_URL": ["amqp://u:secret@h//", "redis", "redis://h:port/0"],
    "KAFKA_BROKER_URL": ["two words", "h:99999", "h:9092,,", "h:9092/x"],
    "API_URL": ["localhost:8000/api/v1/dns/create", "http://", "http://h:x/a/b", "http://h"],
    "KAFKA_DNS_TOPIC": ["a topic", "x" * 246, ".", "..", "__consumer_offsets"],
    "KAFKA_RESULTS_TOPIC": ["dns/results", "x" * 250, ".", "..", "dns_requests", "dns_requests.dlq"],
    "KAFKA_TOPIC_ACCOUNTS": ["..=a", "a b=a", "x" * 246 + "=a"],
    "BATCH_LIMIT": ["0", "-1", "65537", "many", "1.5"],
    "LEASE": ["0", "inf", "nan", "-1", "1e99", "x"],
    "RETRY_PAUSE": ["3600"],
    "RETENTION": ["-1", "inf", "nan", "2147483648", "a year"],
    "IDEMPOTENCY_LIFETIME": ["0", "86399"],
    "SIMULATED_DELAY": ["-1", "inf"],
    "SIMULATED_FAILURE_RATE": ["2", "-0.1", "nan"],
    "LOG_LEVEL": ["loud"],
    "EXECUTOR": ["terraform"],
    "ANSIBLE_FORK_SERVER": ["maybe"],
    "KAFKA_CONFIG": ["no json"],
    "KAFKA_CONFIG__A__B": ["c"],
    "OIDC_ISSUER": ["login.example.org", "ftp://h/", "https://h/?x", "https://u:secret@h/", "https://h/x"],
    "OIDC_ALGORITHMS": ["none", "RS256,HS256", ","],
    "OIDC_ROLE_MAP": ["admin", "a=", "=admin"],
    "OIDC_CLOCK_SKEW": ["-1", "301"],
    "BOOTSTRAP_ZONES": ["*.wild.test=bind", "ok.test=no such backend", "a..b=bind", "a.test", "=bind"],
}
PROCESSES = {
    "api": API,
    "worker": ("-m", "celery", "-A", "app.tasks", "worker"),
    "consumer": CONSUMER,
    "cli": (*CLI, "migrate"),
}
SAYS = "import app.main"


Start = Callable[..., Ended]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Runs a process until it ends."""
    return lambda words, **variables: run_in_fork(words, variables, tmp_path)


def test_zones_with_their_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOTSTRAP_ZONES", " a.test = bind ,b.test=ns1,")
    assert Settings().bootstrap_zones == {"a.test": "bind", "b.test": "ns1"}


def test_each_bad_value_is_named_and_no_secret_is_shown(start: Start, tmp_path: Path) -> None:
    code = """
import os
from app.core.config import settings
from app.core.setting_types import page
from app.services.zones.registry import check_bootstrap_zones
for line in open(os.environ["BAD"]):
    name, _, value = line.rstrip("\\n").partition("=")
    os.environ[name] = value
    settings.cache_clear()
    try:
        wrong = check_bootstrap_zones(settings().bootstrap_zones)
        print(repr((name, value, page(wrong) if wrong else "")))
    except SystemExit as stop:
        print(repr((name, value, str(stop))))
    del os.environ[name]
"""
    values = [f"{name}={value}\n" for name, each in BAD.items() for value in each]
    (tmp_path / "bad").write_text("".join(values))
    done = start(("-c", code), BAD=str(tmp_path / "bad"))
    assert done.status == 0, done.err
    for line in done.out.splitlines():
        name, value, said = eval(line)
        assert said.startswith(PAGE), (name, value)
        assert name.partition("__")[0] in said.upper(), (name, value, said)
        assert len(said.splitlines()) == 3, said
        assert "secret" not in said
    assert len(done.out.splitlines()) == len(values)


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_says_all_of_it_at_once(start: Start, name: str) -> None:
    done = start(PROCESSES[name], BATCH_LIMIT="many", LEASE="0", API_URL="nowhere", INVENTRY="/srv")
    assert "no setting is called INVENTRY; is INVENTORY meant?" in done.err
    assert done.status == 1
    assert (PAGE in done.err, "Traceback" in done.out + done.err) == (True, False)
    assert {"BATCH_LIMIT", "LEASE", "API_URL"} <= {
        line.split()[0].rstrip(":") for line in done.err.splitlines()
    }


def test_the_api_says_which_zones_it_can_not_serve(start: Start) -> None:
    done = start(PROCESSES["api"], BOOTSTRAP_ZONES="*.wild.test=bind,ok.test=no such backend")
    assert done.status == 1
    assert [line.split(":")[0].strip() for line in done.err.splitlines()[1:3]] == ["BOOTSTRAP_ZONES"] * 2


def test_the_consumer_says_which_property_there_is_not(start: Start) -> None:
    done = start(PROCESSES["consumer"], KAFKA_CONFIG__SECURITY_PROTOKOL="SSL")
    assert (done.status, "Traceback" in done.err) == (1, False)
    assert 'security.protokol"' in done.err


@pytest.mark.parametrize("name", ["api", "cli"])
def test_a_database_that_can_not_be_used_is_one_line(start: Start, name: str) -> None:
    done = start(PROCESSES[name], DATABASE_URL="postgresql://u:secret@127.0.0.1:9/d", LOG_FORMAT="json")
    said = done.out + done.err
    assert done.status != 0
    assert "Connection refused" in said
    assert "Traceback" not in said
    assert "secret" not in said
    assert len(said.splitlines()) < 8


def test_a_setting_that_is_misspelt_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETRY_PUASE", "DATABASE_URI", "KAFKA_CONFIG_SASL_USERNAME", "PATH", "HOME"):
        monkeypatch.setenv(name, "1")
    found = misspelt_settings()
    assert {
        "no setting is called RETRY_PUASE; is RETRY_PAUSE meant?",
        "no setting is called DATABASE_URI; is DATABASE_URL meant?",
        "no setting is called KAFKA_CONFIG_SASL_USERNAME; is KAFKA_CONFIG__SASL_USERNAME meant?",
    } <= set(found)
    assert not [line for line in found if "PATH" in line or "HOME" in line]


def test_what_is_set_to_nothing_is_not_set(
    monkeypatch: pytest.MonkeyPatch, set_settings: SetSettings
) -> None:
    for name in ("INVENTORY", "DATABASE_URL", "LEASE", "EXECUTOR", "DNS_SERVER"):
        monkeypatch.setenv(name, "")
    assert Settings() == Settings.model_construct(**Settings.model_validate({}).model_dump())
    assert Settings().simulated


def test_pauses_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRY_PAUSE", "10")
    monkeypatch.setenv("RETRY_PAUSE_MAX", "5")
    with pytest.raises(ValidationError, match="RETRY_PAUSE is longer"):
        Settings()


def test_a_login_that_nobody_can_use_is_doubtful(set_settings: SetSettings) -> None:
    issuer = {"OIDC_ISSUER": "https://login.example.org/dns", "OIDC_AUDIENCE": "dns-api"}
    set_settings(**issuer, AUTH="required", OIDC_CLIENT_ID="console", OIDC_CLIENT_SECRET="s3cret")
    assert doubtful_settings() == []
    set_settings(AUTH="off")
    assert doubtful_settings()[1:] == [
        "OIDC_CLIENT_ID has no effect: AUTH is off, so nobody logs in at the console"
    ]
    set_settings(OIDC_CLIENT_ID="", AUTH="required")
    assert doubtful_settings() == [
        "OIDC_CLIENT_SECRET has no effect without OIDC_CLIENT_ID, whose secret it is"
    ]


@pytest.mark.parametrize(
    "address", ["9100", ":9100", "host", "host:0", "host:65536", "http://host:9100", "a b:1"]
)
def test_where_metrics_can_not_be_shown(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("METRICS_LISTEN", address)
    with pytest.raises(ValidationError, match="must be host:port"):
        Settings()


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:9100", "127.0.0.1", 9100),
        ("[::1]:80", "::1", 80),
        ("metrics.internal:1", "metrics.internal", 1),
    ],
)
def test_where_metrics_are_shown(monkeypatch: pytest.MonkeyPatch, address: str, host: str, port: int) -> None:
    monkeypatch.setenv("METRICS_LISTEN", address)
    assert host_and_port(Settings().metrics_listen) == (host, port)


def test_an_issuer_without_auth_is_doubtful(set_settings: SetSettings) -> None:
    set_settings(OIDC_ISSUER="https://login.example.org/dns", OIDC_AUDIENCE="dns-api", AUTH="required")
    assert doubtful_settings() == []
    set_settings(AUTH="off")
    assert doubtful_settings() == ["OIDC_ISSUER has no effect: AUTH is off, so nobody is asked for a token"]
