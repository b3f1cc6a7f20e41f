"""Reads the API key from a file that holds nothing else."""

import re
from pathlib import Path

from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyFileError

_KEY = re.compile(r"[\x21-\x7e]+")


def read_api_key(path: Path) -> str:
    """Return the API key. Raises KeyFileError, which never quotes what the file holds."""
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KeyFileError(f"the API key file {path} can't be read: {reason}") from None
    if not _KEY.fullmatch(key):
        raise KeyFileError(f"the API key file {path} must hold the key and nothing else")
    return key
