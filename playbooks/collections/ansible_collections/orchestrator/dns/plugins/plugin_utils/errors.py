"""How a batch can fail as a whole. The texts say why, and never hold a secret."""


class Unreachable(Exception):
    """No update was sent: there was no connection, or a query got no answer. Nothing was changed."""


class NoAnswer(Exception):
    """A message was sent, and no answer came that can be trusted: whether it was carried out is unknown."""


class KeyRefused(Exception):
    """The server does not accept the TSIG key or the API key. Nothing was changed."""


class KeyFileError(Exception):
    """A key file cannot be used. The text never quotes what the file holds."""
