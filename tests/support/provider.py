"""An identity provider that is not ours: oidc-provider-mock, as a process."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2

from tests.support import http
from tests.support.eventually import eventually
from tests.support.free_port import free_port


@contextmanager
def running_provider(user: Mapping[str, object] | None = None) -> Iterator[str]:
    """A provider for the block, which knows a user by these claims; yields its address."""
    port = free_port()
    known = ["--user-claims", json.dumps(user)] if user else []
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *known]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            eventually(lambda: _answers(url))
            yield url
        finally:
            process.kill()


def _answers(url: str) -> bool:
    try:
        return http.get(url).is_success
    except httpx2.TransportError:
        return False
