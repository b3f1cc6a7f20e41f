"""The settings of a zone as the fields of a form, and back as a JSON merge patch (RFC 7396)."""

from collections.abc import Mapping
from typing import Any

from app.console.forms import Form
from app.domain.zone_settings import ABOUT_ACCESS, Threshold, ZoneSettings

NUMBERS = ("default_ttl", "min_ttl", "max_ttl", "approval_timeout")
CHOICES = ("checks", "private_addresses", "others", "ungranted", "drift")
THRESHOLDS = ("max_deletes", "max_changes")


def fields_of(settings: ZoneSettings) -> dict[str, str]:
    """Return the fields of a zone's form: what was set; a setting with its default is empty."""
    rights = settings.rights
    texts: dict[str, str] = {
        **{name: str(getattr(settings, name)) for name in (*NUMBERS, "checks", "private_addresses", "drift")},
        **{name: str(getattr(rights, name)) for name in ("owner", "others", "ungranted")},
        "allowed_types": " ".join(sorted(settings.allowed_types or ())),
        "unknown_types": "yes" if settings.unknown_types else "no",
        "protected_names": "\n".join(settings.protected_names.patterns),
        "reserved": "\n".join(f"{pattern} {who}" for pattern, who in rights.reserved.accounts.items()),
        "approvers": "\n".join(sorted(settings.approvers)),
    }
    chosen = {name: text for name, text in texts.items() if name in settings.chosen}
    for name in THRESHOLDS:
        threshold: Threshold = getattr(settings, name)
        chosen |= {f"{name}_{part}": str(value) for part, value in threshold._asdict().items() if value}
    return chosen


def patch_of(form: Form, stored: ZoneSettings, *, about_access: bool) -> dict[str, Any]:
    """Return what the form says: null for an empty field, which is the default.

    Who may change what is part of it only for who may say that.
    """
    patch: dict[str, Any] = {
        **{name: form.number(name) for name in NUMBERS},
        **{name: form.text(name) for name in (*CHOICES, "owner")},
        "allowed_types": form.words("allowed_types") or None,
        "unknown_types": {"yes": True, "no": False}.get(form.text("unknown_types") or ""),
        "protected_names": form.lines("protected_names") or None,
        "approvers": form.lines("approvers") or None,
        "reserved": _reserved(form, stored.rights.reserved.accounts),
        **{name: _threshold(form, name) for name in THRESHOLDS},
    }
    return {name: value for name, value in patch.items() if about_access or name not in ABOUT_ACCESS}


def _reserved(form: Form, stored: Mapping[str, str]) -> dict[str, str | None] | None:
    """Return who has which names; those that are not said any more are removed."""
    said = {
        pattern: who.strip() for line in form.lines("reserved") for pattern, _, who in [line.partition(" ")]
    }
    return {**dict.fromkeys(stored), **said} if said else None


def _threshold(form: Form, name: str) -> dict[str, Any] | None:
    found = {part: form.number(f"{name}_{part}") for part in Threshold._fields}
    return found if any(value is not None for value in found.values()) else None
