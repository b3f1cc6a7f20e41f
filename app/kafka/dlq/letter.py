"""A dead letter as it lies in its topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from confluent_kafka import Message

from app.kafka.dlq.producer import OUR_HEADERS, VALUE_LEFT_OUT, Content, Headers, own_headers
from app.kafka.message import KEY_HEADER, Place


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter, its message's own headers told from those that say why and from where it came."""

    message: Message
    own: Headers
    ours: Mapping[str, str]
    replayed: bool

    @classmethod
    def of(cls, message: Message, replayed: bool) -> Self:
        """Ours come last, each once; whatever of the same name comes before is the message's own."""
        own, ours = own_headers(message), dict[str, str]()
        while own and own[-1][0] in OUR_HEADERS and own[-1][0] not in ours:
            name, value = own.pop()
            ours[name] = (value or b"").decode(errors="backslashreplace")
        return cls(message, own, ours, replayed)

    @property
    def place(self) -> Place:
        """Where the letter lies."""
        return Place.of(self.message)

    @property
    def at(self) -> datetime:
        """When it was written."""
        return datetime.fromtimestamp(self.message.timestamp()[1] / 1000, UTC)

    @property
    def error(self) -> str:
        """Why the message was not accepted."""
        return self.ours.get("error", "")

    @property
    def origin(self) -> str:
        """Where the message lay, as `topic:partition:offset`."""
        return ":".join(self.ours.get(f"original-{part}", "") for part in ("topic", "partition", "offset"))

    def obstacle(self, topic: str) -> str | None:
        """Why it can't be sent back to `topic`, or None."""
        if self.ours.get("original-topic") != topic:
            return f"it does not come from {topic}"
        if VALUE_LEFT_OUT in self.ours:
            return "its value was too large to be kept"
        return None

    def content(self) -> Content:
        """The message as it was; with an idempotency key, so that sent back twice it is still one request."""
        keyed = any(name == KEY_HEADER and value for name, value in self.own)
        key = f"{self.origin}:{self.ours.get('original-timestamp', '')}".encode()
        return {
            "key": self.message.key(),
            "value": self.message.value(),
            "headers": self.own if keyed else [*self.own, (KEY_HEADER, key)],
        }
