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
# What a browser may load for a page of the console, and where its forms may lead: only what comes from here.
# `same-origin`: with `no-referrer` a browser sends forms with `Origin: null`, which `origins.py` refuses.
_OF_CONSOLE: Headers = (
    *_EVERYWHERE,
    (b"referrer-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
)
_OF_CONSOLE_PAGES: Headers = (*_OF_CONSOLE, (b"cache-control", b"no-store"))
_OF_CONSOLE_FILES: Headers = (*_OF_CONSOLE, (b"cache-control", b"no-cache"))
_BY_TLS: Headers = ((b"strict-transport-security", b"max-age=31536000"),)  # RFC 6797; a year
# A browser shows the answers to these to whom it is led there, in a frame, too.
_SHOWN = frozenset({"GET", "HEAD"})


class SecurityHeaders:
    """The headers of every answer; the pages below `pages` have their own policies, and so has the console.

    What is about showing an answer is in those to GET and HEAD only. A browser shows an answer to another
    method where a page sends a form: pages of others are refused (`origins.py`), and of ours only those of
    the console send forms. JSON that is not shown needs no such header (OWASP, REST Security Cheat Sheet).
    """

    def __init__(self, pages: str, console: str) -> None:
        self._page = pages
        self._below = f"{pages}/"
        self._console = console
        self._below_console = f"{console}/"
        self._console_files = f"{console}/static/"

    def of(self, scope: Scope, path: str) -> Headers:
        """Return the headers that the answer to a call to this path has beside its own."""
        if path.startswith(self._below_console) or path == self._console:
            added = _OF_CONSOLE_FILES if path.startswith(self._console_files) else _OF_CONSOLE_PAGES
        elif scope["method"] not in _SHOWN:
            added = _OF_CALLS
        elif path == self._page or path.startswith(self._below):
            added = _OF_PAGES
        else:
            added = _OF_SHOWN_CALLS
        return added + _BY_TLS if scope.get("scheme") == "https" else added
