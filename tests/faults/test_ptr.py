"""A worker dies while PTR records are made: none is lost, and each is still known as ours."""

from functools import partial

import pytest

from app.domain.reverse import reverse_name
from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User

NETWORK = "10.77.1"
pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("honoured")]


def is_begun(user: User, request_id: str) -> bool:
    return any(user.request(ptr)["status"] != "pending" for ptr in ptrs_of(user, [request_id]))


def ptrs_of(user: User, ids: list[str]) -> list[str]:
    return [ptr for request_id in ids for ptr in user.request(request_id)["ptr_requests"]]


def test_a_worker_killed_while_ptrs_are_made(stack: Stack, user: User, zone: str) -> None:
    reverse = reverse_name(f"{NETWORK}.0").partition(".")[2]
    stack.add_zone(reverse)
    user.serve(reverse)
    managed = [
        body(zone, f"h{number}", target=f"{NETWORK}.{number}", config={"manage_ptr": True})
        for number in range(5)
    ]
    ids = user.submit(*managed)
    eventually(partial(is_begun, user, ids[0]), pause=0.02)
    stack.kill("worker")
    made = ptrs_of(user, ids)
    assert len(made) == 5
    assert {user.request(ptr)["status"] for ptr in made} == {"running"}
    stack.start("worker")
    assert {request["status"] for request in user.wait_until_settled(made)} == {"succeeded"}
    for number in range(5):
        assert user.dig(reverse_name(f"{NETWORK}.{number}"), "PTR") == {f"h{number}.{zone}."}

    gone = user.submit(*({**item, "action": "delete"} for item in managed))
    user.wait_until_settled(gone)
    removed = ptrs_of(user, gone)
    assert len(removed) == 5
    assert {request["status"] for request in user.wait_until_settled(removed)} == {"succeeded"}
    for number in range(5):
        assert user.dig(reverse_name(f"{NETWORK}.{number}"), "PTR") == set()
