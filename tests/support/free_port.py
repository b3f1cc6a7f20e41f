"""A port for a server of a test."""

from stack.ports import Ports


def free_port() -> int:
    """Return a port that is free now, over TCP and UDP.

    The system gives none of those to a connection before the server has it.
    """
    return Ports.free().dns
