"""What was done is taken back, by the shipped playbook on a real server."""

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.user import User
from tests.support.zones import ZoneUnderTest


def undo(user: User, request_id: str) -> dict[str, object]:
    answer = user.api.post(f"/dns/requests/{request_id}/undo").raise_for_status().json()
    (found,) = user.wait_until_settled([answer["id"]])
    return found


def test_do_and_undo(user: User, zone: str) -> None:
    name = f"www.{zone}"
    user.submit_and_wait(body(zone, target=["192.0.2.1", "192.0.2.2"], config={"ttl": 77}))
    (done,) = user.submit_and_wait(body(zone, action="upsert", target="192.0.2.3"))
    found = undo(user, done["id"])
    assert (found["status"], found["undoes"]) == ("succeeded", done["id"])
    assert (user.ttl(name, "A"), user.dig(name, "A")) == (77, {"192.0.2.1", "192.0.2.2"})
    (done,) = user.submit_and_wait(body(zone, "new"))
    assert undo(user, done["id"])["status"] == "succeeded"
    assert user.dig(f"new.{zone}", "A") == set()


def test_a_change_beside_us_stays(stack: Stack, user: User, zone: str) -> None:
    (done,) = user.submit_and_wait(body(zone))
    beside = ZoneUnderTest(stack, zone)
    beside.do("create", "www", "A", "192.0.2.9")
    found = undo(user, done["id"])
    assert found["status"] == "failed"
    assert found["error"]["code"] == "undo_conflict"  # type: ignore[index]
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.1", "192.0.2.9"}
