"""All or none on the server, and what was there before and after."""

from tests.support.builders import body
from tests.support.user import User


def test_all_or_none(user: User, zone: str) -> None:
    user.submit_and_wait(body(zone, "www", target="192.0.2.1"), body(zone, "old", target="192.0.2.9"))
    swap = [
        body(zone, "www", action="delete", target="192.0.2.1"),
        body(zone, "www", record_type="CNAME", target=f"new.{zone}"),
        body(zone, "new", target="192.0.2.2"),
        body(zone, "mail", record_type="MX", target=f"10 new.{zone}"),
    ]
    none = user.wait_until_settled(
        user.submit(*swap, body(zone, "old", record_type="CNAME", target=f"new.{zone}"), atomic=True)
    )
    assert [request["error"]["code"] for request in none] == ["atomic_failed"] * 4 + ["cname_conflict"]
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.1"}
    assert user.dig(f"new.{zone}", "A") == set()
    done = user.wait_until_settled(user.submit(*swap, atomic=True))
    assert {request["status"] for request in done} == {"succeeded"}
    assert (done[0]["before"], done[0]["after"]) == (
        {"ttl": 300, "target": ["192.0.2.1"]},
        {"ttl": None, "target": []},
    )
    assert done[1]["before"] == {"ttl": None, "target": []}
    assert done[1]["after"] == {"ttl": 300, "target": [f"new.{zone}."]}
    assert user.dig(f"www.{zone}", "CNAME") == {f"new.{zone}."}
    assert len({request["run_id"] for request in done}) == 1
