"""Which accounts a message may speak for, as `KAFKA_ACCOUNTS` says."""

from typing import Any

import pytest
from confluent_kafka import Message

from app.kafka.accounts import bind_account
from app.topics.headers import InvalidMessage
from tests.support.settings import SetSettings, settings_setter


@pytest.fixture
def set_settings(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets settings for the test, of which the next one sees nothing."""
    from app.core.config import settings

    yield settings_setter(monkeypatch)
    monkeypatch.undo()
    settings.cache_clear()


def bound(context: Any, topic: str = "dns.a", headers: Any = ()) -> Any:
    """The context with which a message becomes a request, or the code of why it does not."""
    body: dict[str, Any] = {} if context is None else {"context": context}
    try:
        bind_account(body, Message(topic=topic, headers=list(headers)))
    except InvalidMessage as error:
        return error.code
    return body.get("context")


def test_by_default_a_message_is_believed(set_settings: SetSettings) -> None:
    set_settings(KAFKA_TOPIC_ACCOUNTS="dns.a=a")
    contexts: list[Any] = [{"account_id": "b"}, {}, [], None]
    for context in contexts:
        assert bound(context, headers=[("account", b"a")]) == context


@pytest.mark.parametrize(
    ("headers", "context", "expected"),
    [
        ([("account", b"a")], None, {"account_id": "a"}),
        ([("account", b"a")], {"source": "x"}, {"source": "x", "account_id": "a"}),
        ([("account", b"a")], {"account_id": "a"}, {"account_id": "a"}),
        ([("account", b"a"), ("account", b"a")], {}, {"account_id": "a"}),
        ([("account", b"a")], {"account_id": "b"}, "account_not_allowed"),
        ([("account", b"a")], {"account_id": ["a"]}, "account_not_allowed"),
        ([("account", b"a")], {"account_id": None}, "account_not_allowed"),
        ([("account", b"a")], ["what the API refuses"], ["what the API refuses"]),
        ([("account", b"a"), ("account", b"b")], {"account_id": "b"}, "account_missing"),
        ([("account", b"a"), ("account", None)], {"account_id": "a"}, "account_missing"),
        ([("Account", b"a")], {"account_id": "a"}, "account_missing"),
        ([("account", b"\xff")], {"account_id": "a"}, "account_missing"),
        ([("account", b"")], {"account_id": ""}, "account_missing"),
        ([("account", b"*")], {"account_id": "a"}, "account_missing"),
        ([], {"account_id": "a"}, "account_missing"),
    ],
)
def test_the_account_of_a_header(
    set_settings: SetSettings, headers: Any, context: Any, expected: Any
) -> None:
    set_settings(KAFKA_ACCOUNTS="header")
    assert bound(context, headers=headers) == expected


def test_the_header_can_have_another_name(set_settings: SetSettings) -> None:
    set_settings(KAFKA_ACCOUNTS="header", KAFKA_ACCOUNT_HEADER="principal")
    assert bound({}, headers=[("principal", b"a"), ("account", b"b")]) == {"account_id": "a"}


@pytest.mark.parametrize(
    ("topic", "context", "expected"),
    [
        ("dns.a", {}, {"account_id": "a"}),
        ("dns.a", {"account_id": "a"}, {"account_id": "a"}),
        ("dns.a", {"account_id": "b"}, "account_not_allowed"),
        ("dns.b", {"account_id": "c"}, {"account_id": "c"}),
        ("dns.b", {"account_id": "a"}, "account_not_allowed"),
        ("dns.b", {}, "account_missing"),
        ("dns.all", {"account_id": "whoever"}, {"account_id": "whoever"}),
        ("dns.all", {}, {}),
        ("other", {"account_id": "a"}, "account_not_allowed"),
    ],
)
def test_the_accounts_of_a_topic(set_settings: SetSettings, topic: str, context: Any, expected: Any) -> None:
    set_settings(KAFKA_ACCOUNTS="topic", KAFKA_TOPIC_ACCOUNTS="dns.a=a, dns.b=b, dns.b=c, dns.all=*")
    assert bound(context, topic, [("account", b"b")]) == expected


@pytest.mark.parametrize("given", ["dns.a", "dns.a=", "=a", "dns a=a", "", "dns=a,dns.dlq=b"])
def test_topics_without_accounts_are_refused_at_the_start(set_settings: SetSettings, given: str) -> None:
    from app.core.config import settings

    set_settings(KAFKA_ACCOUNTS="topic", KAFKA_TOPIC_ACCOUNTS=given)
    with pytest.raises(SystemExit, match="KAFKA_TOPIC_ACCOUNTS"):
        settings()
