"""Zones in views over HTTP: what they are called, which one a change is for, and what keeps them apart."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.database import transaction
from app.domain.reverse import Place
from app.main import create_app
from app.services.requests.ptr_places import ReverseName, find_ptr_places
from tests.support.answers import reasons
from tests.support.builders import body
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly

VIEWS = ("inside", "outside")


def serve(client: TestClient, name: str, **fields: Any) -> Any:
    return client.post(
        "/api/v1/zones", params={"check": False}, json={"name": name, "backend": "bind"} | fields
    )


@pytest.fixture
def split(client: TestClient) -> str:
    """The name of a zone that is served in two views."""
    for view in VIEWS:
        serve(client, "split.test", view=view, backend=view).raise_for_status()
    return "split.test"


def create(client: TestClient, *arguments: str, **fields: Any) -> Any:
    return client.post("/api/v1/dns/create", json=body(*arguments, **fields))


def test_a_zone_in_a_view_has_a_key(client: TestClient, split: str) -> None:
    keys = [f"{split}@{view}" for view in VIEWS]
    zones = client.get("/api/v1/zones").json()["items"]
    assert [(each["view"], each["key"]) for each in zones if each["name"] == split] == [
        *zip(VIEWS, keys, strict=True)
    ]
    third = serve(client, "SPLIT.test.@DMZ")
    assert (third.status_code, third.json()["key"]) == (201, f"{split}@dmz")
    assert third.headers["Location"] == f"/api/v1/zones/{split}@dmz"
    assert client.patch(third.headers["Location"], json={"min_ttl": 60}).json()["min_ttl"] == 60
    assert client.get(f"/api/v1/zones/{keys[0]}").json()["min_ttl"] == 0
    without_view = client.get(f"/api/v1/zones/{split}")
    assert without_view.status_code == 404
    assert f"{split}@dmz, {keys[0]}, {keys[1]}" in without_view.json()["detail"]
    assert client.delete(third.headers["Location"]).status_code == 204
    assert serve(client, split, view="inside").status_code == 409


@pytest.mark.parametrize(
    ("name", "view", "expected"),
    [
        ("a.test@x", "y", ("body.view", "view_contradicts")),
        ("a.test@x.y", None, ("body.name", "view_invalid")),
        ("a.test", "x y", ("body.view", "view_invalid")),
        ("*.a.test@x", None, ("body.name", "name_invalid")),
    ],
)
def test_what_is_no_zone_in_a_view(
    client: TestClient, name: str, view: str | None, expected: tuple[str, str]
) -> None:
    assert reasons(serve(client, name, **({"view": view} if view else {}))) == {expected}


def test_a_change_goes_to_the_view_that_it_names(client: TestClient, split: str) -> None:
    required = create(client, split)
    assert reasons(required) == {("body.resource.view", "view_required")}
    for fields in ({"view": "inside"}, {"zone": f"{split}@inside"}, {"zone": split, "view": "INSIDE"}):
        answer = create(client, split, **fields).raise_for_status().json()
        assert (answer["zone"], answer["view"]) == (f"{split}@inside", "inside")
    assert reasons(create(client, split, view="dmz")) == {("body.resource.view", "view_unknown")}
    assert reasons(create(client, split, view="a.b")) == {("body.resource.view", "view_invalid")}
    serve(client, split).raise_for_status()
    assert "view" not in create(client, split).raise_for_status().json()
    sent = create(client, split, view="outside").raise_for_status().json()
    shown = client.get(f"/api/v1/dns/requests/{sent['id']}").json()
    assert (shown["zone"], shown["view"], shown["resource"]["view"]) == (f"{split}@outside", *["outside"] * 2)

    def listed(zone: str) -> int:
        return len(client.get("/api/v1/dns/requests", params={"zone": zone}).json()["items"])

    assert [listed(zone) for zone in (split, f"{split}@INSIDE", f"{split}@outside")] == [1, 3, 1]
    bad = client.get("/api/v1/dns/records", params={"zone": f"{split}@"})
    assert reasons(bad) == {("query.zone", "view_invalid")}


def test_the_view_is_part_of_what_a_key_stands_for(client: TestClient, split: str) -> None:
    headers = {"Idempotency-Key": "once"}
    sent = [body(split, view=view) for view in ("inside", "inside", "outside")]
    answers = [client.post("/api/v1/dns/create", json=each, headers=headers) for each in sent]
    assert [answer.status_code for answer in answers] == [202, 202, 409]


def test_a_plan_names_the_view_and_the_rules_count_in_it(client: TestClient, split: str) -> None:
    items = [
        body(split, view="inside"),
        body(split, "@", record_type="CNAME", target="a.net.", view="inside"),
        body(split, "@", record_type="NS", target=None, action="delete", view="outside"),
        body(split, "x", record_type="CDS", target="1 8 2 " + "ab" * 32, view="inside"),
    ]
    del items[2]["resource"]["target"]
    found = client.post("/api/v1/dns/plan", json={"requests": items}).raise_for_status().json()["results"]
    assert (found[0]["change"]["zone"], found[0]["change"]["view"]) == (f"{split}@inside", "inside")
    assert [each["errors"][0]["type"] for each in found[1:]] == [
        "cname_at_apex",
        "apex_ns_protected",
        "apex_only",
    ]


@pytest.mark.parametrize("media_type", ["text/plain", thoroughly("text/markdown")])
def test_a_plan_as_text_names_the_view(client: TestClient, split: str, media_type: str) -> None:
    items = [body(split, view=view) for view in VIEWS]
    answer = client.post("/api/v1/dns/plan", json={"requests": items}, headers={"Accept": media_type})
    assert [f"www.{split} in view {view}" in answer.text for view in VIEWS] == [True, True]


def test_protected_names_and_thresholds_are_those_of_the_view(client: TestClient, split: str) -> None:
    inside = f"/api/v1/zones/{split}@inside"
    client.patch(inside, json={"protected_names": ["@", "www"]}).raise_for_status()
    assert reasons(create(client, split, view="inside")) == {("body.resource.domain", "name_protected")}
    assert create(client, split, view="outside").status_code == 202
    repeated = client.patch(inside, json={"protected_names": [f"www.{split}"]})
    assert reasons(repeated) == {("body.protected_names.0", "pattern_invalid")}


@pytest.fixture
def reverse(client: TestClient, split: str) -> str:
    serve(client, "2.0.192.in-addr.arpa", view="inside").raise_for_status()
    serve(client, "0.192.in-addr.arpa").raise_for_status()
    serve(client, "3.0.192.in-addr.arpa", view="inside").raise_for_status()
    serve(client, "3.0.192.in-addr.arpa", view="outside").raise_for_status()
    return split


@pytest.mark.parametrize(
    ("address", "view", "zone"),
    [
        ("10.2.0.192", "inside", "2.0.192.in-addr.arpa@inside"),
        ("10.2.0.192", None, "2.0.192.in-addr.arpa@inside"),  # the only one of that name
        thoroughly("10.2.0.192", "outside", "2.0.192.in-addr.arpa@inside"),
        thoroughly("10.9.0.192", "inside", "0.192.in-addr.arpa"),
        thoroughly("10.3.0.192", "outside", "3.0.192.in-addr.arpa@outside"),
        ("10.3.0.192", "inside", "3.0.192.in-addr.arpa@inside"),
        ("10.3.0.192", None, None),
        ("10.3.0.192", "dmz", None),
    ],
)
@pytest.mark.usefixtures("reverse")
def test_where_the_ptr_of_an_address_in_a_view_belongs(
    address: str, view: str | None, zone: str | None
) -> None:
    wanted = ReverseName(f"{address}.in-addr.arpa", view)
    with transaction() as session:
        place = find_ptr_places(session, [wanted]).places[wanted]
    if zone is None:
        assert "served in several views: inside, outside" in str(place)
    else:
        assert place == Place(zone, wanted.name)


def test_a_plan_shows_the_ptrs_in_their_view(client: TestClient, reverse: str) -> None:
    items = [
        body(reverse, target="192.0.3.1", view=view, config={"manage_ptr": True}, action="upsert")
        for view in VIEWS
    ]
    found = client.post("/api/v1/dns/plan", json={"requests": items}).raise_for_status().json()["results"]
    assert [(each["ptr"][0]["zone"], each["ptr"][0]["view"]) for each in found] == [
        (f"3.0.192.in-addr.arpa@{view}", view) for view in VIEWS
    ]


def test_bootstrap_zones_and_the_simulation_know_views(client: TestClient, set_settings: SetSettings) -> None:
    set_settings(BOOTSTRAP_ZONES="first.test@inside=bind,first.test@outside=bind")
    with TestClient(create_app()) as started:
        assert {"first.test@inside", "first.test@outside"} <= {
            each["key"] for each in started.get("/api/v1/zones").json()["items"]
        }
    set_settings(EXECUTOR="simulated")
    answer = create(client, "made-up.test", view="inside").raise_for_status().json()
    assert answer["zone"] == "made-up.test@inside"
