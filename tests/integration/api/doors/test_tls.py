"""TLS without a proxy, as docs/reference/limits.md has it; and nobody is believed to be somebody's proxy."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.integration.api.doors.conftest import StartApi
from tests.support import http
from tests.support.api_process import TIMEOUT, Api
from tests.support.certificate import issue

CLAIMED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
OPTIONS = ("--proxy-headers", "--forwarded-allow-ips=*")  # uvicorn's own, which do not count


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate, and the same with its key."""
    folder = tmp_path_factory.mktemp("tls")
    issue(folder / "certificate.pem", folder / "both.pem")
    return folder / "certificate.pem", folder / "both.pem"


@pytest.fixture(scope="module")
def api(start: StartApi, files: tuple[Path, Path]) -> Api:
    """An API that speaks TLS."""
    certificate, both = files
    return start("--ssl-certfile", str(certificate), "--ssl-keyfile", str(both), *OPTIONS)


@pytest.fixture
def client(api: Api) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=api.url, verify=api.tls, timeout=TIMEOUT) as client:
        yield client


def test_calls_over_tls_and_whose_they_are(client: httpx2.Client) -> None:
    zone = {"name": "tls.test", "backend": "bind"}
    made = client.post("/api/v1/zones", json=zone, headers=CLAIMED)
    assert made.status_code == 201
    assert made.headers["strict-transport-security"] == "max-age=31536000"
    entry = client.get("/api/v1/access/audit?limit=1", headers=CLAIMED).json()["items"][0]
    assert (entry["subject"], entry["address"]) == ("tls.test", "127.0.0.1")


def test_a_large_body_and_a_large_head_over_tls(client: httpx2.Client) -> None:
    head = {"Content-Type": "application/json"}
    assert client.post("/api/v1/zones", content=b" " * 20_000, headers=head).status_code == 413
    assert client.get("/healthz", headers={"X": "x" * 70_000}).status_code == 431


def test_a_client_without_tls_gets_nothing(api: Api) -> None:
    with pytest.raises(httpx2.TransportError):
        http.get(f"http://127.0.0.1:{api.port}/healthz", timeout=TIMEOUT)
