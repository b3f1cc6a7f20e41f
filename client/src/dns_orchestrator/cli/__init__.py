"""The command `dns-orchestrator`."""

from dns_orchestrator.cli.app import app, main

__all__ = ["app", "main"]
