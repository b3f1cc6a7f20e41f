"""How talking to a server can fail as a whole; the texts say why, and hold no secrets."""


class Unreachable(Exception):
    """No connection could be made, or nothing but a question was sent: nothing was carried out."""


class NoAnswer(Exception):
    """A message was sent, and no answer came that can be trusted: whether it was carried out is unknown."""


class KeyRefused(Exception):
    """The server does not accept the key, so it carried out nothing."""


class KeyFileError(Exception):
    """The key file can't be used. The text never quotes what the file holds."""
