"""Makes text from outside fit for the database and for people: without secrets and control characters."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

HIDDEN = "********"
MIN_LENGTH = 6  # characters: to hide shorter secrets would only garble the text
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TSIG_SECRET = re.compile(r'\bsecret\s+"?([^\s";]+)')
_TSIG_KEY_FILES = ("dns_tsig_key_file", "dns_verify_key_file", "dns_transfer_key_file")
_API_KEY = re.compile(r"\S+")  # its file holds nothing else


class Redactor:
    """Hides secrets that are known by their value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, known))) if known else None

    def clean(self, text: str) -> str:
        """Return the text without secrets, control characters and lone surrogates."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)

    def line(self, text: str, limit: int) -> str:
        """Return the cleaned text on one line, cut to `limit` characters."""
        line = " ".join(self.clean(text).split())
        return line if len(line) <= limit else line[: limit - 1] + "…"


def backend_redactor(variables: Mapping[str, Any], names: Iterable[str]) -> Redactor:
    """Return a redactor for a backend's TSIG secrets and API key, and for the environment variables `names`.

    `variables` are the backend's host variables, which name the key files.
    """
    known = [
        *(found for each in _TSIG_KEY_FILES for found in _secrets_in_file(variables.get(each), _TSIG_SECRET)),
        *_secrets_in_file(variables.get("dns_api_key_file"), _API_KEY),
        *(os.environ.get(name, "") for name in names),
    ]
    return Redactor(secret for secret in known if len(secret) >= MIN_LENGTH)


def _secrets_in_file(path: object, secret: re.Pattern[str]) -> Iterator[str]:
    if not isinstance(path, str) or not path:
        return
    try:
        yield from secret.findall(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RuntimeError):
        return  # the playbook that needs the file reports that it can't be read
