"""Text from outside, made fit for a terminal."""


def decoded(raw: bytes | None) -> str | None:
    """The bytes as text; what is not UTF-8 is shown as escape sequences."""
    return None if raw is None else raw.decode(errors="backslashreplace")


def printable(text: str) -> str:
    """The text without what would move the cursor, colour the terminal or break a line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
