"""For which account a message may speak: what `KAFKA_ACCOUNTS` believes.

The consumer asserts it; whether the account may make the change, the API decides.
"""

from collections.abc import Collection
from typing import Any

from confluent_kafka import Message

from app.core.config import ANY_ACCOUNT, settings
from app.topics.headers import InvalidMessage, read_headers


def bind_account(body: dict[str, Any], message: Message) -> None:
    """Let the body speak for an account for which the message may: where it names none, for the only one.

    Raises InvalidMessage.
    """
    allowed = _accounts_of(message)
    context = body.setdefault("context", {}) if ANY_ACCOUNT not in allowed else None
    if not isinstance(context, dict):  # all are allowed, or the API refuses it
        return
    if "account_id" not in context:
        if len(allowed) != 1:
            raise InvalidMessage("account_missing", "it has to name one of the accounts of its topic")
        [context["account_id"]] = allowed
    elif context["account_id"] not in list(allowed):  # which may be anything, also what has no hash
        named = "its header" if settings().kafka_accounts == "header" else "its topic"
        raise InvalidMessage("account_not_allowed", f"it speaks for an account that is not that of {named}")


def _accounts_of(message: Message) -> Collection[str]:
    match settings().kafka_accounts:
        case "body":
            return {ANY_ACCOUNT}
        case "header":
            return {_account_in_header(message)}
        case "topic":
            return settings().kafka_topic_accounts.get(message.topic() or "", frozenset())


def _account_in_header(message: Message) -> str:
    """Return the account in the header. Raises InvalidMessage where there is none, or more than one.

    Of two that differ, one is the producer's own, and nobody knows which.
    """
    name = settings().kafka_account_header
    found = {value for header, value in read_headers(message) if header == name}
    try:
        [account] = [(value or b"").decode() for value in found]
    except ValueError:  # none, several, or not UTF-8
        account = ""
    if account in ("", ANY_ACCOUNT):
        raise InvalidMessage("account_missing", f"its header {name} does not name one account")
    return account
