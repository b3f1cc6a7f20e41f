"""Posts to receivers that behave badly, and names that lead elsewhere."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from app.core.networks import Address
from app.domain.webhook import read_url
from app.notify.webhook import MAX_CLIP, Outcome, WebhookClient
from tests.support import certificate
from tests.support.receivers import TIME, Receiver

LOOPBACK = [ip_network("127.0.0.1/32"), ip_network("::1/128")]
SHORT = 0.3  # seconds


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


def post(*urls: str, allowed: Sequence[Any] = LOOPBACK, timeout: float = 20, **more: Any) -> list[Outcome]:
    """Post to all of the URLs at the same time."""

    async def post_all() -> list[Outcome]:
        client = WebhookClient(allowed, timeout, **{"allow_http": True, **more})
        posts = (client.post(read_url(url), {"webhook-id": "7"}, b'{"a":1}') for url in urls)
        return await asyncio.gather(*posts)

    return asyncio.run(post_all())


def test_what_becomes_of_a_post(receiver: Receiver) -> None:
    """A receiver that is slow, drips, or sends without end costs a bounded time, and few bytes."""
    expected = {
        "taken": (204, None),
        "close": (None, "answer_invalid"),
        "no-http": (None, "answer_invalid"),
        "slow": (None, "timeout"),
        "dripping-headers": (None, "timeout"),
        "dripping-body": (200, None),
        "big": (500, "answered_error"),
        "redirect": (307, "answered_error"),
        "busy": (429, "answered_error"),
    }
    began = time.monotonic()
    urls = (f"{receiver.origin}/{path}" for path in expected)
    outcomes = dict(zip(expected, post(*urls, timeout=3), strict=True))
    assert time.monotonic() - began < TIME / 2
    assert {path: (each.status, each.code) for path, each in outcomes.items()} == expected
    assert not receiver.at("/elsewhere"), "no redirection is followed"
    assert outcomes["busy"].retry_after == 120
    assert outcomes["busy"].clip == "slowly"
    assert len(outcomes["big"].clip) == MAX_CLIP
    assert outcomes["big"].clip.startswith("big \ufffd[31m\ufffdbig"), "nothing that a terminal obeys"
    [taken] = receiver.at("/taken")
    assert taken.body == b'{"a":1}'
    assert taken.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert taken.headers["webhook-id"] == "7"


def test_one_that_never_comes_to_its_answer_is_left_at_once(receiver: Receiver, tmp_path: Path) -> None:
    """Informational answers without end would take the event loop from all other webhooks."""
    trusted, both = tmp_path / "certificate.pem", tmp_path / "both.pem"
    certificate.issue(trusted, both)
    with Receiver(certificate=both).running() as secure:
        urls = [f"{each.origin}/informing" for each in (receiver, secure)]
        found = post(*urls, ca_file=trusted, resolve=lambda host, port: [ip_address("127.0.0.1")])
    assert [each.code for each in found] == ["answer_invalid"] * 2


def test_what_is_not_https_is_not_sent_unless_that_is_allowed(receiver: Receiver) -> None:
    [outcome] = post(f"{receiver.origin}/plain", allow_http=False)
    assert (outcome.code, receiver.at("/plain")) == ("webhook_not_https", [])


def test_nobody_there() -> None:
    with Receiver().running() as stopped:
        pass
    found = [each.code for each in post(f"{stopped.origin}/", "http://nowhere.invalid/")]
    assert found == ["connection_failed", "name_not_resolved"]


def test_no_private_address_is_asked_whatever_stands_for_it(receiver: Receiver) -> None:
    names = {
        "private.test": [ip_address("127.0.0.1"), ip_address("10.0.0.1")],
        "mapped.test": [ip_address("::ffff:127.0.0.1")],
        "translated.test": [ip_address("64:ff9b::7f00:1")],
    }
    hosts = ["127.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "169.254.169.254", "localhost", *names]

    def resolve(host: str, port: int) -> list[Address]:
        return names.get(host, [ip_address("127.0.0.1")])

    before = len(receiver.received)
    urls = [f"http://{host}:{receiver.port}/" for host in hosts]
    assert {each.code for each in post(*urls, allowed=(), resolve=resolve)} == {"address_not_allowed"}
    assert len(receiver.received) == before
    assert "127." not in post(urls[0], allowed=(), resolve=resolve)[0].words


def test_a_name_that_has_another_address_a_moment_later_leads_nowhere_else(receiver: Receiver) -> None:
    """The address that was looked at is connected to: it is resolved once, and nobody asks again."""
    asked: list[str] = []

    def rebind(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [ip_address("127.0.0.1" if len(asked) == 1 else "127.0.0.2")]

    with Receiver("127.0.0.2").running() as inside:
        url = f"http://rebinding.test:{receiver.port}/rebinding"
        [outcome] = post(url, resolve=rebind)
        assert (outcome.status, asked) == (204, ["rebinding.test"])
        [taken] = receiver.at("/rebinding")
        assert taken.headers["host"] == f"rebinding.test:{receiver.port}"
        [refused] = post(f"http://rebinding.test:{inside.port}/", resolve=rebind)
        assert refused.code == "address_not_allowed"
        assert not inside.received


def test_one_that_is_not_allowed_among_a_names_addresses_is_passed_over(receiver: Receiver) -> None:
    several = [ip_address("127.0.0.2"), ip_address("127.0.0.1")]
    url = f"http://several.test:{receiver.port}/several"
    assert post(url, resolve=lambda host, port: several)[0].taken


def test_a_resolver_that_does_not_answer_ends_with_the_time(receiver: Receiver) -> None:
    def wait(host: str, port: int) -> list[Address]:
        time.sleep(10 * SHORT)
        return [ip_address("127.0.0.1")]

    url = f"http://late.test:{receiver.port}/late"
    assert [each.code for each in post(url, resolve=wait, timeout=SHORT)] == ["timeout"]
    assert not receiver.at("/late")


def test_no_proxy_of_the_environment_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver("127.0.0.2").running() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        assert post(f"{receiver.origin}/direct")[0].taken
        assert not proxy.received


def test_tls_is_verified_by_the_name_of_the_url(tmp_path: Path) -> None:
    trusted, both = tmp_path / "certificate.pem", tmp_path / "both.pem"
    certificate.issue(trusted, both)
    with Receiver(certificate=both).running() as secure:

        def here(host: str, port: int) -> list[Address]:
            return [ip_address("127.0.0.1")]

        urls = [f"{secure.origin}/", f"https://other.test:{secure.port}/"]
        taken, other = post(*urls, ca_file=trusted, resolve=here)
        assert taken.taken
        assert other.code == "tls_failed"
        assert "other.test" in other.words
        [unknown] = post(urls[0])
        assert (unknown.code, "self-signed" in unknown.words) == ("tls_failed", True)
