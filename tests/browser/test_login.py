"""Log in, decide as an approver, and be logged out when the token is revoked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest
from playwright.sync_api import expect

from stack.embedded import Stack
from tests.support.api_process import Api
from tests.support.browser import Reader
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.provider import running_provider
from tests.support.user import User

ZONE = "example.test"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of an identity provider that is not ours, which knows carol."""
    carol = {"sub": "carol", "email": "carol@example.org", "groups": ["team-c"], "roles": ["dns-users"]}
    with running_provider(carol) as url:
        yield url


@contextmanager
def guarded_api(stack: Stack, **settings: str) -> Iterator[str]:
    """Run a second API of the stack, which asks everybody who he is; yield its address."""
    api = Api(**stack.env | {"AUTH": "required", "BOOTSTRAP_ZONES": ""} | settings)
    try:
        api.wait()
        yield api.url
    finally:
        api.stop()


@pytest.fixture(scope="module")
def guarded(stack: Stack) -> Iterator[str]:
    """The address of one that knows tokens."""
    with guarded_api(stack) as url:
        yield url


@pytest.fixture
def by_provider(stack: Stack, provider: str) -> Iterator[str]:
    """The address of one that knows whom the identity provider knows."""
    oidc = {
        "OIDC_ISSUER": provider,
        "OIDC_AUDIENCE": "dns-api",
        "OIDC_CLIENT_ID": "console",
        "OIDC_CLIENT_SECRET": "secret",
        "OIDC_ACCOUNTS_CLAIM": "groups",
        "OIDC_ROLES_CLAIM": "roles",
        "OIDC_ROLE_MAP": "dns-users=requester",
    }
    with guarded_api(stack, **oidc) as url:
        yield url


def make_token(user: User, *roles: str, **fields: object) -> str:
    """A token that the API of the stack makes, where everybody may do that."""
    made = user.api.post("/access/tokens", json={"roles": roles, **fields}).raise_for_status().json()
    found: str = made["token"]
    return found


def log_in(reader: Reader, token: str, path: str = "/") -> None:
    page = reader.open(path)
    known = {"Authorization": f"Bearer {token}"}
    whoami = f"{page.url.partition('/console')[0]}/api/v1/access/me"
    eventually(lambda: httpx2.get(whoami, headers=known).is_success)  # another process has made the token
    page.get_by_label("Token").fill(token)
    page.get_by_label("Token").press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_an_approver_logs_in_looks_and_approves(
    reader_at: Callable[..., Reader], guarded: str, user: User
) -> None:
    user.api.patch(f"/zones/{ZONE}", json={"approvers": ["chiefs"]}).raise_for_status()
    grant = {"effect": "review", "account_id": "team-a", "zone": ZONE, "names": "reviewed"}
    user.api.post("/access/grants", json=grant).raise_for_status()
    requester = {"Authorization": f"Bearer {make_token(user, 'requester', accounts=['team-a'])}"}
    token = make_token(user, "approver", accounts=["chiefs"])
    with httpx2.Client(base_url=guarded, headers=requester, timeout=60) as client:
        ask = body(ZONE, "reviewed", target="192.0.2.60")
        eventually(lambda: client.get("/api/v1/access/me").is_success)
        asked = client.post("/api/v1/dns/create", json=ask).raise_for_status().json()
    reader = reader_at(guarded)
    page = reader.open("/approvals")
    assert reader.inaccessible(contrasts=True) == ""
    page.get_by_label("Token").fill("nonsense")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("this token is not good")).to_be_visible()
    reader.complaints.clear()  # the browser's word about the answer 401
    log_in(reader, token, "/approvals")
    page.get_by_role("link", name=f"reviewed.{ZONE}").click()
    expect(page.locator(".plus")).to_contain_text("192.0.2.60")
    assert reader.inaccessible() == ""
    page.get_by_label("Comment").fill("looks right")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved.")).to_be_visible()
    expect(page.get_by_text("answered by every server")).to_be_visible()
    assert user.request(asked["id"])["status"] == "succeeded"


@pytest.mark.thorough
def test_who_is_logged_in_is_led_to_the_login_when_his_token_is_revoked(
    reader_at: Callable[..., Reader], guarded: str, user: User
) -> None:
    token = make_token(user, "auditor")
    reader = reader_at(guarded)
    with reader.page.expect_response("**/console/live"):  # the page follows before the token is gone
        log_in(reader, token, "/requests")
    user.api.delete(f"/access/tokens/{token.split('_')[1]}").raise_for_status()
    user.submit(body(ZONE, "while-revoked"))  # of which the open page is told
    expect(reader.page.get_by_role("heading", name="Log in")).to_be_visible()


@pytest.mark.thorough
def test_somebody_of_the_identity_provider(reader_at: Callable[..., Reader], by_provider: str) -> None:
    reader = reader_at(by_provider)
    page = reader.open("/requests?open=true")
    page.get_by_role("link", name="Log in at 127.0.0.1").click()
    page.get_by_role("button", name="carol").click()
    expect(page.get_by_text("carol@example.org")).to_be_visible()
    reader.complaints.clear()  # about what the provider's page loads from elsewhere
    assert page.url.endswith("/console/requests?open=true")
    assert page.get_by_role("link", name="Approvals").is_visible()
    assert page.get_by_role("link", name="Access").count() == 0
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="End session").click()  # the provider's page
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    reader.complaints.clear()
    reader.open("/requests")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
