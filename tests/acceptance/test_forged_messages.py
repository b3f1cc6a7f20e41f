"""Somebody writes into Redis: a worker takes no harm, and goes on with its work."""

import json
from typing import cast

from redis import Redis

from app.core.celery_app import QUEUE
from stack.embedded import Stack
from tests.support import forged
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User

EVERYBODY = "/0.celery.pidbox"


def test_forged_messages_and_commands_do_nothing(stack: Stack, user: User, zone: str) -> None:
    worker = stack.pid("worker")
    with Redis.from_url(stack.env["CELERY_BROKER_URL"]) as redis:
        assert cast(int, redis.publish(EVERYBODY, json.dumps(forged.command("ping")))) > 0
        for each in (*forged.REFUSED.values(), *forged.STRIPPED.values()):
            redis.lpush(QUEUE, json.dumps(each))
        for garbage in forged.GARBAGE:
            redis.lpush(QUEUE, garbage)
        for command in (*forged.COMMANDS, None, ["ping"]):
            redis.publish(EVERYBODY, json.dumps(forged.command(command)))
        for odd in forged.REFUSED.values():
            redis.publish(EVERYBODY, json.dumps(odd))
        eventually(lambda: redis.llen(QUEUE) == 0)
        [request] = user.submit_and_wait(body(zone))
        assert request["status"] == "succeeded"
        eventually(lambda: redis.hlen("unacked") == 0)
    assert stack.pid("worker") == worker
    said = stack.output("worker")
    assert "message refused: it is no kick" in said
    assert "message refused: it can't be read" in said
    assert "Warm shutdown" not in said
