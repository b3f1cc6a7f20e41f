"""The headers of a message, and what is raised where no request can be made of one."""

from typing import cast

from confluent_kafka import Message

Headers = list[tuple[str, bytes | None]]


class InvalidMessage(Exception):
    """No item can be made of the message. `code` is stable; the text is for people and quotes no value."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def read_headers(message: Message) -> list[tuple[str, bytes | None]]:
    """Return the message's headers in order; a name may occur more than once.

    Raises InvalidMessage if a name is not UTF-8: the client library can't read such headers.
    """
    try:
        return cast("list[tuple[str, bytes | None]]", message.headers() or [])
    except (UnicodeDecodeError, SystemError) as error:
        raise InvalidMessage("header_not_utf8", "the name of a header is not UTF-8") from error


def readable_headers(message: Message) -> Headers:
    """Return the message's headers, or none at all if they can't be read."""
    try:
        return read_headers(message)
    except InvalidMessage:
        return []
