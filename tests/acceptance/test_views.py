"""A zone that only the holders of a key see, in a view that the key chooses."""

from pathlib import Path

from stack.embedded import Stack
from stack.inventory import write_backend
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User
from tests.support.views import ZONE, bind_with_views


def test_it_is_verified_with_the_key(stack: Stack, user: User, tmp_path: Path) -> None:
    with bind_with_views(tmp_path) as views:
        key = str(views.key_file("inside"))
        write_backend(
            Path(stack.env["INVENTORY"]),
            "views",
            views.server.address,
            views.server.port,
            dns_tsig_key_file=key,
            dns_verify_key_file=key,
        )
        served = {"name": ZONE, "backend": "views"}
        eventually(lambda: user.api.post("/zones", json=served).status_code in (201, 409))
        (request,) = user.submit_and_wait(body(ZONE, "new", target="192.0.2.9"))
        assert (request["status"], request["error"]) == ("succeeded", None)
        records = user.api.get("/dns/records", params={"zone": ZONE}).json()["items"]
        assert [record["target"] for record in records] == [["192.0.2.9"]]
