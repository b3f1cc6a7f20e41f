"""URLs of webhooks, and signatures."""

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.domain.errors import DomainError
from app.domain.webhook import Target, read_url, sign, write_secret


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://Hooks.example.org", Target("https", "hooks.example.org", 443, "/")),
        (
            "https://hooks.example.org:8443/a/b?c=d&e",
            Target("https", "hooks.example.org", 8443, "/a/b?c=d&e"),
        ),
        ("http://192.0.2.1?x=1", Target("http", "192.0.2.1", 80, "/?x=1")),
        ("https://[2001:DB8::1]:444/", Target("https", "2001:db8::1", 444, "/")),
        ("https://bücher.example/%C3%BC", Target("https", "xn--bcher-kva.example", 443, "/%C3%BC")),
    ],
)
def test_a_url_is_read_once(url: str, target: Target) -> None:
    assert read_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user@hooks.example.org/",
        "https://user:secret@hooks.example.org/",
        "https://public.example\\@127.0.0.1/",
        "https://hooks.example.org/#part",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org:x/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/a\r\nHost: 127.0.0.1",
        "https://hooks.example.org\n/",
        "\thttps://hooks.example.org/",
        "https://hooks.example.org/ü",
        "https://*.example.org/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://exa mple.org/",
        "https://127.1/",
        "https://2130706433/",
        "https://hooks.example.org/" + "a" * 2_048,
    ],
)
def test_what_is_no_url_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(DomainError):
        read_url(url)


def test_the_library_of_the_specification_verifies_signatures_by_either_secret() -> None:
    new, old, other = (bytes([number]) * 32 for number in (1, 2, 3))
    body = '{"type":"dns.request.succeeded","data":{"name":"bücher"}}'.encode()
    from time import time

    now = int(time())
    headers = {
        "webhook-id": "0199-7",
        "webhook-timestamp": str(now),
        "webhook-signature": sign([new, old], "0199-7", now, body),
    }
    for secret in (new, old):
        assert Webhook(write_secret(secret)).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(write_secret(other)).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(write_secret(new)).verify(body + b" ", headers)
