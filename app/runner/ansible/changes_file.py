"""Writes the changes file, so that none of Ansible's readers can misread what requesters wrote.

It is read by `from_json`, by `from_yaml`, by a template, or by a plugin, and means the same to all of them:
- A key of `extra_config` that begins with `__ansible` may be one of Ansible's own tags. It is written with
  one more underscore in front, and so is one that has more already: to take one away restores it.
- Braces in texts are written as `\\u007b` and `\\u007d`: no template finds anything to execute.
- Characters beyond the Basic Multilingual Plane stand for themselves: YAML knows no surrogate pairs.
- A number with an exponent has a decimal point: without one it is a text in YAML.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from app.domain.change import Change

_ANSIBLES_KEY = re.compile(r"__+ansible")
_TEXT_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?[eE][+-]?\d+')
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")
_PLAIN_BRACES = 2  # of each kind: the item's own, and those of an empty `extra_config`


def dump_changes(changes: Iterable[Change]) -> str:
    """Return the text of a changes file: JSON, an item a line."""
    return "[" + ",\n".join(map(_dump, changes)) + "]"


def _dump(change: Change) -> str:
    item = change.as_json()
    if change.extra_config:
        item["extra_config"] = _with_escaped_keys(change.extra_config)
    text = json.dumps(item)
    is_plain = text.count("{") == text.count("}") == _PLAIN_BRACES and "\\ud" not in text
    return text if is_plain and not change.extra_config else _TEXT_OR_NUMBER.sub(_rewrite, text)


def _with_escaped_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_escaped(key): _with_escaped_keys(item) for key, item in value.items()}
    return [_with_escaped_keys(item) for item in value] if isinstance(value, list) else value


def _escaped(key: str) -> str:
    return f"_{key}" if _ANSIBLES_KEY.match(key) else key


def _rewrite(token: re.Match[str]) -> str:
    text = token[0]
    if not text.startswith('"'):
        return text if "." in text else text.replace("e", ".0e")
    return _SURROGATES.sub(_as_itself, text.replace("{", r"\u007b").replace("}", r"\u007d"))


def _as_itself(pair: re.Match[str]) -> str:
    high, low = (int(half, 16) for half in pair.groups()[1:])
    return pair[1] + chr(0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF))
