"""Extended regular expressions of POSIX (IEEE 1003.1 9.4), as NAPTR records have them (RFC 3402 3.2)."""

import re

_MAX_REPEATED = 255  # RE_DUP_MAX
_ITEM = (
    rb"(?:\[:(?:alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit):\]"
    rb"|\[=[^\]]=\]|\[\.[^\]]\.\]"  # an equivalence class, a collating element
    rb"|(?P<first>[^\]\[-])-(?P<last>[^\]\[])(?!(?:\[[:=][a-z]+[:=]\]|\[(?![.:=]))*+-)"  # a range
    rb"|[^\]\[-](?!-[^\]])|\[(?![.:=-])|-(?=\]))"
)
_ITEMS = _ITEM.replace(b"?P<first>", b"?:").replace(b"?P<last>", b"?:")
_SET = rb"\[\^?+[\]-]?+" + _ITEMS + rb"*+\]"
_TOKEN = re.compile(
    rb"\\(?P<escaped>.)|(?P<set>" + _SET + rb")"
    rb"|\{(?P<least>[0-9]{1,3})(?P<most>,[0-9]{0,3})?\}"
    rb"|(?P<sign>[(|)^$*+?])|[^\\\[{]|\{(?![0-9])",
    re.DOTALL,
)
_IN_SET = re.compile(_ITEM, re.DOTALL)


class InvalidExpression(ValueError):
    """What is no regular expression; the text says why."""


def count_groups(expression: bytes) -> int:
    """Return how many groups an expression has. Raises InvalidExpression.

    What POSIX leaves undefined is refused, as BIND does: `a**`, `(*a)`, `a|`, `(?:a)`, a `)` alone.
    """
    state = _State()
    place = 0
    while place < len(expression):
        token = _TOKEN.match(expression, place)
        if token is None:
            raise InvalidExpression(f"{chr(expression[place])} begins what never ends")
        place = token.end()
        state.add(token)
    if state.depth:
        raise InvalidExpression("a group is not closed")
    if not state.has_branch:
        raise InvalidExpression("there is nothing on one side of |")
    return state.groups


class _State:
    """How far an expression is read."""

    def __init__(self) -> None:
        self.groups = self.depth = 0
        self.has_branch = False  # whether there is anything behind the last ( or |
        self._may_be_empty = False  # a group may, an alternative of it may not
        self._can_repeat = False

    def add(self, token: re.Match[bytes]) -> None:
        match token["sign"]:
            case b"(":
                self.groups, self.depth = self.groups + 1, self.depth + 1
                self.has_branch, self._may_be_empty, self._can_repeat = False, True, False
            case b")":
                self._close()
            case b"|":
                self._require_branch()
                self.has_branch = self._may_be_empty = self._can_repeat = False
            case b"^" | b"$":
                self.has_branch, self._can_repeat = True, False
            case b"*" | b"+" | b"?":
                self._repeat()
            case _ if token["least"]:
                self._check_bound(token)
                self._repeat()
            case _:
                self._check_atom(token)
                self.has_branch = self._can_repeat = True

    def _close(self) -> None:
        if not self.depth:
            raise InvalidExpression("a ) closes no group")
        if not self._may_be_empty:
            self._require_branch()
        self.depth -= 1
        self.has_branch = self._can_repeat = True

    def _require_branch(self) -> None:
        if not self.has_branch:
            raise InvalidExpression("there is nothing on one side of |")

    def _repeat(self) -> None:
        if not self._can_repeat:
            raise InvalidExpression("nothing that can be repeated stands before *, +, ? or a bound")
        self._can_repeat = False

    def _check_bound(self, token: re.Match[bytes]) -> None:
        least, most = int(token["least"]), (token["most"] or b",")[1:]
        if max(least, int(most or 0)) > _MAX_REPEATED or (most and int(most) < least):
            raise InvalidExpression(f"a bound goes from 0 to {_MAX_REPEATED}, as in a{{1,3}}")

    def _check_atom(self, token: re.Match[bytes]) -> None:
        if (token["escaped"] or b"").isdigit() and int(token["escaped"]) > self.groups:
            raise InvalidExpression(f"there is no group {int(token['escaped'])} yet")
        if token["set"] and any(
            found["first"] and found["first"] > found["last"] for found in _IN_SET.finditer(token["set"], 1)
        ):
            raise InvalidExpression("a range in brackets goes backwards")
