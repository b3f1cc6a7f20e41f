"""What the pages show can be done, one command after the other, on a running stack."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dns.query
import dns.rcode
import dns.update
import pytest

from app.nameservers.key_file import read_key
from stack.embedded import Stack
from stack.ports import HOST, Ports
from tests.acceptance.conftest import OF_PAGES
from tests.support.api_process import Api
from tests.support.eventually import eventually
from tests.support.pages import FOLLOWED, FOLLOWED_BY_TOKEN, followed
from tests.support.reader import Reader
from tests.support.thoroughly import thoroughly
from tests.support.user import User

ZONE = "example.org"


@pytest.fixture
def reader(stack: Stack, user: User, tmp_path: Path, programs: Path) -> Iterator[Reader]:
    """A reader who begins with what `make up` has: example.org is on the server, and not served yet."""
    for name in OF_PAGES:
        user.wait_for_backend(name)
    yield Reader(stack, user, tmp_path, programs)
    for zone in user.api.get("/zones").json()["items"]:
        if zone["name"] == ZONE:
            eventually(partial(stop_serving, user, zone["key"]))


def stop_serving(user: User, key: str) -> bool:
    """Stop serving a zone, unless one of its requests is running."""
    return user.api.delete(f"/zones/{key}", params={"cancel_open": True}).is_success


def serve(reader: Reader) -> None:
    """Have example.org served, imported and changed once."""
    reader.user.serve(ZONE, "ns1")
    reader.user.api.post(f"/zones/{ZONE}/import").raise_for_status()
    eventually(lambda: reader.user.api.get(f"/zones/{ZONE}/import").json()["state"] == "done")


def change(reader: Reader) -> None:
    """Have two names of example.test changed, so that there is something to undo, and to take back."""
    for name in ("mail", "www"):
        resource = {"record_type": "A", "domain": f"{name}.example.test", "target": "192.0.2.77"}
        sent = {"action": "upsert", "context": {"account_id": "team-a"}, "resource": resource}
        [request] = reader.user.submit_and_wait(sent)
        reader.ids["requests"] = request["id"]


def change_beside(stack: Stack, reader: Reader, number: int) -> None:
    """Change www.example.org beside the orchestrator, and wait until that is seen."""
    message = dns.update.UpdateMessage(ZONE)
    message.replace("www", 300, "A", f"192.0.2.{number}")
    message.use_tsig(read_key(stack.key_file()))
    assert dns.query.tcp(message, HOST, port=stack.ports.dns, timeout=10).rcode() == dns.rcode.NOERROR
    reader.user.api.post(f"/zones/{ZONE}/drift/check").raise_for_status()
    eventually(lambda: reader.user.api.get(f"/zones/{ZONE}/drift").json()["drifted"])


GIVEN: Mapping[str, Callable[[Reader], None]] = {
    "docs/how-to/imports.md": lambda reader: reader.user.serve(ZONE, "ns1"),
    "docs/how-to/undo.md": change,
    "docs/reference/api.md": change,
    "docs/reference/zone-settings.md": serve,
}

# The same is done by test_migrate.py, client/test_commands.py and client/test_webhooks.py.
SHOWN_ELSEWHERE = {"docs/how-to/own-bind.md", "docs/how-to/undo.md", "docs/how-to/webhooks.md"}

TOLD = {
    "docs/tutorial/first-change.md": "192.0.2.10\n",
    "docs/reference/api.md": "event: end",
    "README.md": "www.example.test. 300 IN A 192.0.2.10\n",
    "docs/how-to/webhooks.md": "dns.request.succeeded {",
    "docs/reference/playbooks.md": '"outcome": "applied"',
}


@pytest.mark.parametrize(
    "page",
    [
        thoroughly(page) if page in SHOWN_ELSEWHERE else page
        for page in FOLLOWED
        if page != "docs/how-to/drift.md"
    ],
)
def test_a_page_is_followed(stack: Stack, reader: Reader, page: str) -> None:
    here = {"2026-11-25T14:00:00Z": datetime.now(UTC).isoformat()}
    if page == "docs/how-to/webhooks.md":
        here["9000"] = str(Ports.free().api)
    if page == "docs/how-to/powerdns.md":
        stack.add_zone("shop.example", "powerdns")
    if page in GIVEN:
        GIVEN[page](reader)
    told = "".join(reader.follow(block, here) for block in followed(page))
    assert TOLD.get(page, "") in told


@pytest.mark.thorough
def test_drift_is_adopted_and_restored(stack: Stack, reader: Reader) -> None:
    serve(reader)
    for number, block in enumerate(followed("docs/how-to/drift.md"), start=1):
        change_beside(stack, reader, number)
        reader.follow(block)


def test_pages_are_followed_where_the_api_asks_who_calls(
    stack: Stack, user: User, tmp_path: Path, programs: Path
) -> None:
    user.wait_for_backend("ns1")
    user.serve(ZONE, "ns1")
    api = Api(**stack.env, AUTH="required")
    api.wait()
    variables = {"API_URL": f"{api.url}/api/v1/dns/create"}
    guarded = User({**stack.env, **variables})
    try:
        reader = Reader(stack, guarded, tmp_path, programs, **variables)
        for block in (each for page in FOLLOWED_BY_TOKEN for each in followed(page)):
            output = reader.follow(block)
            if found := re.fullmatch(r"dnso_\S+\n", output):
                guarded.api.headers["Authorization"] = f"Bearer {found[0].strip()}"
        [shop] = guarded.api.get("/dns/requests", params={"domain": f"shop.{ZONE}"}).json()["items"]
        assert shop["status"] == "succeeded"
    finally:
        guarded.api.close()
        api.stop()
        eventually(partial(stop_serving, user, ZONE))
