"""The environment of an Ansible process: what Ansible needs of the worker's, and none of its secrets."""

import os
from collections.abc import Iterable, Iterator, Mapping
from configparser import Error as ConfigError
from configparser import RawConfigParser
from pathlib import Path

from app.core.config import ROOT

RUNS_OWN = frozenset({"ANSIBLE_LOCAL_TEMP", "TMPDIR"})  # variables that differ from run to run

_NAMES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "LANG", "LANGUAGE", "SSH_AUTH_SOCK", "KRB5CCNAME"}
    | {"KRB5_CONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
_PREFIXES = ("LC_", "ANSIBLE_")
_CALLBACKS = ROOT / "playbooks" / "plugins" / "callback"
_DEFAULT_CALLBACKS = "~/.ansible/plugins/callback:/usr/share/ansible/plugins/callback"


def ansible_environment(names: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment for Ansible; `names` are further variables of the worker to pass on."""
    wanted = _NAMES | set(names)
    passed = {
        name: value for name, value in os.environ.items() if name in wanted or name.startswith(_PREFIXES)
    }
    return {"LANG": "C.UTF-8", **passed, "ANSIBLE_NOCOLOR": "1"}


def run_environment(cwd: Path, scratch: Path, names: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment of a run in the folder `cwd`.

    To that of `ansible_environment` it adds the run's own temporary folder, `scratch`, and the callback
    plugin that reports events.
    """
    environment = ansible_environment(names)
    callbacks = dict.fromkeys([str(_CALLBACKS), *_callback_folders(environment, cwd)])
    return environment | {
        "ANSIBLE_CALLBACK_PLUGINS": ":".join(callbacks),
        "ANSIBLE_LOCAL_TEMP": str(scratch),
        "TMPDIR": str(scratch),
    }


def _callback_folders(environment: Mapping[str, str], cwd: Path) -> list[str]:
    """Return the operator's folders of callback plugins.

    The environment variable that names ours would otherwise hide them.
    """
    if "ANSIBLE_CALLBACK_PLUGINS" in environment:
        return environment["ANSIBLE_CALLBACK_PLUGINS"].split(":")
    for path in filter(Path.is_file, config_files(environment, cwd)):
        config = RawConfigParser(inline_comment_prefixes=(";",), strict=False)
        try:
            config.read(path, encoding="utf-8")
        except (ConfigError, UnicodeDecodeError):
            break  # Ansible reports what is wrong with it
        folders = config.get("defaults", "callback_plugins", fallback=_DEFAULT_CALLBACKS)
        return [str(path.parent / Path(folder.strip()).expanduser()) for folder in folders.split(":")]
    return _DEFAULT_CALLBACKS.split(":")


def config_files(environment: Mapping[str, str], cwd: Path) -> Iterator[Path]:
    """Yield the files in which Ansible looks for its configuration; it reads the first that exists."""
    if environment.get("ANSIBLE_CONFIG"):
        named = Path(environment["ANSIBLE_CONFIG"]).expanduser()
        yield named / "ansible.cfg" if named.is_dir() else named
    yield cwd / "ansible.cfg"
    yield Path("~/.ansible.cfg").expanduser()
    yield Path("/etc/ansible/ansible.cfg")
