"""What a request may say in `extra_config`: any JSON, within bounds that playbooks can read."""

import json
import re
from collections.abc import Iterator

from app.domain.errors import Reason
from app.domain.places import EXTRA_CONFIG

MAX_EXTRA_CONFIG = 8 * 1024  # characters of JSON
MAX_EXTRA_CONFIG_DEPTH = (
    16  # objects and lists in each other; a playbook may read them by YAML, which gives up
)
MAX_EXTRA_CONFIG_KEY = 100  # characters; likewise

_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def why_not_extra_config(extra: object) -> Iterator[Reason]:
    """Yield why `extra_config` can't be stored, or not be read by a playbook."""
    try:
        text = json.dumps(extra, allow_nan=False)
    except ValueError:
        yield Reason(EXTRA_CONFIG, "number_not_finite", "a number is too large to be stored")
        return
    if len(text) > MAX_EXTRA_CONFIG:
        yield Reason(
            EXTRA_CONFIG, "extra_config_too_long", f"more than {MAX_EXTRA_CONFIG} characters of JSON"
        )
    if _ESCAPED_NUL.search(text):
        yield Reason(EXTRA_CONFIG, "control_character", "NUL characters cannot be stored")
    yield from _why_not_so_deep(extra)


def can_be_stored(value: object) -> bool:
    """Return whether PostgreSQL can hold the value as JSON: no NUL, and every number finite."""
    try:
        return not _ESCAPED_NUL.search(json.dumps(value, allow_nan=False))
    except ValueError:
        return False


def _why_not_so_deep(extra: object) -> Iterator[Reason]:
    level, depth = [extra], 0
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        keys = (key for each in level if isinstance(each, dict) for key in each)
        if any(len(key) > MAX_EXTRA_CONFIG_KEY for key in keys):
            yield Reason(
                EXTRA_CONFIG,
                "extra_config_key_too_long",
                f"keys have at most {MAX_EXTRA_CONFIG_KEY} characters",
            )
            return
        if depth > MAX_EXTRA_CONFIG_DEPTH:
            yield Reason(
                EXTRA_CONFIG, "extra_config_too_deep", f"it is nested more than {MAX_EXTRA_CONFIG_DEPTH} deep"
            )
            return
        level = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]
