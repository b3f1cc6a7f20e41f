"""PTRs that are asked for with an address: about each is decided where it is made, at each of the doors."""

from itertools import count

import pytest

from tests.integration.api.review.conftest import Office
from tests.integration.api.review.test_review import answered

ASKED = {"manage_ptr": True}
_networks = count()


class Reverse:
    """A reverse zone, and an address that belongs to it."""

    def __init__(self, office: Office, label: str = "", **settings: object) -> None:
        network = f"{next(_networks)}.19.198.in-addr.arpa"
        self.zone = f"{label}{network}"
        self.address = ".".join([*reversed(network.split(".")[:3]), "10"])
        sent = {"name": self.zone, "backend": "ns1", **settings}
        office.client.post("/api/v1/zones", json=sent, headers=office.admin).raise_for_status()


@pytest.fixture
def free(office: Office) -> Office:
    """A zone in which one name is free to its account."""
    return office.new_zone(granted={"names": "free"})


@pytest.mark.parametrize("label", ["", "0/25.", "0-127."])
def test_a_ptr_needs_a_grant_in_the_zone_that_gets_it(free: Office, label: str) -> None:
    """Which may be one of fewer than 256 addresses (RFC 2317)."""
    reverse = Reverse(free, label)
    asked = free.body("free", target=reverse.address, config=ASKED)
    assert answered(free.post("create", free.asker, json=asked)) == (403, "not_allowed")
    free.grant(account=free.asks, zone=reverse.zone, names="10", types=frozenset({"PTR"}))
    assert free.post("create", free.asker, json=asked).json()["status"] == "pending"


def test_a_retry_asks_again_whether_its_ptr_may_be_made(free: Office) -> None:
    reverse = Reverse(free, approvers=["reverse"])
    granted = free.grant(account=free.asks, zone=reverse.zone)
    asked = free.ask("free", target=reverse.address, config=ASKED)
    retry = f"requests/{asked['id']}/retry"
    free.post(f"requests/{asked['id']}/cancel", free.asker).raise_for_status()
    free.client.delete(f"/api/v1/access/grants/{granted}", headers=free.admin).raise_for_status()
    free.client.app.state.access.expire()  # type: ignore[attr-defined]
    assert answered(free.post(retry, free.asker)) == (403, "not_allowed")
    free.grant("review", account=free.asks, zone=reverse.zone)
    assert free.post(retry, free.asker).json()["status"] == "awaiting_approval"
    assert free.decide("approve", asked, free.by("approver", accounts=["reverse"])).status_code == 202


def test_a_ptr_that_is_denied_by_now_is_not_approved(office: Office) -> None:
    reverse = Reverse(office)
    office.grant(account=office.asks, zone=reverse.zone)
    asked = office.ask("www", target=reverse.address, config=ASKED)
    assert asked["status"] == "awaiting_approval"
    office.grant("deny", account=office.asks, zone=reverse.zone)
    assert answered(office.decide("approve", asked, office.approver)) == (409, "requester_denied")
