"""Where the API is, and who calls: from arguments, the environment, a profile, or as `make up` has it.

Profiles are tables of `~/.config/dns-orchestrator/config.toml` (XDG_CONFIG_HOME counts):

    default = "production"

    [profiles.production]
    url = "https://dns.example.net"
    account = "team-a"
    token_file = "~/.secrets/dns"
"""

import getpass
import logging
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dns_orchestrator.credentials import Credentials
from dns_orchestrator.errors import ConfigurationError

log = logging.getLogger(__name__)

DEFAULT_URL = "http://localhost:8000"
_PREFIX = "DNS_ORCHESTRATOR_"
_KNOWN = frozenset({"url", "account", "token_file"})
_NOT_IN_ACCOUNTS = re.compile(r"[^A-Za-z0-9._@-]+")


@dataclass(frozen=True)
class Settings:
    """Where the API is and who calls. Without an account, the API takes the only one that the token has."""

    url: str = DEFAULT_URL
    token: str | None = field(default=None, repr=False)
    account_id: str | None = None
    profile: str | None = None


def find_settings(
    url: str | None = None,
    token: str | None = None,
    account_id: str | None = None,
    profile: str | None = None,
) -> Settings:
    """Return what is given, and for what is not, what the environment or the profile says.

    Raises ConfigurationError.
    """
    name, chosen = _find_profile(profile or _environment("PROFILE"))
    found_url = (url or _environment("URL") or chosen.get("url") or DEFAULT_URL).rstrip("/")
    token_file = _environment("TOKEN_FILE") or chosen.get("token_file")
    token = token or _environment("TOKEN") or _read_token(token_file)
    token = token or stored_credentials().token_for(found_url, name)
    account = account_id or _environment("ACCOUNT") or chosen.get("account")
    return Settings(
        url=found_url,
        token=token,
        account_id=account or (None if token else _login_name()),
        profile=name,
    )


def config_folder() -> Path:
    """Return the folder of the profiles."""
    return in_home(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "dns-orchestrator"


def in_home(path: str) -> Path:
    """Return the path, with the user's home for a ~. Raises ConfigurationError where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        words = "set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME"
        raise ConfigurationError(f"there is no home for {path}: {words}") from error


def stored_credentials() -> Credentials:
    """Return what `dns-orchestrator login` has stored."""
    return Credentials(config_folder() / "credentials.json")


def read_profiles(file: Path) -> Mapping[str, Any]:
    """Return the file of the profiles; it need not exist. Raises ConfigurationError."""
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: {error}") from error


def _find_profile(wanted: str | None) -> tuple[str | None, Mapping[str, str]]:
    file = config_folder() / "config.toml"
    read = read_profiles(file)
    profiles, name = read.get("profiles", {}), wanted or read.get("default")
    if not _is_text_in_tables(profiles) or not isinstance(name, str | None):
        raise ConfigurationError(f"{file}: `default` is a text, and so are all settings of [profiles.NAME]")
    if name is None:
        return None, {}
    if name not in profiles:
        known = f"it has {', '.join(sorted(profiles))}" if profiles else "it has none"
        raise ConfigurationError(f"{file} has no profile {name!r}: {known}")
    unknown = set(profiles[name]) - _KNOWN
    if unknown:
        words = f"{', '.join(sorted(unknown))}; there are {', '.join(sorted(_KNOWN))}"
        raise ConfigurationError(f"{file}: the profile {name} has settings that do not exist: {words}")
    return name, profiles[name]


def _is_text_in_tables(found: Any) -> bool:
    tables = found.values() if isinstance(found, Mapping) else [None]
    return all(
        isinstance(table, Mapping) and all(isinstance(value, str) for value in table.values())
        for table in tables
    )


def _read_token(file: str | None) -> str | None:
    if file is None:
        return None
    try:
        path = in_home(file)
        if os.name == "posix" and path.stat().st_mode & stat.S_IROTH:
            log.warning("%s can be read by everybody on this machine: chmod 600 %s", path, path)
        return path.read_text().strip() or None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the token can't be read: {error}") from error


def _login_name() -> str:
    """Return the account of an API that asks nobody who he is: the user's login name, made valid."""
    try:
        name = getpass.getuser()
    except OSError:  # the user has no name
        name = ""
    return _NOT_IN_ACCOUNTS.sub("-", name).strip("-") or "unnamed"


def _environment(name: str) -> str | None:
    return os.environ.get(f"{_PREFIX}{name}") or None
