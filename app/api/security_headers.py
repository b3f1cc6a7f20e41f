"""Headers that tell browsers and caches to make nothing of an answer but what it is."""

from starlette.types import Scope

Headers = tuple[tuple[bytes, bytes], ...]

_EVERYWHERE: Headers = ((b"x-content-type-options", b"nosniff"),)
# An answer of the API stands in no cache: it may have a token in it, or be stale soon.
_OF_CALLS: Headers = (*_EVERYWHERE, (b"cache-control", b"no-store"))
_OF_PAGES: Headers = (*_EVERYWHERE, (b"referrer-policy", b"no-referrer"))
_OF_SHOWN_CALLS: Headers = (
    *_OF_CALLS,
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_BY_TLS: Headers = ((b"strict-transport-security", b"max-age=31536000"),)  # RFC 6797; a year
# A browser shows the answers to these to whom it is led there, in a frame, too.
_SHOWN = frozenset({"GET", "HEAD"})


class SecurityHeaders:
    """The headers of every answer; the pages below `pages` have their own policies.

    What is about showing an answer is in those to GET and HEAD only. A browser shows an answer to another
    method where a page sends a form: pages of others are refused (`origins.py`), and ours send none. JSON
    that is not shown needs no such header (OWASP, REST Security Cheat Sheet).
    """

    def __init__(self, pages: str) -> None:
        self._page = pages
        self._below = f"{pages}/"

    def of(self, scope: Scope, path: str) -> Headers:
        """Return the headers that the answer to a call to this path has beside its own."""
        if scope["method"] not in _SHOWN:
            added = _OF_CALLS
        elif path == self._page or path.startswith(self._below):
            added = _OF_PAGES
        else:
            added = _OF_SHOWN_CALLS
        return added + _BY_TLS if scope.get("scheme") == "https" else added
