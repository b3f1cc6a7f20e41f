"""`python -m dns_orchestrator` is the command `dns-orchestrator`."""

from dns_orchestrator.cli import main

main()
