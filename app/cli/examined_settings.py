"""What `doctor` says of the settings, and of the files and folders that they name."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from app.cli.findings import Finding
from app.core.config import doubtful_settings, settings
from app.runner.ansible.syntax import why_unreadable

_CA_FILES = {  # each with what does not happen without it
    "API_CA_FILE": "the consumer submits nothing",
    "OIDC_CA_FILE": "the API takes no token of the issuer",
    "WEBHOOK_CA_FILE": "no webhook is served",
}


def examine_settings() -> Iterator[Finding]:
    """Yield what is doubtful about them, what runs are made with, and which files can't be used."""
    for line in doubtful_settings():
        yield Finding("settings", "warning", line)
    if settings().simulated:
        words = "changes are only simulated here; set EXECUTOR=ansible, or INVENTORY, to have real runs"
        yield Finding("executor", "warning", words)
    else:
        yield from _playbook(settings().playbook)
    for name, without in _CA_FILES.items():
        if path := getattr(settings(), name.lower()):
            yield _ca_file(name, path, without)
    if folder := settings().export_folder:
        yield _export_folder(folder)


def _playbook(path: Path) -> Iterator[Finding]:
    if unset := [name for name in settings().run_environment if name not in os.environ]:
        words = f"not set here, so runs do not get it: {', '.join(unset)}"
        yield Finding("RUN_ENVIRONMENT", "warning", words)
    if not path.is_file():
        yield Finding("executor", "failed", f"there is no playbook {path}: set PLAYBOOK")
    elif why := why_unreadable(path):
        yield Finding("executor", "failed", f"Ansible can't read the playbook {path}: {why}")
    else:
        yield Finding("executor", "ok", f"ansible, with {path}")


def _ca_file(name: str, path: Path, without: str) -> Finding:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # of TLS, too
        why = "there is no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        words = f"{path} can't be used ({why}), so {without}: name the CA's certificate, a PEM file"
        return Finding(name, "failed", f"{words} that this user may read")
    return Finding(name, "ok", f"{path} can be read")


def _export_folder(folder: Path) -> Finding:
    if not folder.exists():
        words = f"there is no folder {folder}: make it, or mount it; else a worker makes it, where it may"
        return Finding("EXPORT_FOLDER", "warning", words)
    try:
        TemporaryFile(dir=folder).close()
    except OSError as error:
        words = f"{folder} can't be written to ({error.strerror}), so nothing old is dropped: let the user of"
        return Finding("EXPORT_FOLDER", "failed", f"{words} the workers write there")
    return Finding("EXPORT_FOLDER", "ok", f"{folder} can be written to")
