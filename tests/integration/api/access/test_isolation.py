"""What a requester reads has nothing in it of servers, hosts, paths, and what other accounts do."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.core.config import settings
from app.domain.change import ChangeResult, Outcome
from app.runner.ansible.runner import AnsibleRunner
from app.runner.process.fork_pool import ForkPool
from app.runner.protocol import Runner
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.plan import orders
from app.services.plan.answer import answer_order
from stack.embedded import Stack
from tests.integration.api.access.test_changes import made, settle
from tests.integration.conftest import ZoneOn
from tests.support.access import Guarded
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.fixed_runner import FixedRunner
from tests.support.settings import SetSettings

DNS = "/api/v1/dns"
OWN, OTHER = "team-a", "team-other"
HOST, AWAY, ADDRESS, PATH = "host-good", "host-away", "127.0.0.66", "/nowhere/play.yml"
SAID = "words-of-a-server"


@pytest.fixture(scope="module")
def inventory(infrastructure: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory of two backends: BIND, and one that is away."""
    known = (Path(infrastructure.env["INVENTORY"]) / "hosts.yml").read_text()
    server, _, port = infrastructure.env["DNS_SERVER"].rpartition(":")
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "good.yml").write_text(known.replace("bind:", f"{HOST}:"))
    away = known.replace("bind:", f"{AWAY}:").replace(f": {port}", ": 9").replace(server, ADDRESS)
    (folder / "away.yml").write_text(away)
    return folder


@pytest.fixture
def hosts(guarded: Guarded, inventory: Path, set_settings: SetSettings) -> Guarded:
    """An API whose workers know these backends."""
    set_settings(INVENTORY=str(inventory))
    return guarded


class Walk:
    """All that somebody can read, of the requests in question and of everything else."""

    def __init__(self, guarded: Guarded, headers: Any, ids: Sequence[str], paths: Sequence[str]) -> None:
        found = [f"{DNS}/requests", f"{DNS}/records", f"{DNS}/plans", "/api/v1/zones", "/api/v1/backends"]
        found += [f"{DNS}/requests/{each}{more}" for each in ids for more in ("", "/events")]
        self.texts = {
            path: guarded.client.get(path, headers=headers).text
            for path in (*found, *paths, "/api/v1/access/me", "/readyz")
        }

    def __str__(self) -> str:
        return "\n".join(self.texts.values())


def _drained(guarded: Guarded, zone: str, backend: str, runner: Runner, *items: Any) -> Iterator[Any]:
    """Have a gateway submit the items, and work them off; yield the results."""
    zones = "/api/v1/zones"
    operator = guarded.by("operator", accounts=())
    new = guarded.client.post(zones, json={"name": zone, "backend": backend}, headers=operator)
    assert new.status_code in (201, 409), new.text
    gateway = guarded.by("gateway", accounts=())
    answer = guarded.client.post(f"{DNS}/batch", json={"requests": items}, headers=gateway)
    drain(zone, runner, make_backends())
    yield from answer.json()["results"]


def test_a_requester_reads_nothing_that_is_for_operators(
    hosts: Guarded, zone_on: ZoneOn, infrastructure: Stack, fork_pool: ForkPool
) -> None:
    guarded = hosts
    for account in (OWN, OTHER):
        guarded.grant(account=account)
    zone = zone_on("bind").name
    ansible = AnsibleRunner(settings().playbook, settings().inventory, fork_pool=fork_pool)
    unstartable = AnsibleRunner(Path(PATH), settings().inventory)
    refusing = FixedRunner(ChangeResult(Outcome.FAILED, "refused", SAID))
    shared = [body(zone), body(zone, "theirs", account=OTHER), body(zone, "none", action="update")]
    results = [
        *_drained(guarded, zone, HOST, ansible, *shared),
        *_drained(guarded, zone, HOST, refusing, body(zone, "refused")),
        *_drained(guarded, zone, HOST, unstartable, body(zone, "unstarted")),
        *_drained(guarded, "away.test", AWAY, ansible, body("away.test", "waits")),
    ]
    requests = [each["request"] for each in results]
    own = [each["id"] for each in requests if each["context"]["account_id"] == OWN]
    foreign = [each["id"] for each in requests if each["id"] not in own]
    paths = [f"{DNS}/records?zone={zone}", f"/api/v1/zones/{zone}"]
    port = infrastructure.env["DNS_SERVER"].rpartition(":")[2]
    words = (HOST, AWAY, ADDRESS, f":{port}", PATH, SAID, OTHER, "theirs", *foreign)

    requester = guarded.by("requester", accounts=[OWN])
    seen = str(Walk(guarded, requester, [*own, *foreign], paths))
    in_full = str(Walk(guarded, guarded.by("auditor", accounts=()), [*own, *foreign], paths))
    assert [word for word in words if word not in in_full] == []
    # The name in the shared zone is covered by the account's grant: whose it is, it does not see.
    assert [word for word in words if word in seen] == ["theirs"]

    shown = [guarded.client.get(f"{DNS}/requests/{each}", headers=requester).json() for each in own]
    logs = {
        each["resource"]["domain"].partition(".")[0]: [line["message"] for line in each["events"]]
        for each in shown
    }
    assert logs == {
        "www": ["accepted", "in a run", "answered by its servers"],
        "waits": ["accepted", "in a run", "will be tried again: its DNS servers can't be changed now"],
        "none": ["accepted", "in a run", "there is no such RRset to update"],
        "refused": ["accepted", "in a run", "the DNS server, or the playbook, refuses it"],
        "unstarted": ["accepted", "in a run", "will be tried again: its DNS servers can't be changed now"],
    }
    assert {each["servers"] for each in shown} == {None}
    for each in own:
        settle(each, "failed")
        for what in ("retry", "cancel"):
            seen += guarded.client.post(f"{DNS}/requests/{each}/{what}", headers=requester).text
    assert [word for word in words if word in seen] == ["theirs"]


def test_a_plan_by_the_servers_has_their_words_for_operators_only(hosts: Guarded) -> None:
    guarded = hosts
    guarded.grant()
    refusing = FixedRunner(ChangeResult(Outcome.FAILED, "refused", SAID))

    def answer() -> None:
        order = eventually(orders.take)
        answer_order(order, refusing, make_backends())

    worker = Thread(target=answer)
    worker.start()
    asked = {"requests": [body(guarded.zone)], "ask_servers": True}
    planned = guarded.client.post(f"{DNS}/plan", json=asked, headers=guarded.by("requester"))
    worker.join()
    assert planned.status_code == 207, planned.text
    call = f"{DNS}/plans/{planned.json()['plan_id']}"
    kept = guarded.client.get(call, headers=guarded.by("requester"))
    [result] = planned.json()["results"]
    assert result["forecast"]["message"] == "the DNS server, or the playbook, refuses it"
    assert SAID not in planned.text + kept.text
    assert SAID in guarded.client.get(call, headers=guarded.by("admin", accounts=())).text


def test_records_that_grants_cover_are_shown_without_whose_they_are(guarded: Guarded) -> None:
    guarded.grant(account=OTHER)
    guarded.grant("review", names="*.shared")
    guarded.grant("deny", names="not.shared")
    for owner in ("a.shared", "not.shared", "private"):
        settle(made(guarded, OTHER, owner=owner), "succeeded")

    def listed(role: str, **parameters: str) -> list[tuple[str, Any]]:
        found = guarded.client.get(f"{DNS}/records", params=parameters, headers=guarded.by(role)).json()
        return [
            (each["domain"].removesuffix(f".{guarded.zone}"), each["account_id"]) for each in found["items"]
        ]

    assert listed("requester", zone=guarded.zone) == [("a.shared", None)]
    assert listed("requester", domain=f"private.{guarded.zone}") == []
    assert listed("requester") == []
    assert sorted(listed("auditor", zone=guarded.zone)) == [
        ("a.shared", OTHER),
        ("not.shared", OTHER),
        ("private", OTHER),
    ]
    # Nor does an ETag tell what is there: a right guess is refused as a wrong one.
    path = f"/api/v1/zones/{guarded.zone}/rrsets/private/A"
    etag = guarded.client.get(path, headers=guarded.by("auditor")).headers["etag"]
    assert guarded.client.get(path, headers=guarded.by("requester")).status_code == 404
    for guess in (etag, '"another"', "*"):
        headers = {**guarded.by("requester"), "If-Match": guess}
        refused = guarded.client.request("DELETE", path, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")


def test_pages_tell_neither_where_nor_how_many_the_records_of_others_are(guarded: Guarded) -> None:
    guarded.grant(account=OTHER)
    guarded.grant(names="*.shared")
    for owner in ("a.shared", "hidden-1", "hidden-2", "z.shared", "zz-hidden"):
        settle(made(guarded, OTHER, owner=owner), "succeeded")
    parameters, seen = {"zone": guarded.zone, "limit": "1"}, []
    for _ in range(3):
        page = guarded.client.get(f"{DNS}/records", params=parameters, headers=guarded.by("requester")).json()
        seen += [each["domain"].removesuffix(f".{guarded.zone}") for each in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
        assert b"hidden" not in urlsafe_b64decode(cursor + "==")
        parameters["cursor"] = cursor
    assert (seen, cursor) == (["a.shared", "z.shared"], None)


def test_nobody_but_the_service_makes_cursors(guarded: Guarded) -> None:
    made_up = urlsafe_b64encode(f'["{guarded.zone}", "a", "A"]'.encode()).decode()
    for cursor in (made_up, "x", "AAAA", "é", "A" * 60):
        asked = {"zone": guarded.zone, "cursor": cursor}
        answer = guarded.client.get(f"{DNS}/records", params=asked, headers=guarded.by("requester"))
        assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "cursor_invalid"), cursor


def test_a_plan_names_no_records_of_others(guarded: Guarded) -> None:
    """Nor does it to those of the account for which an admin has planned."""
    guarded.grant(account=OTHER)
    guarded.grant(names="mail")
    guarded.grant(names="cut")
    guarded.grant(names="own")
    settle(made(guarded, OWN, owner="mail"), "succeeded")
    settle(made(guarded, OTHER, owner="hidden.cut"), "succeeded")
    for account, owner in ((OWN, "own"), (OTHER, "theirs")):
        points = body(
            guarded.zone, owner, record_type="MX", target=f"10 mail.{guarded.zone}.", account=account
        )
        answer = guarded.client.post(f"{DNS}/create", json=points, headers=guarded.by("admin", accounts=()))
        settle(answer.json()["id"], "succeeded")
    ns = f"ns.{guarded.zone}."
    asked = [
        body(guarded.zone, "mail", action="delete", target=None),
        body(guarded.zone, "cut", record_type="NS", target=ns),
        body(guarded.zone, "cut", record_type="DNAME", target=ns),
    ]

    def planned(*roles: str, accounts: Sequence[str] = ()) -> Any:
        by = guarded.by(*roles, accounts=accounts)
        return guarded.client.post(f"{DNS}/plan", json={"requests": asked}, headers=by)

    own, full = planned("requester", accounts=[OWN]), planned("admin")
    kept = guarded.client.get(f"{DNS}/plans/{full.json()['plan_id']}", headers=guarded.by("requester"))
    for answer in (own, kept):
        assert "what is not yours to see" in answer.text
        assert f"own.{guarded.zone} MX" in answer.text
        assert [word for word in ("hidden.", "theirs") if word in answer.text] == []
    assert [word for word in ("hidden.", "theirs") if word not in full.text] == []


def test_who_says_nothing_is_not_told_how_much_is_open(guarded: Guarded) -> None:
    assert guarded.client.get("/readyz").json()["backlog"] == {"open": None, "limit": 200_000, "full": False}
