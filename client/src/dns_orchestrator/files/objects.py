"""JSON lines, JSON and YAML: changes as the API has them, or with all their fields side by side."""

import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from dns_orchestrator.change import Change
from dns_orchestrator.errors import ConfigurationError
from dns_orchestrator.files.entry import Entry, FileInvalid

_SHORT = {
    "name": "domain",
    "type": "record_type",
    "value": "target",
    "ptr": "manage_ptr",
    "account": "account_id",
}


def read_json_lines(text: str) -> list[Entry]:
    """Return the changes of a file with an object on each line. Raises FileInvalid."""
    entries = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                entries.append(_entry(number, json.loads(line)))
            except (ValueError, RecursionError) as error:
                raise FileInvalid(number, f"not JSON: {getattr(error, 'msg', error)}") from error
    return entries


def read_json(text: str) -> list[Entry]:
    """Return the changes of a list, or of a batch's body. Raises FileInvalid."""
    try:
        return _entries(json.loads(text))
    except json.JSONDecodeError as error:
        raise FileInvalid(error.lineno, f"not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise FileInvalid(1, f"not JSON: {error}") from error


def read_yaml(text: str) -> list[Entry]:
    """Return the changes of a list, or of a batch's body. Raises FileInvalid; needs the extra `yaml`."""
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        words = "YAML is read by PyYAML: pip install 'dns-orchestrator-client[yaml]'; or write JSON"
        raise ConfigurationError(words) from error
    try:
        return _entries(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        words = getattr(error, "problem", None) or str(error)
        raise FileInvalid(mark.line + 1 if mark else 1, f"not YAML: {words}") from error
    except (ValueError, RecursionError) as error:  # a day that no month has, a list in a thousand others
        raise FileInvalid(1, f"not YAML: {error}") from error


def why(error: ValidationError) -> str:
    """Return what is wrong with the fields of a change, in one line."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


def _entries(found: Any) -> list[Entry]:
    items = found.get("requests") if isinstance(found, Mapping) else found
    if not isinstance(items, Iterable) or isinstance(items, str | Mapping):
        raise FileInvalid(1, 'there should be a list of changes, or {"requests": [a list of changes]}')
    return [_entry(number, item) for number, item in enumerate(items, 1)]


def _entry(number: int, item: Any) -> Entry:
    if not isinstance(item, Mapping):
        raise FileInvalid(number, "a change should be an object")
    try:
        if "resource" in item:
            return Entry(number, Change.from_body(item))
        return Entry(
            number, Change.model_validate({_SHORT.get(str(name), name): item[name] for name in item})
        )
    except ValidationError as error:
        raise FileInvalid(number, why(error)) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileInvalid(number, f"this is no body of a change: {error}") from error
