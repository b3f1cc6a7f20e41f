"""Secrets from files: each setting that holds a secret can be given as `…_FILE`, the path of a file with it.

A variable of the environment is seen by whoever may look at the process (`/proc`, `docker inspect`), and goes
into dumps and bug reports; a file has an owner and a mode. `Settings` says by its types what is a secret, so
that a new one can be given in a file without a word here.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin

from pydantic import SecretStr
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

_ENDING = "_file"
_MAX_SIZE = 64 * 1024  # bytes
# What librdkafka itself reads from a file is no secret of ours, though its name ends like one.
_PATHS = frozenset(
    f"kafka_config__sasl_oauthbearer_assertion{part}_file" for part in ("", "_private_key", "_jwt_template")
)


# Files with secrets that stay files, and are read where they are needed.
_READ_LATER = ("api_token_file", "api_key_file")


class EnvironmentAndFiles(EnvSettingsSource):
    """The variables of the environment, with what stands in the files that some of them name."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        variables = dict(super()._load_env_vars())
        named = {name: path for name, path in variables.items() if _names_secret(name, self.settings_cls)}
        wrong: list[str] = []
        for name, path in named.items():
            setting = name.removesuffix(_ENDING)
            del variables[name]
            try:
                if setting in variables:
                    raise ValueError(f"{setting.upper()} is set as well: set one of the two")
                variables[setting] = _read(Path(path or ""))
            except (OSError, ValueError) as error:
                words = error.strerror if isinstance(error, OSError) else str(error)
                wrong.append(f"{name.upper()} is {path!r}: {words}")
        if wrong:
            raise SettingsError("\n".join(wrong))
        return variables


def secret_file_names(settings_class: type[BaseSettings]) -> list[str]:
    """Return the names of the variables that take files, but for those of librdkafka's properties."""
    return [
        f"{name}{_ENDING}".upper()
        for name, field in settings_class.model_fields.items()
        if _is_secret(field.annotation)
    ]


def open_secret_files(settings_class: type[BaseSettings]) -> Iterator[str]:
    """Yield a line for each file with a secret that everybody on the machine may read."""
    for name, path in os.environ.items():
        known = name.lower() in _READ_LATER or _names_secret(name.lower(), settings_class)
        if path and known and _is_open(Path(path)):
            yield f"everybody on this machine may read the secret that {name} names: chmod o= {path}"


def _names_secret(variable: str, settings_class: type[BaseSettings]) -> bool:
    """Return whether the variable, in small letters, names a file with a secret."""
    if not variable.endswith(_ENDING) or variable in _PATHS:
        return False
    name, nested, _ = variable.removesuffix(_ENDING).partition("__")
    field = settings_class.model_fields.get(name)
    if field is None:
        return False
    if nested:  # a property of a dict
        return get_origin(field.annotation) is dict and SecretStr in get_args(field.annotation)
    return _is_secret(field.annotation)


def _is_secret(annotation: object) -> bool:
    """Return whether it is a secret, or one that may be left out."""
    return annotation is SecretStr or (
        isinstance(annotation, UnionType) and SecretStr in get_args(annotation)
    )


def _read(path: Path) -> str:
    """Return what stands in the file, without the end of its last line. Raises OSError and ValueError."""
    with path.open("rb") as file:
        content = file.read(_MAX_SIZE + 1)
    if len(content) > _MAX_SIZE:
        raise ValueError(f"the file has more than {_MAX_SIZE} bytes")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("the file is no text in UTF-8") from None
    if not text:
        raise ValueError("the file is empty")
    return text


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
