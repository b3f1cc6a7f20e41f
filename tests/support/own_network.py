"""A network of a test's own, in which every port is free."""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of unshare(2)
_SET_FLAGS, _UP = 0x8914, 0x1  # SIOCSIFFLAGS and IFF_UP of netdevice(7)


def possible() -> bool:
    """Return whether this process may make a network: root may."""
    return os.geteuid() == 0 and hasattr(ctypes.CDLL(None), "unshare")


def in_own_network(work: Callable[[], T]) -> T:
    """Do `work` in a thread that, with all threads and processes that it starts, has a network of its own.

    There is the loopback interface and nothing else. Where that is not possible, `work` is done as it is.
    """
    if not possible():
        return work()
    result: Future[T] = Future()
    Thread(target=_do, args=(work, result), name="own network", daemon=True).start()
    return result.result()


def _do(work: Callable[[], T], result: "Future[T]") -> None:
    try:
        _leave_network()
        result.set_result(work())
    except BaseException as error:
        result.set_exception(error)


def _leave_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
