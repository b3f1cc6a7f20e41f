"""Errors that keep the stack from running, in words for the person who starts it."""


class StackError(Exception):
    """The stack can't do what it was told. The message says why, and what can be done about it."""


class Unavailable(StackError):
    """A program is not on this machine, and can't be downloaded."""
