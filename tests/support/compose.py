"""docker-compose.yml as compose reads it when no variable is set."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml  # type: ignore[import-untyped]

from stack.paths import ROOT

COMPOSE = ROOT / "docker-compose.yml"
SERVICES: Mapping[str, Mapping[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]


def default(text: str) -> str:
    """Return the text with `${NAME:-default}` replaced."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def environment(service: str) -> dict[str, str]:
    """Return the variables of a service."""
    return {name: default(str(value)) for name, value in SERVICES[service]["environment"].items()}


def command(service: str) -> Sequence[str]:
    """Return the command of a service: none where it leaves that to its image."""
    return [default(word) for word in SERVICES[service].get("command", ())]


def mounts(service: str) -> dict[str, str]:
    """Return the volumes of a service: the volume, or the path outside, by the path inside."""
    parts = (mount.split(":") for mount in SERVICES[service].get("volumes", ()))
    return {part[1]: part[0] for part in parts}


def published(service: str) -> str:
    """Return the port inside that a service publishes first."""
    return default(SERVICES[service]["ports"][0]).partition("/")[0].rpartition(":")[2]
