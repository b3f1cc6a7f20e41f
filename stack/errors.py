"""What can keep the stack from running, in words for the person who started it."""


class StackError(Exception):
    """Something that its reader can do something about; the message says what."""


class Unavailable(StackError):
    """A program can be had neither from this machine nor from its package source."""
