"""From which web pages calls are taken that change something.

A browser sends a page's POST to whoever it names, without asking first where it has no body, or a plain text
or a form for one; only the answer is kept from the page. Cancelling, approving, applying need no body: where
nobody is asked who he is (`AUTH=off`), any page that is open in a browser on this machine could do that.
"""

from collections.abc import Collection, Iterable

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1
_OF_BROWSERS = frozenset({b"origin", b"sec-fetch-site"})
_OWN = frozenset({b"same-origin", b"none"})  # a page of ours, or nothing but the user


class OwnPages:
    """A call that may change something, from a page of others, is answered 403.

    `allowed` are origins whose pages may call.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(origin.encode() for origin in allowed)

    def refuse(self, scope: Scope) -> Response | None:
        """Return the answer to a call that a page of others makes; None to any other."""
        if scope["method"] in _SAFE or self._takes(scope["headers"]):
            return None
        detail = "pages of this origin may not call; CORS_ORIGINS says which may"
        return JSONResponse({"detail": detail, "code": "origin_not_allowed"}, 403, {"Connection": "close"})

    def _takes(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Return whether no browser says that a page of others makes the call."""
        said = [(name, value) for name, value in headers if name in _OF_BROWSERS]
        if not said:
            return True
        origins = [value for name, value in said if name == b"origin"]
        if origins and self._allowed.issuperset(origins):
            return True
        # A browser's own word counts first: a proxy may have put another host name into the call.
        if sites := [value for name, value in said if name == b"sec-fetch-site"]:
            return _OWN.issuperset(sites)
        hosts = {value.lower() for name, value in headers if name == b"host"}
        return hosts.issuperset(origin.partition(b"://")[2].lower() for origin in origins)
