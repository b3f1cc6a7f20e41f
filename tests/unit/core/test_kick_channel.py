"""Whatever comes out of Redis is a kick, a question, or nothing."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import pytest

from app.core.celery_app import DRAIN, QUEUE, celery_app
from app.core.kick_channel import QUESTIONS, made_anew
from tests.support import forged


def read(message: Mapping[str, Any]) -> tuple[str | None, Any]:
    """The task of a message that was made anew, and its body."""
    assert message["content-type"] == "application/json"
    return message["headers"].get("task"), json.loads(b64decode(message["body"]))


NOTHING = (None, {"method": "nothing", "destination": ["nobody"]})


@pytest.mark.parametrize("name", forged.STRIPPED)
def test_a_kick_is_the_zone_and_nothing_that_was_added(name: str) -> None:
    made = made_anew(forged.STRIPPED[name])
    assert read(made) == (DRAIN, [["some.test"], {}, {}])
    assert set(made["headers"]) == {"lang", "task", "id", "root_id", "retries", "timelimit"}
    assert (made["headers"]["retries"], made["headers"]["timelimit"]) == (0, [None, None])
    assert made["properties"].keys() == {"body_encoding", "delivery_tag", "delivery_info"}


@pytest.mark.parametrize("name", forged.REFUSED)
def test_what_is_no_kick_is_nothing(name: str) -> None:
    assert read(made_anew(forged.REFUSED[name])) == NOTHING


def test_what_celery_itself_sends_is_understood() -> None:
    with celery_app.connection("memory://") as connection:
        celery_app.send_task(DRAIN, args=["example.test@internal"], connection=connection, queue=QUEUE)
        sent = connection.SimpleQueue(QUEUE).get(timeout=2).serializable()
    assert read(made_anew(sent)) == (DRAIN, [["example.test@internal"], {}, {}])


@pytest.mark.parametrize("method", [*forged.COMMANDS, 5, None, ["ping"], {}])
def test_no_command_is_obeyed(method: object) -> None:
    assert read(made_anew(forged.command(method))) == NOTHING


@pytest.mark.parametrize("method", sorted(QUESTIONS))
def test_a_question_is_answered_to_whom_it_came_from_and_nowhere_else(method: str) -> None:
    reply_to = {"exchange": "", "routing_key": "somebody"}
    asked = forged.command(
        method, arguments={"a": 1}, destination=["celery@a"], ticket="t", reply_to=reply_to, other=1
    )
    assert read(made_anew(asked)) == (
        None,
        {
            "method": method,
            "arguments": {},
            "destination": ["celery@a"],
            "ticket": "t",
            "reply_to": {"exchange": "reply.celery.pidbox", "routing_key": "somebody"},
        },
    )
    oddities: list[dict[str, object]] = [
        {"destination": 5},
        {"ticket": []},
        {"reply_to": "x"},
        {"reply_to": {"routing_key": 5}},
    ]
    for odd in oddities:
        assert read(made_anew(forged.command(method, **odd)))[1]["method"] in (method, "nothing")
