"""A change as a row of a table: texts side by side, as people write them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.domain.change import Action


class ChangeRow(NamedTuple):
    """One change; an empty text is nothing. `value` has a value on each line."""

    action: str = ""
    name: str = ""
    type: str = ""
    ttl: str = ""
    value: str = ""
    priority: str = ""
    weight: str = ""
    port: str = ""
    manage_ptr: str = ""  # "yes" or "no", as people write it
    comment: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing is in it but the action."""
        return not any(self[1:])

    def as_item(self, context: Mapping[str, Any], place: Mapping[str, Any]) -> dict[str, Any]:
        """Return it as an item of a batch. What is no number stays a text, for the shape to refuse."""
        extra = {field: _number(getattr(self, field)) for field in ("weight", "port") if getattr(self, field)}
        config: dict[str, Any] = {
            field: _number(getattr(self, field)) for field in ("ttl", "priority") if getattr(self, field)
        }
        resource: dict[str, Any] = {
            "record_type": self.type.strip().upper(),
            "domain": self.name.strip(),
            **place,
        }
        if values := [line.strip() for line in self.value.split("\n") if line.strip()]:
            resource["target"] = values
        if self.manage_ptr:
            config["manage_ptr"] = read_flag(self.manage_ptr)
        if extra:
            config["extra_config"] = extra
        if config:
            resource["config"] = config
        if comment := self.comment.strip():
            resource["comment"] = comment
        return {
            "action": self.action.strip().lower() or Action.UPSERT.value,
            "context": dict(context),
            "resource": resource,
        }


_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_OF_RESOURCE = ("record_type", "domain", "target", "comment", "zone", "view")
_OF_CONFIG = ("ttl", "priority", "weight", "port", "manage_ptr")
_HELD = frozenset((*_OF_RESOURCE, *_OF_CONFIG))


def not_held(item: Any) -> list[str]:
    """Return what a body of a change says that no row, and nothing beside the rows, has a place for."""
    resource = _mapping(_mapping(item).get("resource"))
    config = _mapping(resource.get("config"))
    said = {**resource, **config, **_mapping(config.get("extra_config"))}
    nested = ("config", "extra_config")
    return sorted(name for name, value in said.items() if value and name not in nested and name not in _HELD)


_CELLS = {"domain": "name", "record_type": "type", "target": "value", "extra_config": "value"}


def cell_of(loc: tuple[str | int, ...]) -> str:
    """Return the cell that a reason against an item is about; the name where it is about none."""
    words = [_CELLS.get(str(word), str(word)) for word in loc]
    return next((word for word in reversed(words) if word in ChangeRow._fields), "name")


def row_of_item(item: Any, action: str) -> ChangeRow:
    """Return a body of a change as a row; what is missing in it, or no text or number, is left empty."""
    resource = _mapping(_mapping(item).get("resource"))
    config = _mapping(resource.get("config"))
    extra = _mapping(config.get("extra_config"))
    target = resource.get("target")
    values = target if isinstance(target, list) else [target]
    return ChangeRow(
        action=action,
        name=_text(resource.get("domain")),
        type=_text(resource.get("record_type")),
        ttl=_text(config.get("ttl")),
        value="\n".join(filter(None, map(_text, values))),
        priority=_text(config.get("priority")),
        weight=_text(extra.get("weight")),
        port=_text(extra.get("port")),
        manage_ptr=flag_in_words(config.get("manage_ptr")),
        comment=_text(resource.get("comment")),
    )


def read_flag(text: str) -> bool | str:
    """Return what a text says; the text where it is neither yes nor no, for the shape to refuse."""
    return _FLAGS.get(text.strip().lower(), text.strip())


def flag_in_words(value: Any) -> str:
    """Return "yes" or "no"; what is neither true nor false as a text."""
    return _text(value) if not isinstance(value, bool) else "yes" if value else "no"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _number(text: str) -> int | str:
    stripped = text.strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) < 19 else stripped
