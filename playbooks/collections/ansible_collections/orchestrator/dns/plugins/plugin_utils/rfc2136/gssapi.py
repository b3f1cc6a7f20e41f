"""Kerberos by the system's GSS-API library: a context with a service, whose tokens sign messages (RFC 2743).

It calls MIT Kerberos's library directly, which is loaded with the first context: who uses no Kerberos needs
none (docs/decisions). The app and the Ansible collection each have this file, as Ansible's processes can't
import the app; a test compares them.
"""

import ctypes
import weakref
from collections.abc import Mapping, Sequence
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from functools import lru_cache
from typing import Any

LIBRARY = "libgssapi_krb5.so.2"
_KRB5 = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"  # 1.2.840.113554.1.2.2
_PRINCIPAL = _KRB5 + b"\x01"  # a name as Kerberos writes it, DNS/host@REALM
_SPNEGO = b"\x2b\x06\x01\x05\x05\x02"  # 1.3.6.1.5.5.2, which servers expect (RFC 3645 5.1)
_FLAGS = 2 | 4 | 32  # mutual authentication, replay detection, integrity (RFC 3645 3.1.1)
_INITIATE = 1  # what the credentials are for
_CONTINUE_NEEDED = 1
_ERRORS = 0xFFFF0000  # the bits of a status that say that the call failed
_OF_GSSAPI, _OF_MECHANISM = 1, 2  # kinds of status
# Behind SPNEGO the library numbers its reasons anew, so that only their words are stable.
_KDC_AWAY = ("Cannot contact any KDC", "Cannot find KDC", "Cannot resolve", "Cannot locate KDC")

_NO_TICKETS = "No credentials cache found"


class GssError(Exception):
    """The library, the KDC or the other side refuses. The text never holds a secret."""


class KdcAway(GssError):
    """No KDC answers, or none is known: nobody has refused anything."""


class LibraryMissing(GssError):
    """This machine has no GSS-API library."""


class _Buffer(Structure):
    _fields_ = (("length", c_size_t), ("value", c_void_p))

    def take(self) -> bytes:
        """Return the octets that the library has put here, and free them."""
        octets = ctypes.string_at(self.value, self.length) if self.value else b""
        _library().gss_release_buffer(byref(c_uint32()), byref(self))
        return octets


class _Oid(Structure):
    _fields_ = (("length", c_uint32), ("elements", c_char_p))


class _OidSet(Structure):
    _fields_ = (("count", c_size_t), ("elements", POINTER(_Oid)))


class _Element(Structure):
    _fields_ = (("key", c_char_p), ("value", c_char_p))


class _Store(Structure):
    _fields_ = (("count", c_uint32), ("elements", POINTER(_Element)))


class Context:
    """A context that is being established with a service, or is. One thread at a time may use it."""

    def __init__(self, service: str, principal: str | None, store: Mapping[str, str]) -> None:
        """Get the credentials of the principal, or else of the first one in the store; the KDC may be asked.

        The store has the places `client_keytab` and `ccache`, as Kerberos writes them (`FILE:/path`). With a
        keytab, tickets are got whenever they are missing or over. Raises GssError.
        """
        _library()
        self._handle, self._credentials, self._service = c_void_p(), c_void_p(), c_void_p()
        weakref.finalize(self, _release, self._handle, self._credentials, self._service)
        self.is_complete = False
        _import_name(service, self._service)
        _acquire(principal, store, self._credentials)

    def step(self, token: bytes = b"") -> bytes:
        """Take the service's token, and return the one for it: empty if none is due. Raises GssError."""
        answer = _Buffer()
        status = _call(
            "gss_init_sec_context", self._credentials, byref(self._handle), self._service,
            byref(_oid(_SPNEGO)), _FLAGS, 0, None, byref(_buffer(token)), None, byref(answer), None, None,
        )  # fmt: skip
        self.is_complete = not status & _CONTINUE_NEEDED
        return answer.take()

    def get_signature(self, octets: bytes) -> bytes:
        """Return the signature of the octets. Raises GssError."""
        signature = _Buffer()
        _call("gss_get_mic", self._handle, 0, byref(_buffer(octets)), byref(signature))
        return signature.take()

    def verify_signature(self, octets: bytes, signature: bytes) -> None:
        """Raise GssError unless it is the service's signature of the octets."""
        _call("gss_verify_mic", self._handle, byref(_buffer(octets)), byref(_buffer(signature)), None)


def require_library() -> None:
    """Raise LibraryMissing where no context can be made."""
    _library()


def _acquire(principal: str | None, store: Mapping[str, str], credentials: c_void_p) -> None:
    name = c_void_p()
    if principal:
        _import_name(principal, name)
    elements = [_Element(key.encode(), value.encode()) for key, value in store.items()]
    places = _Store(len(elements), (_Element * len(elements))(*elements))
    try:
        for mechanism in (_KRB5, _SPNEGO):  # the second does not tell what is wrong with the tickets
            _library().gss_release_cred(byref(c_uint32()), byref(credentials))
            wanted = _OidSet(1, ctypes.pointer(_oid(mechanism)))
            _call(
                "gss_acquire_cred_from", name, 0, byref(wanted), _INITIATE, byref(places),
                byref(credentials), None, None, mechanism=mechanism,
            )  # fmt: skip
    except GssError as error:
        if str(error).startswith(_NO_TICKETS) and "client_keytab" in store:
            raise GssError(f"the keytab has no key of {principal or 'anybody'}, or can't be read") from None
        raise
    finally:
        _library().gss_release_name(byref(c_uint32()), byref(name))


def _release(handle: c_void_p, credentials: c_void_p, service: c_void_p) -> None:
    library, minor = _library(), byref(c_uint32())
    library.gss_delete_sec_context(minor, byref(handle), None)
    library.gss_release_cred(minor, byref(credentials))
    library.gss_release_name(minor, byref(service))


def _import_name(principal: str, name: c_void_p) -> None:
    _call("gss_import_name", byref(_buffer(principal.encode())), byref(_oid(_PRINCIPAL)), byref(name))


def _call(function: str, *arguments: Any, mechanism: bytes = _SPNEGO) -> int:
    """Call a function of the library, and return its status. Raises GssError."""
    minor = c_uint32()
    status: int = getattr(_library(), function)(byref(minor), *arguments)
    if not status & _ERRORS:
        return status
    words = _words(minor.value, _OF_MECHANISM, mechanism) or _words(status, _OF_GSSAPI, mechanism)
    raise (KdcAway if words.startswith(_KDC_AWAY) else GssError)(words)


def _words(status: int, kind: int, mechanism: bytes) -> str:
    """Return what a status means, in English: the process has not chosen another language for the library."""
    more, text = c_uint32(), _Buffer()
    _library().gss_display_status(
        byref(c_uint32()), status, kind, byref(_oid(mechanism)), byref(more), byref(text)
    )
    return text.take().decode("utf-8", "replace")


def _buffer(octets: bytes) -> _Buffer:
    return _Buffer(len(octets), ctypes.cast(c_char_p(octets), c_void_p))


def _oid(octets: bytes) -> _Oid:
    return _Oid(len(octets), octets)


_ARGUMENTS: Mapping[str, Sequence[Any]] = {  # of each function, but for the first: where to put the reason
    "gss_acquire_cred_from": (c_void_p, c_uint32, c_void_p, c_int, *(c_void_p,) * 4),
    "gss_init_sec_context": (*(c_void_p,) * 4, c_uint32, c_uint32, *(c_void_p,) * 6),
    "gss_get_mic": (c_void_p, c_uint32, c_void_p, c_void_p),
    "gss_verify_mic": (c_void_p,) * 4,
    "gss_import_name": (c_void_p,) * 3,
    "gss_display_status": (c_uint32, c_int, *(c_void_p,) * 3),
    "gss_delete_sec_context": (c_void_p,) * 2,
    "gss_release_cred": (c_void_p,),
    "gss_release_name": (c_void_p,),
    "gss_release_buffer": (c_void_p,),
}


@lru_cache(maxsize=1)
def _library() -> Any:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        raise LibraryMissing(f"{LIBRARY} is missing: Debian's package libgssapi-krb5-2 has it") from None
    for name, arguments in _ARGUMENTS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = c_uint32, (c_void_p, *arguments)
    return library
