"""What can be wrong with a change before anything is sent, and which failures may pass by themselves."""

# Result codes of a playbook that may pass by themselves.
AWAY = frozenset({"server_unreachable", "backend_unknown"})  # nothing was tried: again as soon as it is back
DOUBTFUL = frozenset({"server_failed", "changed_meanwhile"})  # the server tripped: again, but not for ever

_SHOWN = 60  # characters of a requester's text that a message repeats


class DomainError(ValueError):
    """Something asked for that DNS, or this service, does not allow.

    `code` is stable and meant for programs; `message` is meant for a person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


class InvalidName(DomainError):
    """Not a name that a zone could hold."""


class InvalidRdata(DomainError):
    """Not a value that a record of this type could hold."""


def shown(text: str) -> str:
    """`text` quoted for a message: shortened, and with nothing unprintable left in it."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
